"""Markers stand in every text, leave JSON valid, and are found wherever they are."""

from __future__ import annotations

import json
import re

import pytest

from harness.cassette.model import Ending, EndingKind, Response, Segment
from harness.faults.draft.lowering import draft_response, lower
from harness.faults.errors import FaultError
from harness.judge.evidence.reading import read_stream
from harness.scenario.canary import foreign_markers, marker_of, with_marker


def stream(*deltas: dict) -> Response:
    """A stream of those deltas of one choice."""
    events = [json.dumps({"choices": [{"index": 0, "delta": one}]}) for one in deltas]
    return Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(("content-type", "text/event-stream"), ("X-Request-Id", "old")),
        segments=tuple(
            Segment(at_ns=at, data=f"data: {event}\n\n".encode())
            for at, event in enumerate([*events, "[DONE]"])
        ),
        ending=Ending(at_ns=99, kind=EndingKind.COMPLETE),
    )


def calls(*fragments: str) -> list[dict]:
    """Fragments of the arguments of call 0."""
    return [
        {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
        for text in fragments
    ]


def marked(response: Response):
    """The message of a stream that was marked."""
    wire = lower(with_marker(draft_response(response), "qz007zq"))
    return wire, read_stream(wire.body).message.choices[0]


def test_every_text_and_the_head_have_it():
    """Content and reasoning; what is empty stays empty."""
    wire, choice = marked(
        stream({"content": ""}, {"reasoning_content": "mm"}, {"content": "ab"})
    )

    assert ("qz007zqab", "qz007zqmm") == (choice.content, choice.reasoning)
    assert [("x-request-id", "req-qz007zq")] == [
        line for line in wire.headers if line[0].lower() == "x-request-id"
    ]


def test_what_extends_another_delta_goes_on_doing_so():
    """A cumulative stream stays one."""
    wire, _ = marked(stream({"content": "He"}, {"content": "Hello"}))
    one, two = re.findall(r'"content": "([^"]*)"', wire.body.decode())

    assert two.startswith(one)


@pytest.mark.parametrize(
    "fragments",
    [
        ['{"a": "b", "n": 1}'],
        ['{"', "a", '":', ' "', "x", "\\", "n", "y", '"', "}"],
        ['{"a": ["', 'q", "r\\u00', 'e9s"], "d": {"e": "', 'f"}}'],
        ['{"a": "\\\\', '", "b": "c"}'],
        ['{"a": "x\\u00e9', '"}'],
    ],
)
def test_arguments_stay_valid_wherever_they_are_cut(fragments):
    """Only text of a value is marked; keys and escapes are left as they are."""
    _, choice = marked(stream(*calls(*fragments)))
    arguments = choice.tool_calls[0].arguments
    plain = arguments.replace("qz007zq", "")

    assert "qz007zq" in arguments
    assert "".join(fragments) == plain
    assert list(json.loads(plain)) == list(json.loads(arguments))


def test_who_has_no_text_or_a_marker_is_refused():
    """A stream that cannot show anything shows nothing."""
    with pytest.raises(FaultError, match="no text that could carry"):
        with_marker(draft_response(stream({"role": "assistant"})), "qz007zq")
    with pytest.raises(FaultError, match="looks like a marker"):
        with_marker(draft_response(stream({"content": "qz001zq"})), "qz007zq")


def test_foreign_markers_are_found():
    """Its own is none."""
    data = f"{marker_of(7)} {marker_of(12)} qz12zq".encode()

    assert {"qz012zq"} == foreign_markers(data, marker_of(7))
