from __future__ import annotations

import pytest

from harness.documents.yaml_document import load
from harness.errors import InputError
from harness.scenario.model import Bounds, Phase, Streams
from harness.scenario.parse.group import check_group, parse_outage, parse_streams


def collect(parse, node):
    """Return what a parser makes of a node; mistakes are raised."""
    result = parse(node)
    node.mistakes.raise_any()
    return result


def test_one_stream_is_none_of_many():
    """Where a scenario says nothing of streams."""
    root = load("cassette: a", source="s.yaml")
    assert collect(parse_streams, root) is None
    assert () == collect(parse_outage, root.at("outage"))


def test_streams_start_together_unless_told():
    """Or every so many milliseconds."""
    root = load("streams: {count: 3}", source="s.yaml")
    assert Streams(count=3) == collect(parse_streams, root)
    root = load("streams: {count: 3, start: {every_ms: 5}}", source="s.yaml")
    assert Streams(count=3, every_ms=5) == collect(parse_streams, root)


def test_an_outage_is_a_list_of_phases():
    """Each with the requests that may come in it."""
    root = load(
        "- {from_ms: 0, answer: 503, upstream_requests: {at_most: 9}}\n"
        "- {from_ms: 5, answer: ok}\n",
        source="s.yaml",
    )
    assert collect(parse_outage, root) == (
        Phase(from_ms=0, answer=503, upstream_requests=Bounds(at_most=9)),
        Phase(from_ms=5, answer="ok"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sequence: []\nstreams: {}", "s.yaml:2: streams: where there is a sequence"),
        (
            "expect: {max_probes: 1}",
            "s.yaml:1: expect.max_probes: belongs to an outage",
        ),
    ],
)
def test_keys_without_a_meaning_beside_each_other_are_refused(text, message):
    """With line and key."""
    with pytest.raises(InputError, match=message):
        collect(check_group, load(text, source="s.yaml"))
