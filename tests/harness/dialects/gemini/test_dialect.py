from __future__ import annotations

import pytest

from harness.dialects.gemini.dialect import Gemini


@pytest.mark.parametrize(
    ("value", "expected"),
    [({"candidates": []}, True), ({"choices": []}, False), (["candidates"], False)],
)
def test_its_events_are_known_by_their_candidates(value, expected):
    """They have no type."""
    assert expected is Gemini().owns(value)
