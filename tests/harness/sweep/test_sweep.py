"""Sweeps: what a variant is, that forks change nothing, and what is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cassette.files import read_cassette
from harness.cassette.model import Framing
from harness.config import read_config
from harness.judge.run import RunSettings
from harness.scenario.from_cassettes import cassette_scenarios
from harness.scenario.model import Mode
from harness.sweep.model import SweepKind
from harness.sweep.sweep import SweepJob, sweep_stream

ROOT = Path(__file__).parents[3]
CASSETTE = ROOT / "cassettes" / "recorded" / "stutter"
FILE = next(iter(sorted(CASSETTE.glob("*.yaml"))))
PLAIN = ROOT / "cassettes" / "mlx" / "plain.yaml"


def scenario(path=PLAIN):
    """A recorded stream."""
    return cassette_scenarios([("x", str(path), read_cassette(path))])[0]


def job(path=PLAIN, *, limit=12, forking=True, relay=None):
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
        forking=forking,
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


def test_counts_are_those_of_a_sweep_without_forks():
    """The short way and the long way find the same."""
    short, long = sweep_stream(job()), sweep_stream(job(forking=False))

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
def test_a_relay_that_cannot_be_forked_is_played_from_the_start(relay):
    """One holds what cannot be kept; one is kept and then ends in another way."""
    swept = sweep_stream(job(relay=relay))
    plain = sweep_stream(job(relay=relay, forking=False))

    assert "v2" in swept.unbranched
    assert swept.cells == plain.cells


def test_a_promised_length_is_not_forked():
    """Where a head has the length, a cut changes the head."""
    whole = job()
    response = replace(
        _response(whole),
        headers=(("content-type", "text/event-stream"), ("content-length", "1")),
    )
    assert response.framing is Framing.CONTENT_LENGTH
    sized = replace(_with_response(whole, response), limit=10)

    assert sweep_stream(sized).unbranched == ("v1", "v2")
