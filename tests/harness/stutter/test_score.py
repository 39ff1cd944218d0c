"""Scores of streams, tallies over sets, and the decision."""

from __future__ import annotations

import json

import pytest

from harness.judge.evidence.observation import ClientEnd, Observation, UpstreamRequest
from harness.judge.verdict import Decision
from harness.stutter.gate import Thresholds, decide_detection, detection
from harness.stutter.score import Score, score, tally

MS = 1_000_000


def event(text, field="content"):
    """One chunk with a text."""
    value = {"choices": [{"index": 0, "delta": {field: text}}]}
    return f"data: {json.dumps(value)}\n\n".encode()


def observed(*reads, sent=(), invalid=None):
    """What a client got, and what the upstream sent."""
    total = 0
    marks = []
    for at_ms, data in sent:
        total += len(data)
        marks.append((at_ms * MS, total))
    request = UpstreamRequest(
        at_ns=0,
        method="POST",
        path="/",
        headers=(),
        body=b"",
        sent=tuple(marks),
        lateness_ns=(),
        finished=True,
        closed_at_ns=None,
    )
    return Observation(
        target="t",
        virtual=True,
        status=200,
        http_version="HTTP/1.1",
        headers=(),
        head_at_ns=0,
        reads=tuple((at_ms * MS, data) for at_ms, data in reads),
        end=ClientEnd.COMPLETE,
        end_at_ns=0,
        upstream=(request,),
        invalid=invalid,
    )


ONE, TWO = event("Hello"), event(" world")
MEANT = ((len(ONE), 0, "content", "Hello"), (len(ONE + TWO), 0, "content", " world"))
SENT = ((10, ONE), (30, TWO))


def test_the_right_text_in_other_pieces_is_right():
    """Text counts, not how it is cut; hold is by character."""
    seen = observed((40, event("Hello world")), sent=SENT)

    found = score(MEANT, seen, stutters=True)

    assert (found.right, found.lost, found.added) == (True, 0, 0)
    assert found.first_hold_ns == 30 * MS
    assert found.holds_ns == (30 * MS, 10 * MS)


@pytest.mark.parametrize(
    ("texts", "lost", "added"),
    [
        (("Hello", "Hello", " world"), 0, 5),
        (("Hello",), 6, 0),
        ((), 11, 0),
        (("Hallo", " world"), 1, 1),
        (("Hllo", " wrld"), 2, 0),
    ],
)
def test_lost_and_added_characters_are_counted(texts, lost, added):
    """Every character that was meant and is missing, every one that nobody meant."""
    seen = observed(*((40, event(text)) for text in texts), sent=SENT)

    found = score(MEANT, seen, stutters=True)

    assert (found.right, found.lost, found.added) == (False, lost, added)
    assert found.holds_ns == ()


def test_a_client_stops_at_done():
    """What follows the sentinel is not text of the answer."""
    seen = observed((40, ONE + TWO + b"data: [DONE]\n\n" + event("GHOST")), sent=SENT)

    assert score(MEANT, seen, stutters=False).right


def test_white_space_before_a_stuttering_text_is_not_decided():
    """How much of it was meant content cannot tell; a clean text must keep it all."""
    meant = ((10, 0, "content", "\n"), (20, 0, "content", "Hello"))
    seen = observed((40, event("\n\nHello")), sent=SENT)

    assert score(meant, seen, stutters=True).right
    assert not score(meant, seen, stutters=False).right


def test_a_text_in_another_field_is_wrong():
    """Reasoning is not the answer."""
    seen = observed((40, event("Hello world", "reasoning_content")), sent=SENT)

    found = score(MEANT, seen, stutters=True)

    assert (found.right, found.lost, found.added) == (False, 11, 11)


def scores(pattern, *, lost=0, invalid=None):
    """One score a letter: r for right."""
    return [
        Score(
            right=letter == "r",
            lost=lost,
            added=0,
            first_hold_ns=None,
            holds_ns=(),
            invalid=invalid,
        )
        for letter in pattern
    ]


def test_a_tally_pairs_the_streams():
    """McNemar counts the streams on which the two differ."""
    found = tally(scores("rrrrrrrw"), scores("wwwwwwwr"))

    assert (found.better, found.worse, found.p) == (7, 1, 0.0703125)
    assert (found.right.count, found.wrong.count, found.right.of) == (7, 1, 8)
    assert tally(scores("rw")).p is None


def detected(*, growing="r" * 100, clean="r" * 100, first=None, **more):
    """Detection over two of the sets that count."""
    made = {"growing": scores(growing), "clean": scores(clean, **more)}
    return detection(made, first, Thresholds())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"growing": "r" * 94 + "w" * 6}, "recall 94.00%, expected at least 95.00%"),
        ({"clean": "r" * 97 + "w" * 3}, "false positives 3.00%, expected at most"),
        ({"lost": 1}, "100 characters lost where nothing stutters"),
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
    found = detection(
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
        "of 10 streams, a recall of 72.2% may be so",
        "of 10 streams, false positives of 27.8% may be so",
    )


def test_no_evidence_never_passes():
    """Nothing scored is inconclusive; what proves nothing is invalid."""
    assert decide_detection([detected(), detected(growing="")]) is Decision.INCONCLUSIVE
    assert decide_detection([detected(), detected(invalid="why")]) is Decision.INVALID
