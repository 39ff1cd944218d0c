"""Snapshots of a play and their forks; what an outcome is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cassette.model import Framing, Request
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft, Write
from harness.judge.evidence.observation import ClientEnd
from harness.play.virtual.player import PlayContext, VirtualPlayer, play_virtual
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script
from harness.sweep.snapshots import Outcome, Snapshot, Unforkable, outcome_of
from tests.planted.stutter import pass_through
from tests.planted.sweep import cannot_be_kept

SCRIPT = Script(
    scenario_id="test/one",
    seed=1,
    request=Request(method="POST", path="/v1/x", headers=(), body=b"{}"),
    attempts=(
        WireDraft(
            status=200,
            http_version="HTTP/1.1",
            headers=(("Content-Type", "text/event-stream"),),
            framing=Framing.CHUNKED,
            head_at_ns=10,
            writes=(Write(20, b"data: a\n\n"), Write(20, b"data: b\n\n")),
            spans=(),
            end=StreamEnd.COMPLETE,
            end_at_ns=30,
        ),
    ),
    client=ClientPlan(),
)


def begun(factory, number):
    """A play that stops before an event of its upstream."""
    player = VirtualPlayer(PlayContext("t", factory, {}))
    stream = player.begin(SCRIPT)
    player.run_to_event(number)
    return player, stream.attempts.all[0].schedule


def test_an_outcome_joins_what_came_at_one_instant():
    """However many reads it came in."""
    seen = play_virtual("t", pass_through, SCRIPT, {})

    assert len(seen.reads) == 2
    assert outcome_of(seen) == Outcome(
        status=200,
        head_at_ns=10,
        reads=((20, b"data: a\n\ndata: b\n\n"),),
        end=ClientEnd.COMPLETE,
        end_at_ns=30,
        crashed=False,
        finished=True,
        closed_at_ns=None,
    )


def test_a_play_of_another_number_of_requests_has_no_outcome():
    """It is like no other."""
    seen = play_virtual("t", pass_through, SCRIPT, {})

    assert outcome_of(replace(seen, upstream=())) is None
    assert outcome_of(replace(seen, upstream=seen.upstream * 2)) is None


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_fork_with_the_same_schedule_ends_as_the_whole(number):
    """From every place in it, and as often as one likes."""
    player, schedule = begun(pass_through, number)
    snapshot = Snapshot(player)
    whole = outcome_of(play_virtual("t", pass_through, SCRIPT, {}))

    assert [snapshot.fork(schedule).outcome() for _ in range(2)] == [whole, whole]


def test_a_fork_plays_a_schedule_of_its_own():
    """And the next one is not touched by it."""
    player, schedule = begun(pass_through, 2)
    snapshot = Snapshot(player)
    cut = snapshot.fork((*schedule[:2], (20, ("data", b"!")), (25, ("ended", "reset"))))
    outcome = cut.outcome()

    assert outcome.reads == ((20, b"data: a\n\n!"),)
    assert outcome.end_at_ns == 25
    assert snapshot.fork(schedule).outcome().end_at_ns == 30


def test_two_forks_have_one_state_where_the_rest_will_be_equal():
    """A border within a write makes no difference to a relay that passes all on."""
    player, schedule = begun(pass_through, 2)
    snapshot = Snapshot(player)
    plain = snapshot.fork(schedule)
    plain.run(3)
    at_ns, (_, data) = schedule[2]
    halves = (at_ns, ("data", data[:3])), (at_ns, ("data", data[3:]))
    parted = snapshot.fork((*schedule[:2], *halves, *schedule[3:]))
    parted.run(3)
    assert parted.state() != plain.state()
    parted.run(4)

    assert parted.state() == plain.state()


def test_a_relay_that_cannot_be_pickled_has_no_snapshot():
    """The reason is given."""
    player, _ = begun(cannot_be_kept, 1)

    with pytest.raises(Unforkable, match="lock"):
        Snapshot(player)
