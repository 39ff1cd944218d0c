"""Labelled streams, played into relays in virtual time."""

from __future__ import annotations

import json

import pytest

from harness.cassette.model import Ending, EndingKind, Request, Response, Segment
from harness.errors import InputError
from harness.play.virtual.relays import RelayUnderTest
from harness.stutter.play import ScoringJob, check_relay, score_stream
from harness.stutter.sets import SETS

MS = 1_000_000
WORDS = ("Once", " upon", " a", " time", " there", " was", " light")
PASSING = "tests.planted.stutter:pass_through"
EATER = "tests.planted.stutter:eat_all_repeats"
REQUEST = Request(method="POST", path="/v1/chat/completions", headers=(), body=b"{}")


def recorded(kind="text/event-stream"):
    """A story, one delta every 10 ms."""
    choices = [
        [{"index": 0, "delta": {"content": word}, "finish_reason": None}]
        for word in WORDS
    ]
    events = [f"data: {json.dumps({'choices': one})}\n\n".encode() for one in choices]
    segments = tuple(
        Segment(at_ns=10 * MS * number, data=data)
        for number, data in enumerate((*events, b"data: [DONE]\n\n"), start=1)
    )
    return Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(("content-type", kind),),
        segments=segments,
        ending=Ending(at_ns=segments[-1].at_ns, kind=EndingKind.COMPLETE),
    )


def scored(*paths, response=None):
    """The scores of the story, one a relay."""
    relays = tuple(RelayUnderTest(name=path, path=path, settings=()) for path in paths)
    return score_stream(
        ScoringJob(
            name="story",
            request=REQUEST,
            response=response or recorded(),
            relays=relays,
            seed=1,
        )
    )


def test_every_set_that_fits_is_scored_for_every_relay():
    """The story does not open with a repeat, so that one set is missing."""
    found = scored(PASSING, EATER)

    assert ("story", None) == (found.name, found.why_not)
    names = {kind.name for kind in SETS} - {"clean-opening"}
    assert names == found.scores.keys()
    assert {2} == {len(one) for one in found.scores.values()}


def test_who_repairs_nothing_passes_what_is_meant():
    """And no stutter comes out right; nothing is late."""
    found = scored(PASSING).scores

    for kind in SETS:
        for one in found.get(kind.name, ()):
            assert one.right is not kind.stutters
            assert set() == {hold for hold in one.holds_ns if hold}


def test_who_eats_every_repeat_loses_what_is_meant():
    """The order of the scores is that of the relays."""
    passing, eater = scored(PASSING, EATER).scores["meant-middle"]

    assert (True, 0) == (passing.right, passing.lost)
    assert (False, 2 * len(" there")) == (eater.right, eater.lost)
    assert scored(EATER).scores["repeat-first-2"][0].right


def test_a_stream_that_is_not_clean_is_in_no_set():
    """Nothing is played."""
    found = scored(PASSING, response=recorded(kind="application/json"))

    assert ("no event stream", {}) == (found.why_not, found.scores)


@pytest.mark.parametrize(
    ("path", "settings"),
    [
        ("proxy.v2:make_relay", (("STREAMING_HOLD_MS", "x"),)),
        ("no.such:relay", ()),
    ],
)
def test_a_wrong_relay_is_reported_before_a_run(path, settings):
    """With the name of its target."""
    with pytest.raises(InputError):
        check_relay(RelayUnderTest(name="mine", path=path, settings=settings))


def test_a_right_relay_is_accepted():
    """Made once, and not kept."""
    assert check_relay(RelayUnderTest(name="mine", path=PASSING, settings=())) is None
