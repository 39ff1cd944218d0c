"""Sweeps: what a variant is, that branching changes nothing, and what is found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cassette.files import read_cassette
from harness.cassette.model import Framing
from harness.cli.compare import compare
from harness.config import read_config
from harness.judge.run import RunSettings
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.from_cassettes import cassette_scenarios
from harness.scenario.model import Mode
from harness.scenario.script import make_script
from harness.sweep.model import SweepKind
from harness.sweep.snapshots import outcome_of
from harness.sweep.sweep import SweepJob, _Branches, sweep_stream, variant_of

ROOT = Path(__file__).parents[3]
CASSETTE = ROOT / "cassettes" / "recorded" / "stutter"
FILE = next(iter(sorted(CASSETTE.glob("*.yaml"))))
PLAIN = ROOT / "cassettes" / "mlx" / "plain.yaml"


def scenario(path=PLAIN):
    """A recorded stream."""
    return cassette_scenarios([("x", str(path), read_cassette(path))])[0]


def job(path=PLAIN, *, limit=12, branching=True, relay=None):
    """A sweep of v1 against v2, or against another relay."""
    config = read_config(ROOT / "harness.yaml")
    candidate = config.target("v2")
    if relay:
        candidate = replace(candidate, relay=relay, proof=None)
    return SweepJob(
        scenario=scenario(path),
        settings=RunSettings(
            seed=1, modes=(Mode.VIRTUAL,), repeats=1, speed=1, suite="cassettes"
        ),
        baseline=config.target("v1"),
        candidate=candidate,
        limit=limit,
        branching=branching,
    )


def _response(swept):
    """The recording of a sweep."""
    return swept.scenario.exchange.answers[0].response


def _with_response(swept, response):
    """The sweep of another recording."""
    exchange = swept.scenario.exchange
    answers = (replace(exchange.answers[0], response=response),)
    exchange = replace(exchange, answers=answers)
    return replace(swept, scenario=replace(swept.scenario, exchange=exchange))


@pytest.mark.parametrize("relay", ["proxy.v1:make_relay", "proxy.v2:make_relay"])
@pytest.mark.parametrize(
    "kind", [kind for kind in SweepKind if kind is not SweepKind.BYTES]
)
@pytest.mark.parametrize("path", [PLAIN, FILE], ids=["plain", "stutter"])
def test_a_branch_ends_as_a_play_from_the_start(path, kind, relay):
    """Some bytes, both ends, in every kind: the same to the byte and nanosecond."""
    script = make_script(scenario(path), 1)
    size = len(script.drafts[0].body)
    ends = set()
    total = 0
    for write in script.drafts[0].writes:
        total += len(write.data)
        ends.add(total)
    offsets = [*range(1, size, size // 16)]
    if kind in {SweepKind.BORDER, SweepKind.HALVES}:
        offsets = [offset for offset in offsets if offset not in ends]
    else:
        offsets = [0, *offsets, size]
    factory = load_relay(relay)
    branched = list(_Branches(script, factory, {}).outcomes(kind, offsets))

    for offset, outcome in zip(offsets, branched, strict=True):
        varied = make_script(variant_of(scenario(path), kind, offset), 1)
        assert outcome == outcome_of(play_virtual("t", factory, varied, {})), offset
    assert None not in branched


def test_counts_are_those_of_a_sweep_without_branching():
    """The short way and the long way find the same."""
    short, long = sweep_stream(job()), sweep_stream(job(branching=False))

    assert short.cells == long.cells
    assert short.unbranched == ()
    assert long.unbranched == ("v1", "v2")
    assert sum(found.variants for found in short.cells.values()) > 5 * 9


def test_every_byte_is_taken_where_no_limit_is_set():
    """A byte of the body, and the place behind the last."""
    few = job(limit=0)
    response = _response(few)
    few = _with_response(few, replace(response, segments=response.segments[:2]))
    swept = sweep_stream(few)

    assert swept.offsets == swept.size + 1
    kinds = {cell.kind for cell in swept.cells}
    assert kinds == set(SweepKind)


def test_what_is_drawn_is_drawn_by_the_seed():
    """The same sweep twice is the same."""
    assert sweep_stream(job()) == sweep_stream(job())


@pytest.mark.parametrize(
    ("relay", "kinds", "violation"),
    [
        # Broken only where a read parts a line.
        ("tests.planted.sweep:by_read", {"border", "halves", "bytes"}, "text_lost"),
        # Broken only where a reset comes.
        ("tests.planted.sweep:reset_is_end", {"rst"}, "cut_not_told"),
    ],
)
def test_a_planted_defect_is_found_where_it_is(relay, kinds, violation):
    """A relay that is right on whole streams, and wrong at certain bytes."""
    swept = sweep_stream(job(relay=relay))
    wrong = {cell.kind for cell in swept.cells if violation in cell.candidate}

    assert wrong == kinds


@pytest.mark.parametrize(
    "relay",
    ["tests.planted.sweep:cannot_be_kept", "tests.planted.sweep:remembers_elsewhere"],
)
def test_a_relay_that_cannot_be_branched_is_played_from_the_start(relay):
    """One holds what cannot be kept; one is kept and then ends in another way."""
    swept = sweep_stream(job(relay=relay))
    plain = sweep_stream(job(relay=relay, branching=False))

    assert "v2" in swept.unbranched
    assert swept.cells == plain.cells


def test_a_promised_length_is_not_branched():
    """Where a head tells the length, a cut changes the head."""
    whole = job()
    response = replace(
        _response(whole),
        headers=(("content-type", "text/event-stream"), ("content-length", "1")),
    )
    assert response.framing is Framing.CONTENT_LENGTH
    sized = replace(_with_response(whole, response), limit=10)

    assert sweep_stream(sized).unbranched == ("v1", "v2")


def run(tmp_path, *arguments):
    """Run the command in one process; errors come as they are raised."""
    words = [*map(str, arguments), "--output", str(tmp_path)]
    return CliRunner().invoke(compare, words, catch_exceptions=False)


def test_the_command_and_its_reproduce_lines(tmp_path, monkeypatch):
    """Every line that is printed plays what it says."""
    monkeypatch.chdir(ROOT)
    limited = ("--sweep", "--sweep-limit", "20", "--jobs", "1")
    result = run(tmp_path / "sweep", *limited, "--cassette", PLAIN)

    assert result.exit_code == 0, result.output
    [path] = (tmp_path / "sweep").glob("*/report.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["run"]["reproduce"].endswith(
        "--sweep --sweep-limit 20 --seed 1 --virtual"
    )
    for number, finding in enumerate(report["sweep"]["findings"]):
        words = finding["reproduce"].replace("'", "\0").split("\0")
        arguments = [
            word
            for at, part in enumerate(words)
            for word in ([part] if at % 2 else part.split())
        ]
        assert run(tmp_path / str(number), *arguments[2:]).exit_code in {0, 1}
        [path] = (tmp_path / str(number)).glob("*/report.json")
        played = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
        [found] = [one for one in played if one["faults"]]
        assert found["verdict"] == finding["verdict"]
        [answer] = found["candidate"]["answers"]
        kinds = [violation["kind"] for violation in answer["violations"]]
        assert kinds == finding["candidate"]


def test_scenarios_are_swept_with_their_faults(tmp_path, monkeypatch):
    """Cuts on top of a scenario's own faults; the line names the scenario."""
    monkeypatch.chdir(ROOT)
    limited = ("--sweep", "--sweep-limit", "5", "--jobs", "1")
    result = run(tmp_path, "stuttering/first-twice", *limited)

    assert result.exit_code == 0, result.output
    assert "harness compare stuttering/first-twice --fault 'close_at:" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sweep", "--live"], "--sweep plays in virtual time"),
        (["--sweep-limit", "3"], "--sweep-limit goes with --sweep"),
        (["--jobs", "3"], "--jobs goes with --sweep"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, arguments, message):
    """One message, exit code 2."""
    result = run(tmp_path, *arguments)

    assert result.exit_code == 2
    assert message in result.output
