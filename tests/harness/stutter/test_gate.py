"""The decision over the scores of all sets."""

from __future__ import annotations

import pytest

from harness.judge.verdict import Decision
from harness.stutter.gate import Thresholds, decide_detection, evaluate
from harness.stutter.score import StreamScore


def scores(pattern, *, lost=0, invalid=None):
    """One score a letter: r for right."""
    return [
        StreamScore(
            right=letter == "r",
            lost=lost,
            added=0,
            first_hold_ns=None,
            holds_ns=(),
            invalid=invalid,
        )
        for letter in pattern
    ]


def detected(*, growing="r" * 100, clean="r" * 100, first=None, **more):
    """Detection over two of the sets that count."""
    made = {"growing": scores(growing), "clean": scores(clean, **more)}
    return evaluate(made, first, Thresholds())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"growing": "r" * 94 + "w" * 6},
            "expected a recall of at least 95.00%, got 94.00%",
        ),
        (
            {"clean": "r" * 97 + "w" * 3},
            "expected at most 2.00% false positives, got 3.00%",
        ),
        (
            {"lost": 1},
            "expected at most 0 characters lost where nothing stutters, got 100",
        ),
    ],
)
def test_each_threshold_is_held(changes, reason):
    """One that is not reached is a NO-GO that says so."""
    good, bad = detected(), detected(**changes)

    assert good.reasons == ()
    assert [text for text in bad.reasons if reason in text]
    assert decide_detection([good, bad]) is Decision.NO_GO
    assert decide_detection([bad, good]) is Decision.GO
    assert decide_detection([bad]) is Decision.NO_GO


def test_worse_than_the_first_beyond_chance_is_a_reason():
    """Within the thresholds, and still a step back."""
    first = {"growing": scores("r" * 200)}
    candidate = detected(growing="r" * 194 + "w" * 6, first=first)

    assert candidate.worse
    assert decide_detection([detected(), candidate]) is Decision.NO_GO
    assert not detected(growing="r" * 198 + "w" * 2, first=first).worse


def test_sets_that_cannot_be_decided_do_not_count():
    """They are shown, not judged."""
    found = evaluate(
        {
            "growing": scores("r" * 99),
            "clean": scores("r" * 99),
            "repeat-first-2": scores("w" * 99, lost=3),
            "meant-opening-2": scores("w" * 99, lost=3),
        },
        None,
        Thresholds(),
    )

    assert found.reasons == ()
    assert (found.recall.of, found.false_positives.of, found.lost) == (99, 99, 0)


def test_few_streams_leave_a_doubt():
    """Ten of ten may be 72 % of all."""
    found = detected(growing="r" * 10, clean="r" * 10)

    assert found.reasons == ()
    assert found.doubts == (
        "with 10 streams, the recall may be as low as 72.2%",
        "with 10 streams, false positives may be as high as 27.8%",
    )


def test_no_evidence_never_passes():
    """Nothing scored is inconclusive; what proves nothing is invalid."""
    assert decide_detection([detected(), detected(growing="")]) is Decision.INCONCLUSIVE
    assert decide_detection([detected(), detected(invalid="why")]) is Decision.INVALID


def test_better_than_the_first_beyond_chance_is_not_worse():
    """The test has two sides, and only one of them counts."""
    first = {"growing": scores("w" * 50 + "r" * 50)}
    found = detected(first=first)

    assert found.recall_p < 0.05
    assert not found.worse


def test_one_lost_character_is_one_too_many():
    """The default allows none."""
    assert detected(clean="r", lost=1).reasons == (
        "expected at most 0 characters lost where nothing stutters, got 1",
    )
