"""The classes of failure, and the tags that name them."""

from __future__ import annotations

from harness.faults.classes import CLASSES, class_numbers


def test_the_classes_are_the_43_of_the_taxonomy():
    """By number without a gap; tiers fall with the rank; no name comes twice."""
    assert [entry.number for entry in CLASSES] == list(range(1, 44))
    tiers = "".join(entry.tier for entry in CLASSES)
    assert tiers == "S" * 9 + "A" * 11 + "B" * 11 + "C" * 7 + "D" * 5
    assert len({entry.name for entry in CLASSES}) == 43


def test_tags_name_classes():
    """What is no class is passed over; the order is the scenario's."""
    tags = ["clean", "tier-a", "class-16", "class-02", "class-44", "impact-none", "pr"]
    assert class_numbers(tags) == [16, 2]
