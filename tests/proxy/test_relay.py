"""Both architectures keep the contract, whatever the upstream does."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from proxy import v1, v2

VECTORS = Path(__file__).parents[1] / "data" / "legacy_v1.jsonl"
CASES = [json.loads(line) for line in VECTORS.read_bytes().splitlines()]
FACTORIES = [v1.make_relay, v2.make_relay]
REQUEST = ("request", b"POST", b"/v1/chat/completions", (), b"{}")

SHAPES = {
    "connect": (int,),
    "send_head": (int, tuple),
    "send": (bytes,),
    "end": (),
    "abort": (),
    "close_upstream": (),
    "pause_upstream": (),
    "resume_upstream": (),
    "set_timer": (str, int),
    "cancel_timer": (str,),
    "log": (str, str, dict),
    "count": (str, int, dict),
    "observe": (str, float, dict),
}


def faults_of(commands):
    """Return what is wrong with a whole stream's commands, in order."""
    faults = []
    head = over = False
    timers = set()
    for name, *values in commands:
        if SHAPES[name] != tuple(map(type, values)):
            faults.append(f"{name} has values {values}")
        if over and name not in {"log", "count", "observe"}:
            faults.append(f"{name} after the ending")
        if name == "send_head":
            if head:
                faults.append("a second head")
            head = True
        elif name in {"send", "end", "abort"} and not head:
            faults.append(f"{name} before a head")
        elif name == "send" and not values[0]:
            faults.append("an empty send")
        if name == "set_timer":
            timers.add(values[0])
        elif name == "cancel_timer":
            timers.discard(values[0])
        over |= name in {"end", "abort"}
    if timers:
        faults.append(f"timers left over: {timers}")
    return faults


def play(make_relay, case, ending):
    """Return the commands for a case that ends in this way."""
    relay = make_relay({}, 0)
    commands = relay.handle(0, REQUEST)
    commands += relay.handle(0, ("head", case["status"], ()))
    for segment in filter(None, map(base64.b64decode, case["segments_b64"])):
        commands += relay.handle(0, ("data", segment))
    return commands + relay.handle(0, ending)


@pytest.mark.parametrize("make_relay", FACTORIES)
@pytest.mark.parametrize(
    "ending",
    [
        ("ended", "complete"),
        ("ended", "truncated"),
        ("ended", "reset"),
        ("ended", "protocol_error"),
        ("client_gone", "rst"),
    ],
    ids=lambda ending: ending[1],
)
def test_commands_are_well_formed_and_in_order(make_relay, ending):
    """One head, nothing before it, nothing after the end, no timer left."""
    faults = {
        case["name"]: found
        for case in CASES
        if (found := faults_of(play(make_relay, case, ending)))
    }

    assert faults == {}


@pytest.mark.parametrize("make_relay", FACTORIES)
def test_every_answered_client_gets_an_ending(make_relay):
    """A client that stayed gets exactly one ending, one that left gets none."""
    for case in CASES:
        stayed = play(make_relay, case, ("ended", "truncated"))
        endings = [name for name, *_ in stayed if name in {"end", "abort"}]
        assert len(endings) == 1, case["name"]
        last = {
            command[0] for command in play(make_relay, case, ("client_gone", "fin"))
        }
        assert "close_upstream" in last, case["name"]


@pytest.mark.parametrize("make_relay", FACTORIES)
def test_equal_seeds_and_events_give_equal_commands(make_relay):
    """A relay holds no clock and no chance of its own."""
    runs = [
        [play(make_relay, case, ("ended", "complete")) for case in CASES]
        for _ in range(2)
    ]

    assert runs[0] == runs[1]
