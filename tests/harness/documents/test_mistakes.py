from __future__ import annotations

import pytest

from harness.documents.mistakes import Mistakes
from harness.documents.yaml_document import load
from harness.errors import InputError

ROOT = load("a: {x: 1}\nb: [1, 2]\nc: 3\n", source="f.yaml")


def refuse(node):
    """A reader that accepts nothing."""
    raise InputError("wrong", at=node)


def messages(mistakes: Mistakes) -> list[str]:
    """Return the mistakes, one line each."""
    with pytest.raises(InputError) as caught:
        mistakes.raise_any()
    return str(caught.value).splitlines()


def test_nothing_wrong_raises_nothing():
    """What a reader returns is passed on."""
    mistakes = Mistakes()
    assert 3 == mistakes.read(ROOT.at("c"), lambda node: node.value)
    mistakes.raise_any()


def test_all_mistakes_are_raised_in_the_order_of_the_lines():
    """Whatever the order in which they were found."""
    mistakes = Mistakes()
    for node in (ROOT.at("c"), ROOT.at("b", 1), ROOT.at("a")):
        mistakes.read(node, refuse)
    assert [
        "f.yaml:1: a: wrong",
        "f.yaml:2: b[1]: wrong",
        "f.yaml:3: c: wrong",
    ] == messages(mistakes)


def test_files_stay_in_the_order_in_which_they_were_read():
    """Lines are compared within a file only."""
    mistakes = Mistakes()
    for source, line in (("z.yaml", 9), ("a.yaml", 1), ("z.yaml", 2)):
        mistakes.add(InputError("wrong", source=source, line=line))
    assert ["z.yaml:2: wrong", "z.yaml:9: wrong", "a.yaml:1: wrong"] == messages(
        mistakes
    )


def test_the_same_mistake_is_reported_once():
    """As where two parts use the same value."""
    mistakes = Mistakes()
    mistakes.add(InputError("wrong", at=ROOT.at("c")))
    mistakes.add(InputError("wrong", at=ROOT.at("c")))
    assert ["f.yaml:3: c: wrong"] == messages(mistakes)


def test_other_errors_pass_through():
    """A defect of our own is no mistake of the file."""
    mistakes = Mistakes()
    with pytest.raises(KeyError), mistakes:
        raise KeyError
    mistakes.raise_any()


def test_a_wrong_value_is_not_read_again():
    """Neither it, nor a part of it, nor what is around it; its neighbours are."""
    mistakes = Mistakes()
    mistakes.read(ROOT.at("b", 0), refuse)
    assert not mistakes.none_in(ROOT.at("b", 0))
    assert not mistakes.none_in(ROOT.at("b", 0, "inside"))
    assert not mistakes.none_in(ROOT.at("b"))
    assert mistakes.none_in(ROOT.at("b", 1))
    assert mistakes.none_in(ROOT.at("a"))
    assert mistakes.read(ROOT.at("b"), len) is None


def test_files_are_told_apart():
    """The same path in another file is not wrong."""
    mistakes = Mistakes()
    mistakes.read(ROOT.at("c"), refuse)
    assert mistakes.none_in(load("c: 3", source="g.yaml").at("c"))


def test_a_missing_value_is_not_read():
    """There is nothing to read."""
    mistakes = Mistakes()
    assert mistakes.read(ROOT.at("d"), refuse) is None
    mistakes.raise_any()


def test_a_missing_key_leaves_the_others_readable():
    """The mapping around it is not wrong."""
    mistakes = Mistakes()
    mistakes.add(ROOT.error("no d", missing="d"))
    assert mistakes.none_in(ROOT.at("a"))
    assert not mistakes.none_in(ROOT.at("d"))
    assert ["f.yaml:1: no d"] == messages(mistakes)


def test_a_mistyped_key_counts_as_what_it_was_meant_to_be():
    """So that it is not reported as missing, too."""
    mistakes = Mistakes()
    mistakes.add(ROOT.at("c").error("unknown key", nearest="count"))
    assert {"a", "b", "c", "count"} == mistakes.keys(ROOT)
    assert {"x"} == mistakes.keys(ROOT.at("a"))
    assert set() == mistakes.keys(ROOT.at("b"))
