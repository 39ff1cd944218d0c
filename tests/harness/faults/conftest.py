"""Streams that the tests of faults are tried on."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from types import SimpleNamespace

import pytest

from harness.cassette.model import Ending, EndingKind, Response, Segment
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.lowering import draft_response
from harness.faults.draft.wire import WireDraft
from harness.faults.registry import FaultCall, apply_faults

MS = 1_000_000


def chunk(delta, *, finish=None, index=0, **more):
    """Return one event as OpenAI writes it."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    value = {"id": "chatcmpl-1", "created": 7, "model": "m", "choices": [choice]}
    text = json.dumps({**value, **more}, separators=(",", ":"), ensure_ascii=False)
    return f"data: {text}\n\n".encode()


ROLE = chunk({"role": "assistant", "content": ""})
HELLO = chunk({"content": "Hello"})
COMMA = chunk({"content": ", "})
WORLD = chunk({"content": "世界"})
BANG = chunk({"content": "!"})
FINISH = chunk({}, finish="stop")
USAGE = (
    b'data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":3,'
    b'"completion_tokens":4}}\n\n'
)
DONE = b"data: [DONE]\n\n"
STREAM = (ROLE, HELLO, COMMA, WORLD, BANG, FINISH, USAGE, DONE)


def response(
    blocks=STREAM,
    *,
    headers=(("content-type", "text/event-stream"), ("transfer-encoding", "chunked")),
    gap_ms=10,
):
    """Return a recorded answer with one event to a segment, ``gap_ms`` apart."""
    segments = tuple(
        Segment(at_ns=(100 + gap_ms * number) * MS, data=data)
        for number, data in enumerate(blocks)
    )
    last = segments[-1].at_ns if segments else 100 * MS
    return Response(
        status=200,
        http_version="HTTP/1.1",
        headers=headers,
        segments=segments,
        ending=Ending(at_ns=last, kind=EndingKind.COMPLETE),
    )


@pytest.fixture
def kit() -> SimpleNamespace:
    """The blocks of the stream, and how to read a wire (test files cannot import)."""
    return SimpleNamespace(
        ROLE=ROLE,
        HELLO=HELLO,
        COMMA=COMMA,
        WORLD=WORLD,
        BANG=BANG,
        FINISH=FINISH,
        USAGE=USAGE,
        DONE=DONE,
        STREAM=STREAM,
        chunk=chunk,
        response=response,
        sent=sent,
        meanings=meanings,
        times=times,
    )


@pytest.fixture
def play() -> Callable[..., WireDraft]:
    """Apply faults to a stream: ``play({"name": {…}}, …, blocks=…)``."""

    def run(*faults, blocks=STREAM, seed=1, answer=None) -> WireDraft:
        calls = tuple(
            FaultCall(name=name, parameters=parameters)
            for entry in faults
            for name, parameters in entry.items()
        )
        draft = draft_response(answer or response(blocks))
        return apply_faults(draft, calls, Random(seed))

    return run


@pytest.fixture
def draft() -> EventDraft:
    """The plain stream."""
    return draft_response(response())


def sent(wire: WireDraft) -> list[bytes]:
    """Return the blocks of a wire as they are sent."""
    return [wire.body[span.start : span.end] for span in wire.spans]


def meanings(wire: WireDraft) -> list[str]:
    """Return what every block means."""
    return [str(span.meaning) for span in wire.spans]


def times(wire: WireDraft) -> list[float]:
    """Return when every write goes out, in milliseconds."""
    return [write.at_ns / MS for write in wire.writes]
