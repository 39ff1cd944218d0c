"""The relay of v2 does with every measured stream what is right for the client."""

from __future__ import annotations

import base64
import json
import random
import re
from pathlib import Path

import pytest

from proxy.v2 import make_relay

VECTORS = Path(__file__).parents[2] / "data" / "legacy_v1.jsonl"
CASES = [json.loads(line) for line in VECTORS.read_bytes().splitlines()]
IDS = [case["name"] for case in CASES]

# The vectors leave open what is right of the others.
DECIDED = [case for case in CASES if case["ideal_text"] is not None]


def is_other(case):
    """Tell whether an answer is an error, or not labelled as an event stream."""
    types = case["headers"].get("Content-Type", ["text/event-stream"])
    return case["status"] >= 400 or not types[0].startswith("text/event-stream")


def play(case, segments, hold_ms="0"):
    """Return the commands for a case with these segments of the body."""
    settings = {"STREAMING_RETRIES": "0", "STREAMING_HOLD_MS": hold_ms}
    relay = make_relay(settings, 0)
    headers = tuple(
        (name.encode(), value.encode())
        for name, values in case["headers"].items()
        for value in values
    )
    target = b"/v1/chat/completions"
    commands = relay.handle(0, ("request", b"POST", target, (), b"{}"))
    commands += relay.handle(1, ("head", case["status"], headers))
    for segment in segments:
        commands += relay.handle(2, ("data", segment))
    error = case["read_error"]
    if error is None:
        commands += relay.handle(3, ("ended", "complete"))
    elif error == "reset":
        commands += relay.handle(3, ("ended", "reset"))
    else:
        commands += relay.handle(900_000_000_000, ("timer", "total"))
    return commands


def body(commands):
    """Return all that was sent."""
    return b"".join(command[1] for command in commands if command[0] == "send")


def whole(case):
    """Return the body of a case in one segment."""
    data = b"".join(map(base64.b64decode, case["segments_b64"]))
    return [data] if data else []


def read(data):
    """Read as a client does that stops at [DONE].

    Returns:
        The text of choice 0, whether [DONE] came, the errors told, and what follows.
    """
    text, errors = "", []
    rest = data.decode("utf-8", "replace").removeprefix("\ufeff")
    while rest:
        block, _, rest = rest.partition("\n\n")
        lines = [re.split(": ?", line, maxsplit=1) for line in block.split("\n")]
        values = [line[1] for line in lines if line[0] == "data"]
        if not values:
            continue
        payload = "\n".join(values)
        if payload == "[DONE]":
            return text, True, errors, rest
        try:
            value = json.loads(payload)
        except RecursionError:
            continue
        if not isinstance(value, dict):
            continue
        if "error" in value:
            errors.append(value["error"])
        choices = value.get("choices")
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            content = (choice.get("delta") or {}).get("content")
            if choice.get("index", position) == 0 and isinstance(content, str):
                text += content
    return text, False, errors, ""


@pytest.mark.parametrize("hold_ms", ["0", "50"])
@pytest.mark.parametrize("case", DECIDED, ids=lambda case: case["name"])
def test_client_reads_what_was_meant(case, hold_ms):
    """Text, [DONE] and reported losses are those of a correct proxy."""
    text, done, errors, rest = read(body(play(case, whole(case), hold_ms)))

    assert case["ideal_text"] == text
    assert case["ideal_done"] == done
    if case["ideal_reports_loss"]:
        assert "upstream_malformed" in [error["code"] for error in errors]
    assert rest == ""


@pytest.mark.parametrize("case", DECIDED, ids=lambda case: case["name"])
def test_loss_is_told_exactly_where_it_may_have_happened(case):
    """The client gets an error event only if text may be lost."""
    told = b'"code":"upstream_malformed"' in body(play(case, whole(case)))

    assert case["ideal_reports_loss"] == told


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_cuts_do_not_matter(case):
    """The client gets the same bytes for all borders of reads."""
    segments = list(filter(None, map(base64.b64decode, case["segments_b64"])))
    data = b"".join(segments)
    expected = body(play(case, whole(case)))

    assert expected == body(play(case, segments))
    assert expected == body(play(case, [data[i : i + 1] for i in range(len(data))]))
    rng = random.Random(case["name"])
    for _ in range(20):
        at = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 9)))
        pieces = [data[a:b] for a, b in zip([0, *at], [*at, None], strict=True)]
        assert expected == body(play(case, filter(None, pieces)))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_nothing_follows_the_ending(case):
    """The last command ends the answer, and only broken upstreams end it uncleanly."""
    commands = play(case, whole(case))

    names = [command[0] for command in commands]
    assert ("abort" if case["read_error"] else "end") == names[-1]
    assert names.count("end") + names.count("abort") == 1


@pytest.mark.parametrize(
    "case", [case for case in CASES if is_other(case)], ids=lambda case: case["name"]
)
def test_other_answers_pass_byte_for_byte(case):
    """Answers with another label, or an error status, are not changed."""
    assert b"".join(whole(case)) == body(play(case, whole(case)))
