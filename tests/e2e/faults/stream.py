"""The streams that faults are tried on: few events, one to a segment, 15 ms apart."""

from __future__ import annotations

import json

from harness.cassette.model import Ending, EndingKind, Response, Segment

FIRST_MS, GAP_MS = 40, 15


def event(value) -> bytes:
    """Return an event whose data is JSON, as OpenAI writes it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def chunk(delta, finish=None, index=0, **more) -> bytes:
    """Return one event with one choice."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    base = {"id": "chatcmpl-1", "created": 7, "model": "m", "choices": [choice]}
    return event({**base, **more})


def text(words: str, **more) -> bytes:
    """Return one text delta."""
    return chunk({"content": words}, **more)


def call(index: int, arguments: str, **more) -> bytes:
    """Return one fragment of a tool call."""
    fragment = {"index": index, **more, "function": {"arguments": arguments}}
    return chunk({"tool_calls": [fragment]})


def opening(index: int, ident: str, name: str, arguments: str = "") -> bytes:
    """Return the first fragment of a tool call."""
    function = {"name": name, "arguments": arguments}
    fragment = {"index": index, "id": ident, "type": "function", "function": function}
    return chunk({"tool_calls": [fragment]})


USED = {"prompt_tokens": 3, "completion_tokens": 4}
R = chunk({"role": "assistant", "content": ""})
H = text("Hello")
C = text(", ")
W = text("世界")
B = text("!")
F = chunk({}, finish="stop")
U = event(
    {"id": "chatcmpl-1", "created": 7, "model": "m", "choices": [], "usage": USED}
)
D = b"data: [DONE]\n\n"
TEXT = (R, H, C, W, B, F, U, D)

FU = chunk({}, finish="stop", usage=USED)
TEXT_WITH_USAGE = (R, H, C, W, B, FU, D)

A1 = opening(0, "call_a", "get")
A2, A3 = call(0, '{"a":'), call(0, "12}")
B1 = opening(1, "call_b", "put")
B2, B3 = call(1, '{"b":'), call(1, "34}")
FT = chunk({}, finish="tool_calls")
TOOLS = (R, A1, A2, A3, B1, B2, B3, FT, D)

T1, T2 = chunk({"reasoning_content": "Let"}), chunk({"reasoning_content": " me"})
THINKS = (R, T1, T2, H, B, F, D)
THINKS_ALOUD = (R, chunk({"reasoning": "Let"}), H, B, F, D)
N1, N2 = chunk({"refusal": "No"}), chunk({"refusal": " way"})
REFUSES = (R, N1, N2, F, D)
NAMED = (
    b'event: message_start\ndata: {"type":"message_start"}\n\n',
    b'event: ping\ndata: {"type":"ping"}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
)


def due(number: int) -> float:
    """When event ``number`` is due, in milliseconds after the request."""
    return FIRST_MS + GAP_MS * number


def response(blocks) -> Response:
    """Return a recorded answer with one event to a segment, chunked."""
    segments = tuple(
        Segment(at_ns=round(due(number) * 1e6), data=data)
        for number, data in enumerate(blocks)
    )
    return Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(
            ("content-type", "text/event-stream"),
            ("x-request-id", "req-9"),
            ("transfer-encoding", "chunked"),
        ),
        segments=segments,
        ending=Ending(at_ns=segments[-1].at_ns, kind=EndingKind.COMPLETE),
    )
