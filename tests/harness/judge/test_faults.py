"""Every option of every fault of events and lines, judged under both contracts.

v2 repairs and must be right; a relay that only forwards is right under the transparent
contract, and wrong under the repairing one where a block was not meant as it is sent.
So two independent readers check the faults, what they say was meant, and the oracle.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest

from harness.cassette.files import read_cassette
from harness.cassette.model import Interaction
from harness.faults.draft.blocks import Meaning
from harness.faults.draft.position import Position
from harness.faults.registry import (
    REGISTRY,
    FaultCall,
    FaultDefinition,
    FaultError,
    Layer,
    check_call,
)
from harness.judge.check import judge
from harness.judge.evidence.observation import Observation
from harness.judge.limits import virtual_limits
from harness.judge.oracle.oracle import Contract, Expectation, expectation
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.model import Answer, ExchangePlan, Expect, Scenario
from harness.scenario.script import Script, make_script

_CASSETTES = Path(__file__).parents[3] / "cassettes"
_REPAIRS = load_relay("proxy.v2:make_relay")
_FORWARDS = load_relay("tests.planted.relays:passing")
_MORE = (
    "transformers/count-to-10.yaml",
    "llama.cpp/two-choices.yaml",
    "recorded/llama.cpp/messages-plain.yaml",
    "llama.cpp/two-tool-calls.yaml",
    "llama.cpp/languages.yaml",
    "llama.cpp/plain-usage.yaml",
    "llama.cpp/reasoning.yaml",
)
_POSITIONS: tuple[Position, ...] = (
    {"event": 0},
    {"event": 4},
    {"event": -1},
    {"event": 3, "offset": 1},
    {"event": 3, "offset": 60},
    {"byte": 777},
    {"frac": 0.5},
    {"frac": 1.0},
    {"after": "accept"},
    {"after": "headers"},
    {"after": "role"},
    {"after": "first_content"},
    {"after": "finish"},
    {"after": "done"},
)


def _definitions() -> list[FaultDefinition]:
    layers = {Layer.EVENTS, Layer.LINES}
    return [entry for entry in REGISTRY.values() if entry.layer in layers]


def _options(annotation: Any) -> Iterator[Any]:
    """Values that show every effect of a parameter."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif annotation is Position:
        yield from _POSITIONS
    elif annotation is bool:
        yield from (False, True)
    elif get_origin(annotation) is list:
        yield from ([value] for value in _options(*get_args(annotation)))
    elif get_origin(annotation) is not Annotated:
        for inner in get_args(annotation):
            yield from _options(inner)


# Their examples are large, and small ones show as much here.
_SMALL = {"giant_event": {"size": 3000}, "tiny_events": {"n": 40}}


def _calls(definition: FaultDefinition) -> list[FaultCall]:
    """The example, and the example with every option of every parameter."""
    example = {**definition.example, **_SMALL.get(definition.name, {})}
    uses = [example]
    for name, annotation in definition.types.items():
        if name == "meaning":
            continue  # what the author of a scenario demands, right or wrong
        uses += [{**example, name: value} for value in _options(annotation)]
        if name in {"index", "from", "i"} and name in example:
            uses += [{**example, name: value} for value in (0, 1, 2, -2, -1)]
    calls = []
    for use in uses:
        check_call(definition, use)
        call = FaultCall(name=definition.name, parameters=use)
        if call not in calls:
            calls.append(call)
    return calls


_BESIDE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cumulative", {"mode": "drift", "start": 3}),
    ("event_dup", {"index": 1, "times": 4}),
    ("event_dup", {"index": 1, "gap_events": 1}),
    ("event_truncate", {"index": 2, "keep_bytes": 40, "rest": "drop"}),
    ("json_patch", {"select": "usage", "null": ["usage.prompt_tokens"]}),
    ("json_patch", {"select": "empty_choices", "null": ["choices"]}),
    ("json_patch", {"select": "all", "rename": {"created": "made"}}),
    ("reasoning", {"field": "reasoning_content", "empty_after_switch": True}),
    ("replay_window", {"from": 0, "len": 2, "times": 3}),
    ("sse_comment", {"every_ms": 0.5}),
    ("sse_eol", {"eol": "cr"}),
    ("sse_multiline", {"select": "content", "at": "in_text"}),
    ("tool", {"mode": "split_every_n", "n": 3}),
    ("usage", {"mode": "omit"}),
    *(
        ("sse_comment", {"at": at, "form": form})
        for at in _POSITIONS
        for form in ("block", "as_data")
    ),
)
"""Calls that do not follow from the examples."""

_CALLS = [
    *(call for definition in _definitions() for call in _calls(definition)),
    *(FaultCall(name=name, parameters=use) for name, use in _BESIDE),
]


@cache
def _interaction(cassette: str) -> Interaction:
    return read_cassette(_CASSETTES / cassette).interactions[0]


def _scripts(call: FaultCall) -> list[Script]:
    """The call on its own cassette and two more on which it can be applied."""
    key = id(call)
    if key not in _MADE:
        _MADE[key] = list(islice(_applied(call), 3))
    return _MADE[key]


_MADE: dict[int, list[Script]] = {}


def _applied(call: FaultCall) -> Iterator[Script]:
    for cassette in (REGISTRY[call.name].cassette, *_MORE):
        interaction = _interaction(cassette)
        answer = Answer(response=interaction.response, recorded=True, faults=(call,))
        scenario = Scenario(
            id=f"{call.name}/{cassette}",
            why="",
            tags=(),
            exchange=ExchangePlan(request=interaction.request, answers=(answer,)),
        )
        try:
            yield make_script(scenario, seed=1)
        except FaultError:
            continue


def _violations(expected: Expectation, observed: Observation) -> list[str]:
    return [str(one) for one in judge(expected, observed, virtual_limits()).violations]


@pytest.mark.parametrize(
    "call", _CALLS, ids=lambda call: f"{call.name}-{call.parameters}"
)
def test_who_repairs_and_who_forwards_are_right_by_their_contracts(call):
    """Whatever the fault did to the stream."""
    for script in _scripts(call):
        [wire] = script.attempts
        assert wire.notes
        assert wire.end_at_ns >= max((write.at_ns for write in wire.writes), default=0)
        repairing = expectation(script, Contract.REPAIRING, Expect())
        repaired = play_virtual("repairs", _REPAIRS, script, {})
        assert _violations(repairing, repaired) == [], script.scenario_id
        transparent = expectation(script, Contract.TRANSPARENT, Expect())
        forwarded = play_virtual("forwards", _FORWARDS, script, {})
        assert _violations(transparent, forwarded) == [], script.scenario_id
        if any(span.meaning is not Meaning.AS_SENT for span in wire.spans):
            assert _violations(repairing, forwarded), script.scenario_id


# No recording has a refusal; all of them have LF and one space already.
_NOT_RECORDED = {
    ("cumulative", "fields", "refusal"),
    ("sse_eol", "eol", "lf"),
    ("sse_space", "spaces", 1),
}


def test_every_option_is_judged_on_some_stream():
    """An option that fits no cassette here would not be tested."""
    wanted = {
        (definition.name, name, option)
        for definition in _definitions()
        for name, annotation in definition.types.items()
        for option in _words(annotation)
        if name != "meaning"
    }
    shown = {
        (call.name, name, option)
        for call in _CALLS
        if _scripts(call)
        for name, value in call.parameters.items()
        for option in (value if isinstance(value, list) else [value])
        if isinstance(option, str | int)
    }
    assert wanted - shown == _NOT_RECORDED


def _words(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for inner in get_args(annotation):
            yield from _words(inner)
