from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from harness.documents.node import Node, Origin
from harness.documents.yaml_document import load
from harness.errors import InputError

ROOT = load("a: 1\nb:\n- x\n- c: true\n", source="f.yaml")


def test_a_node_inside_has_its_value_and_its_place():
    """Keys and positions lead to it, in one step or in several."""
    node = ROOT.at("b", 1, "c")
    assert (True, "b[1].c", "c") == (node.value, node.key, node.name)
    assert ("f.yaml", 4) == (node.source, node.line)
    assert node == ROOT.at("b").at(1).at("c")


@pytest.mark.parametrize("steps", [("z",), ("b", 2), ("b", "z"), ("a", "z"), ("a", 0)])
def test_what_is_not_there_is_none_at_its_place(steps):
    """So that an error can say what is missing where."""
    node = ROOT.at(*steps)
    assert node.value is None
    assert steps == node.path


def test_iteration_yields_the_nodes_inside():
    """The values of a mapping, the entries of a list, and none of what is not there."""
    assert [ROOT.at("a"), ROOT.at("b")] == list(ROOT)
    assert ["x", {"c": True}] == [node.value for node in ROOT.at("b")]
    assert ["b[0]", "b[1]"] == [node.key for node in ROOT.at("b")]
    assert [] == list(ROOT.at("z"))
    assert [] == list(ROOT.at("b", 0))
    assert [] == list(ROOT.at("a"))


def test_keys_read_as_they_are_written():
    """A path joins keys with dots and positions in brackets; the root has none."""
    steps = ("interactions", 0, "response", "segments", 3, "at_ms")
    assert "interactions[0].response.segments[3].at_ms" == ROOT.at(*steps).key
    assert ROOT.key is None


def test_an_error_takes_the_place_of_its_node():
    """File, line and key."""
    error = InputError("expected false", at=ROOT.at("b", 1, "c"), nearest="false")
    expected = "f.yaml:4: b[1].c: expected false (did you mean 'false'?)"
    assert expected == str(error)


def test_a_schema_is_held_against_the_value_alone():
    """What it refuses is told by its place in the whole document."""
    validator = Draft202012Validator({"properties": {"c": {"type": "string"}}})
    ROOT.check(validator)
    with pytest.raises(InputError, match=r"f.yaml:4: b\[1\].c: expected text"):
        ROOT.at("b", 1).check(validator)


def test_a_document_of_one_line_knows_it():
    """Wherever in it the value stands."""
    node = Node({"a": [1]}, Origin("f.ndjson", 7)).at("a", 0)
    assert ("f.ndjson", 7, "a[0]") == (node.source, node.line, node.key)


def test_only_a_mapping_has_keys():
    """Any other value has none."""
    assert ["a", "b"] == list(ROOT.mapping)
    assert {} == ROOT.at("b").mapping
    assert {} == ROOT.at("z").mapping


def test_all_mistakes_of_a_value_are_raised():
    """In the order of their lines."""
    validator = Draft202012Validator(
        {"properties": {"a": {"type": "string"}, "b": {"maxItems": 1}}}
    )
    with pytest.raises(InputError) as caught:
        ROOT.check(validator)
    assert [(1, "a"), (2, "b")] == [(one.line, one.key) for one in caught.value.all]
