"""Scores of streams, and tallies over sets."""

from __future__ import annotations

import json

import pytest

from harness.judge.evidence.observation import ClientEnd, Observation, UpstreamRequest
from harness.stutter.score import StreamScore, score, tally

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


def test_a_tally_pairs_the_streams():
    """McNemar counts the streams on which the two differ."""
    found = tally(scores("rrrrrrrw"), scores("wwwwwwwr"))

    assert (found.better, found.worse, found.p) == (7, 1, 0.0703125)
    assert (found.right.count, found.wrong.count, found.right.of) == (7, 1, 8)
    assert tally(scores("rw")).p is None
