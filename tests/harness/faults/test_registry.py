from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Literal, get_args, get_origin

import pytest

from harness.cassette.files import read_cassette
from harness.errors import InputError
from harness.faults.draft.decoded import Selection
from harness.faults.draft.lowering import draft_response
from harness.faults.registry import (
    REGISTRY,
    FaultCall,
    FaultError,
    Layer,
    apply_faults,
    check_call,
    fault,
    find_fault,
)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_fault_explains_itself_and_accepts_its_example(name):
    """Summary, every parameter, every option in words; an example that is valid."""
    definition = REGISTRY[name]
    check_call(definition, definition.example)
    assert definition.summary.endswith(".")
    if definition.layer not in {Layer.EVENTS, Layer.LINES}:
        return
    assert definition.doc.oracle
    for parameter, annotation in definition.types.items():
        said = definition.doc.parameters[parameter]
        assert said[0].endswith((".", ":"))
        for option in options_of(annotation):
            assert option in _SELECTIONS or any(
                f"``{option}``" in line for line in said
            )


# They are told where they are declared.
_SELECTIONS = frozenset(get_args(Selection))


def options_of(annotation):
    """The words that a parameter may have, those of white space left out."""
    if get_origin(annotation) is Literal:
        return [name for name in get_args(annotation) if str(name).isidentifier()]
    return [name for inner in get_args(annotation) for name in options_of(inner)]


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("repeat_first", {"tims": 2}, "tims: unknown parameter.*did you mean 'times'"),
        ("repeat_first", {"times": "2"}, "times: expected a whole number from 2 to"),
        ("repeat_first", {"times": True}, "times: expected a whole number"),
        ("repeat_first", {"times": 1}, "from 2 to 100_000, got 1"),
        ("event_drop", {"index": True}, "index: expected a whole number, got True"),
        ("pace", {"itl_ms": True}, "itl_ms: expected a number"),
        ("repeat_first", {"which": "rol"}, "which: .*did you mean 'role'"),
        ("sse_bom", {"x": 1}, "x: unknown parameter; expected one of split"),
        ("sse_space", {"spaces": True}, "one of 0, 1, 2, got True"),
        ("stall", {}, "the parameter 'at' is missing"),
        ("stall", {"at": {"evnt": 1}}, r"at\.evnt: unknown key.*'event'"),
        ("sse_comment", {"at": {"evnt": 1}}, r"at\.evnt: unknown key.*'event'"),
        ("stall", {"at": {"event": 1}, "for_ms": -1}, "of milliseconds from 0 to"),
        ("stall", {"at": {"event": 1}, "for_ms": float("nan")}, "a number"),
        ("status", {"code": 429, "headers": {"a": 1}}, "expected a mapping or null"),
        ("segment", {"size": "rand"}, "did you mean 'random'"),
        ("cumulative", {"fields": ["contents"]}, "fields: expected a list"),
    ],
)
def test_a_call_with_wrong_parameters_is_refused(name, parameters, message):
    """It says which, what was expected, what came, and the nearest."""
    with pytest.raises(FaultError, match=message):
        check_call(REGISTRY[name], parameters)


@pytest.mark.parametrize("parameters", [3, [1], "x"])
def test_parameters_that_are_no_mapping_are_refused(parameters):
    """With an example of what they should be."""
    with pytest.raises(FaultError, match=r"such as \{times: 2\}, got"):
        check_call(REGISTRY["repeat_first"], parameters)


def test_parameters_that_may_be_null_or_of_two_kinds_are_accepted():
    """Null, a number for a float, either of two kinds."""
    check_call(REGISTRY["stall"], {"at": {"frac": 0.5}, "for_ms": None})
    check_call(REGISTRY["segment"], {"size": "random", "gap_ms": 2})
    check_call(REGISTRY["sse_comment"], {"at": {"after": "role"}})


def test_apply_faults_checks_calls_that_no_loader_saw(play):
    """The key names the fault and its parameter."""
    with pytest.raises(FaultError, match=r"repeat_first\.tims: unknown parameter"):
        play({"repeat_first": {"tims": 2}})


def test_an_unknown_fault_is_refused_with_the_nearest():
    """A dotted path that cannot be loaded says so."""
    with pytest.raises(InputError, match="did you mean 'repeat_first'"):
        find_fault("repeat_frist")
    with pytest.raises(InputError, match="cannot load"):
        find_fault("no_such_module:fault")
    with pytest.raises(InputError, match="is not a fault"):
        find_fault("harness.faults.draft.lowering:lower")


def test_a_fault_of_ones_own_is_found_by_its_path():
    """Anyone's module can declare one."""
    path = "harness.faults.catalog.socket.timing:stall"
    assert find_fault(path) is REGISTRY["stall"]


def test_a_name_can_be_declared_once():
    """A second fault of the same name would hide the first."""

    def stall(draft, *, at):
        """Do nothing."""

    with pytest.raises(ValueError, match="already"):
        fault(Layer.SOCKET, example={})(stall)


def test_layers_are_applied_in_order_however_they_are_listed(play, kit):
    """Events, lines, http, socket."""
    faults = [
        {"close_at": {"at": {"event": 3}}},
        {"framing": {"mode": "close"}},
        {"sse_eol": {"eol": "crlf"}},
        {"repeat_first": {}},
    ]
    wire = play(*faults)
    assert wire == play(*reversed(faults))
    crlf = [block.replace(b"\n", b"\r\n") for block in kit.STREAM]
    assert kit.sent(wire) == [crlf[0], crlf[1], crlf[1]]
    assert [note.split()[0] for note in wire.notes] == [
        "sent",
        "ended",
        "framed",
        "closed",
    ]


def test_faults_of_one_layer_are_applied_from_left_to_right(play, kit):
    """Dropping first moves what an index names."""
    drop, dup = {"event_drop": {"index": 0}}, {"event_dup": {"index": 2}}
    assert kit.sent(play(drop, dup))[2:4] == [kit.WORLD, kit.WORLD]
    assert kit.sent(play(dup, drop))[1:3] == [kit.COMMA, kit.COMMA]


def test_a_seed_decides_all_chance(kit):
    """The same seed gives the same wire, bit for bit; chance is drawn in order."""
    calls = (
        FaultCall(name="pace", parameters={"itl_ms": 9, "jitter_ms": 9}),
        FaultCall(name="segment", parameters={"size": "random", "gap_ms": 1}),
    )
    draft = draft_response(kit.response())
    wires = [apply_faults(draft, calls, Random(seed)) for seed in (1, 1, 2)]
    assert wires[0] == wires[1]
    assert wires[0] != wires[2]


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_example_works_on_its_cassette(name):
    """The example that is shown applies, and the report says what it did."""
    definition = REGISTRY[name]
    cassette = read_cassette(_CASSETTES / definition.cassette)
    draft = draft_response(cassette.interactions[0].response)
    call = FaultCall(name=name, parameters=definition.example)
    wire = apply_faults(draft, (call,), Random(1))
    assert len(wire.notes) == 1
    assert wire.end_at_ns >= max((write.at_ns for write in wire.writes), default=0)
    times = [write.at_ns for write in wire.writes]
    assert times == sorted(times)


_CASSETTES = Path(__file__).parents[3] / "cassettes"
