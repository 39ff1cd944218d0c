from __future__ import annotations

import pytest

from harness.documents.mistakes import Mistakes
from harness.documents.yaml_document import load
from harness.errors import InputError

TEXT = "a: {x: 1}\nb: [1, 2]\nc: 3\n"


@pytest.fixture
def root():
    """The root of a document in which nothing is known to be wrong."""
    return load(TEXT, source="f.yaml", mistakes=Mistakes())


def refuse(node):
    """A reader that accepts nothing."""
    raise InputError("wrong", at=node)


def messages(mistakes: Mistakes) -> list[str]:
    """Return the mistakes, one line each."""
    with pytest.raises(InputError) as caught:
        mistakes.raise_any()
    return str(caught.value).splitlines()


def test_nothing_wrong_raises_nothing(root):
    """What a reader returns is passed on."""
    assert 3 == root.at("c").read(lambda node: node.value)
    root.mistakes.raise_any()


def test_all_mistakes_are_raised_in_the_order_of_the_lines(root):
    """Whatever the order in which they were found."""
    for node in (root.at("c"), root.at("b", 1), root.at("a")):
        node.read(refuse)
    assert [
        "f.yaml:1: a: wrong",
        "f.yaml:2: b[1]: wrong",
        "f.yaml:3: c: wrong",
    ] == messages(root.mistakes)


def test_files_stay_in_the_order_in_which_they_were_read():
    """Lines are compared within a file only."""
    mistakes = Mistakes()
    for source, line in (("z.yaml", 9), ("a.yaml", 1), ("z.yaml", 2)):
        mistakes.add(InputError("wrong", source=source, line=line))
    assert ["z.yaml:2: wrong", "z.yaml:9: wrong", "a.yaml:1: wrong"] == messages(
        mistakes
    )


def test_the_same_mistake_is_reported_once(root):
    """As where two parts use the same value."""
    root.mistakes.add(InputError("wrong", at=root.at("c")))
    root.mistakes.add(InputError("wrong", at=root.at("c")))
    assert ["f.yaml:3: c: wrong"] == messages(root.mistakes)


def test_other_errors_pass_through():
    """A defect of our own is no mistake of the file."""
    mistakes = Mistakes()
    with pytest.raises(KeyError), mistakes:
        raise KeyError
    mistakes.raise_any()


def test_a_wrong_value_is_not_read_again(root):
    """Neither it, nor a part of it, nor what is around it; its neighbours are."""
    root.at("b", 0).read(refuse)
    assert not root.at("b", 0).is_sound
    assert not root.at("b", 0, "inside").is_sound
    assert not root.at("b").is_sound
    assert root.at("b", 1).is_sound
    assert root.at("a").is_sound
    assert root.at("b").read(len) is None


def test_files_are_told_apart(root):
    """The same path in another file is not wrong."""
    root.at("c").read(refuse)
    assert root.mistakes.none_in("g.yaml", ("c",))


def test_a_missing_value_is_not_read(root):
    """There is nothing to read."""
    assert root.at("d").read(refuse) is None
    root.mistakes.raise_any()


def test_a_missing_key_leaves_the_others_readable(root):
    """The mapping around it is not wrong."""
    root.mistakes.add(root.error("no d", missing="d"))
    assert root.at("a").is_sound
    assert not root.at("d").is_sound
    assert ["f.yaml:1: no d"] == messages(root.mistakes)


def test_a_mistyped_key_counts_as_what_it_was_meant_to_be(root):
    """So that it is not reported as missing, too."""
    root.mistakes.add(root.at("c").error("unknown key", nearest="count"))
    assert {"a", "b", "c", "count"} == root.keys
    assert {"x"} == root.at("a").keys
    assert set() == root.at("b").keys
