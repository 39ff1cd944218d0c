"""Recorded streams of real providers keep their text on the way through v2.

The corpus is no part of the project; ``STREAM_CORPUS`` names its folder.
"""

from __future__ import annotations

import json
import os
from os.path import commonpath
from pathlib import Path

import pytest

from proxy.v2 import make_relay

ROOT = Path(__file__).parents[3]
CORPUS = Path(os.environ.get("STREAM_CORPUS", ROOT.parent / "shared" / "corpus"))
STREAMS = sorted((CORPUS / "openai-chat").glob("*.sse"))
FIELDS = ("content", "reasoning_content", "reasoning")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not STREAMS, reason=f"no recorded streams in {CORPUS}; set STREAM_CORPUS"
    ),
]


def through(data, settings=None):
    """Return what the client gets."""
    relay = make_relay(settings or {}, 0)
    commands = relay.handle(0, ("request", b"POST", b"/v1/chat/completions", (), b""))
    head = ((b"content-type", b"text/event-stream"),)
    commands += relay.handle(0, ("head", 200, head))
    commands += relay.handle(0, ("data", data))
    commands += relay.handle(0, ("ended", "complete"))
    return b"".join(command[1] for command in commands if command[0] == "send")


def blocks(data):
    """Return the blocks of a stream."""
    text = data.decode().replace("\r\n", "\n")
    return [block + "\n\n" for block in text.split("\n\n") if block.strip()]


def chunk_of(block):
    """Return the object that an event carries; an empty one for none."""
    lines = [line[5:].strip() for line in block.splitlines() if line[:5] == "data:"]
    try:
        value = json.loads("\n".join(lines))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def deltas(block):
    """Return the texts of an event as ((choice, field), text)."""
    return [
        ((choice.get("index", 0), field), text)
        for choice in chunk_of(block).get("choices") or ()
        for field in FIELDS
        if (text := (choice.get("delta") or {}).get(field))
    ]


def texts(data):
    """Return the assembled texts by choice and field."""
    assembled = {}
    for block in blocks(data):
        for key, text in deltas(block):
            assembled[key] = assembled.get(key, "") + text
    return assembled


def repeats_its_opening(data):
    """Tell, in another way than v2, whether a text's second delta repeats its first."""
    first, second = {}, {}
    for block in blocks(data):
        for key, text in deltas(block):
            if key not in first:
                if text.strip():
                    first[key] = text
            else:
                second.setdefault(key, text)
    return any(
        commonpath([first[key], second[key]]) in {first[key], second[key]}
        for key in second
    )


def has_text(data):
    """Tell whether some delta has text that is not white space."""
    return any(text.strip() for block in blocks(data) for _, text in deltas(block))


BODIES = {path.stem: path.read_bytes() for path in STREAMS}
PLAIN = [stem for stem, data in BODIES.items() if not repeats_its_opening(data)]
SPEAKING = [stem for stem in PLAIN if has_text(BODIES[stem])]


def test_most_streams_do_not_repeat_their_opening():
    """The tests below leave little out."""
    assert len(PLAIN) > 0.95 * len(STREAMS)


@pytest.mark.parametrize("stem", PLAIN)
def test_text_is_kept(stem):
    """Without a repeat in an opening, text and payloads pass unchanged."""
    data = BODIES[stem]

    sent = through(data)

    assert texts(data) == texts(sent)
    assert [chunk_of(b) for b in blocks(data)] == [chunk_of(b) for b in blocks(sent)]


def test_not_one_character_of_any_stream_is_lost():
    """Nor is one of the few lost whose opening looks like a stutter."""
    changed = {
        stem: (before, after)
        for stem, data in BODIES.items()
        if (before := texts(data)) != (after := texts(through(data)))
    }

    assert changed == {}


@pytest.mark.parametrize("hold_ms", ["20", "1000000"])
def test_holding_loses_nothing_either(hold_ms):
    """Held openings are not replaced by text that was meant in addition."""
    for stem, data in BODIES.items():
        held = through(data, {"STREAMING_HOLD_MS": hold_ms})
        assert texts(data) == texts(held), stem


@pytest.mark.parametrize("stem", SPEAKING)
def test_repeated_first_delta_is_sent_once(stem):
    """An upstream that sends its first delta again changes nothing."""
    data = BODIES[stem]
    stuttering, done = [], False
    for block in blocks(data):
        stuttering.append(block)
        if not done and any(text.strip() for _, text in deltas(block)):
            stuttering.append(block)
            done = True

    sent = through("".join(stuttering).encode())

    assert texts(data) == texts(sent)
