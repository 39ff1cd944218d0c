from __future__ import annotations

import pytest

from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Interaction,
    Recorded,
    Request,
    Response,
)
from harness.documents.node import Node
from harness.documents.yaml_document import load
from harness.errors import InputError
from harness.faults.registry import FaultCall
from harness.scenario.parse.answer import check_answer, parse_answer
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST


def interaction(path: str) -> Interaction:
    """An exchange that is told by its path."""
    return Interaction(
        request=Request(method="POST", path=path, headers=(), body=b""),
        response=Response(
            status=200,
            http_version="HTTP/1.1",
            headers=(),
            segments=(),
            ending=Ending(at_ns=0, kind=EndingKind.COMPLETE),
        ),
    )


CASSETTE = Cassette(
    recorded=Recorded(at=None, by="test", upstream=None),
    tags=(),
    interactions=(interaction("/0"), interaction("/1")),
)


def read(text: str) -> Node:
    """A scenario, of which only the answers matter."""
    return load(text, source="s.yaml")


def parse(node: Node, root: Node):
    """Return request and answer; mistakes are raised."""
    result = parse_answer(node, root, lambda name: {"a": CASSETTE}[name.value])
    root.mistakes.raise_any()
    return result


@pytest.mark.parametrize("number", [0, 1])
def test_a_part_chooses_of_the_cassette_of_all(number):
    """What it does not say is said by the scenario."""
    root = read(
        f"cassette: a\nattempts: [{{interaction: {number}, faults: [sse_bom: ]}}]"
    )
    [part] = root.at("attempts")
    request, answer = parse(part, root)
    assert f"/{number}" == request.path
    assert answer.recorded
    assert (FaultCall(name="sse_bom", parameters={}),) == answer.faults


def test_a_stream_wins_over_the_cassette_of_all():
    """It is asked for as any stream is."""
    root = read("cassette: a\nattempts: [{stream: [x]}]")
    [part] = root.at("attempts")
    request, answer = parse(part, root)
    assert (DEFAULT_REQUEST, False) == (request, answer.recorded)
    assert b"data: x\n\n" == answer.response.body


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("faults: []", "s.yaml:1: expected one of cassette and stream, got none"),
        ("cassette: a\nstream: [x]", "s.yaml:2: stream: .*got both"),
        ("cassette: a\nframing: close", "s.yaml:2: framing: belongs to a stream"),
        ("stream: [x]\ninteraction: 1", "s.yaml:2: interaction: belongs to a cassette"),
    ],
)
def test_an_answer_is_said_once(text, message):
    """With line and key."""
    root = read(text)
    check_answer(root, root, required=True)
    with pytest.raises(InputError, match=message):
        root.mistakes.raise_any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("interaction: 2", r"interaction: the cassette has 2 interaction\(s\)"),
        ("faults: [{repeat_frist: }]", r"faults\[0\].repeat_frist: unknown fault"),
        ("faults: [{stall: {at: {evnt: 3}}}]", r"faults\[0\].stall.at.evnt: unknown"),
        ("faults: [{stall: {}}]", r"faults\[0\].stall: the parameter 'at' is missing"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(text, message):
    """By a number or a fault that is not there."""
    root = read(f"cassette: a\n{text}")
    with pytest.raises(InputError, match=f"s.yaml:2: {message}"):
        parse(root, root)
