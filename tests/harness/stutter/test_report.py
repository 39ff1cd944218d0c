"""The document of a stutter run."""

from __future__ import annotations

import pytest

from harness.play.virtual.relays import RelayUnderTest
from harness.stutter.gate import Thresholds
from harness.stutter.report import build_stutter_report
from harness.stutter.score import ScoredStream, StreamScore
from harness.stutter.sets import SETS


def relays(*names):
    """Targets with those names."""
    return [
        RelayUnderTest(name=name, path=f"{name}:make", settings=(("K", "1"),))
        for name in names
    ]


def stream(*right, sets=("growing", "clean"), lost=0, invalid=None):
    """A stream that fits those sets, scored once a target."""
    scores = tuple(
        StreamScore(
            right=one,
            lost=0 if one else lost,
            added=0,
            first_hold_ns=7 if one else None,
            holds_ns=(7, 9) if one else (),
            invalid=invalid,
        )
        for one in right
    )
    return ScoredStream(name="s", scores=dict.fromkeys(sets, scores), why_not=None)


def built(scored, *names, limits=None):
    """The report of those streams."""
    return build_stutter_report(
        scored,
        relays(*names),
        limits or Thresholds(),
        run={"seed": 3},
        volatile={"at": "now"},
    )


def of_set(report, name):
    """One set of a report."""
    return next(one for one in report["sets"] if one["name"] == name)


def test_targets_and_settings_are_named():
    """With the run, and apart from it what differs between equal runs."""
    report = built([stream(True, True)], "old", "new")

    assert {"name": "old", "relay": "old:make", "settings": {"K": "1"}} == (
        report["targets"][0]
    )
    assert ({"seed": 3}, {"at": "now"}) == (report["run"], report["volatile"])
    assert [kind.name for kind in SETS] == [one["name"] for one in report["sets"]]


def test_a_set_counts_only_the_streams_that_fit_it():
    """Each target has a tally, compared with the first one's."""
    streams = [stream(False, True)] * 3 + [stream(True, True, sets=("growing",))]
    report = built(streams, "old", "new")
    growing, clean = of_set(report, "growing"), of_set(report, "clean")

    assert (4, 3) == (growing["streams"], clean["streams"])
    old, new = growing["targets"]
    assert (1, 4) == (old["right"]["count"], new["right"]["count"])
    assert (3, 0) == (old["wrong"]["count"], new["wrong"]["count"])
    assert (None, 0.25) == (old["mcnemar_p"], new["mcnemar_p"])
    assert (3, 0) == (new["better"], new["worse"])
    assert {"p50": 7, "p99": 9} == new["hold_ns"]
    assert {"p50": None, "p99": None} == clean["targets"][0]["hold_ns"]


def test_streams_that_fit_no_set_are_counted_by_reason():
    """In the order of the reasons."""
    left = [
        ScoredStream(name=why, scores={}, why_not=why)
        for why in ("no event stream", "it reports an error", "no event stream")
    ]

    assert {
        "found": 4,
        "scored": 1,
        "left_out": {"it reports an error": 1, "no event stream": 2},
    } == built([stream(True), *left], "only")["streams"]


@pytest.mark.parametrize(
    ("scored", "names", "result", "code", "reasons"),
    [
        ([stream(True, True)], ("old", "new"), "GO", 0, 0),
        ([stream(False, True)], ("old", "new"), "GO", 0, 0),
        ([stream(True, False, lost=1)], ("old", "new"), "NO-GO", 1, 3),
        ([stream(False, lost=1)], ("only",), "NO-GO", 1, 3),
        ([], ("only",), "INCONCLUSIVE", 3, 1),
        ([stream(True, sets=("clean",))], ("only",), "INCONCLUSIVE", 3, 1),
        ([stream(True, invalid="why")], ("only",), "INVALID", 4, 1),
    ],
)
def test_decision_and_its_reasons(scored, names, result, code, reasons):
    """The first of several targets is what the others are to replace."""
    decision = built(scored, *names)["decision"]

    assert (result, code) == (decision["result"], decision["exit_code"])
    assert reasons == len(decision["reasons"])
    judged = names[-1]
    if result == "NO-GO":
        assert all(one.startswith(f"{judged}: ") for one in decision["reasons"])


def test_doubts_name_their_target():
    """One stream cannot prove a threshold."""
    doubts = built([stream(True, True)], "old", "new")["decision"]["doubts"]

    assert ["old", "old", "new", "new"] == [one.split(":")[0] for one in doubts]
