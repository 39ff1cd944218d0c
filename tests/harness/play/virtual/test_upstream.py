"""The upstream's side of a stream: attempts, what they say when, and their copies."""

from __future__ import annotations

from dataclasses import replace

from harness.cassette.model import Framing, Request
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import Delivery, Heartbeat
from harness.faults.draft.wire import WireDraft, Write
from harness.play.virtual.clock import VirtualClock
from harness.play.virtual.upstream import VirtualAttempts, since
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script

REQUEST = Request(method="POST", path="/v1/x", headers=(), body=b"{}")
WIRE = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(),
    framing=Framing.CHUNKED,
    head_at_ns=10,
    writes=(Write(20, b"a"), Write(30, b"bc")),
    spans=(),
    end=StreamEnd.COMPLETE,
    end_at_ns=40,
)


def attempts_of(*wires):
    """Attempts and their clock."""
    clock = VirtualClock()
    script = Script(
        scenario_id="test/one",
        seed=1,
        request=REQUEST,
        attempts=wires,
        client=ClientPlan(),
    )
    return VirtualAttempts(script, clock, 4), clock


def pump(attempts, clock, until_ns=10**9):
    """Let the upstream act; return what each attempt gave the relay, and when."""
    told = []
    while clock.next_at_ns is not None and clock.next_at_ns <= until_ns:
        stream, name, arguments = clock.advance()
        assert stream == 4
        if name == "upstream_acts":
            upstream = attempts.act(*arguments)
        elif name == "upstream_beats":
            upstream = attempts.all[arguments[0]]
            upstream.say(clock.now_ns, arguments[1])
        else:
            attempts.beat(*arguments)
            continue
        while upstream.due and upstream.is_open:
            event = upstream.hand_over(clock.now_ns, timed=True)
            told.append((clock.now_ns, arguments[0], event[0]))
    return told


def test_an_attempt_plays_its_schedule_from_when_it_is_asked():
    """All in order, and each piece is noted with all bytes up to it."""
    attempts, clock = attempts_of(WIRE)
    clock.now_ns = 5
    attempts.connect(1)

    assert pump(attempts, clock) == [
        (15, 0, "head"),
        (25, 0, "data"),
        (35, 0, "data"),
        (45, 0, "ended"),
    ]
    [seen] = attempts.observed(5)
    assert seen.sent == seen.taken == ((20, 1), (30, 3))
    assert (seen.at_ns, seen.finished, seen.closed_at_ns) == (0, True, None)
    assert (attempts.done, attempts.is_open) == (4, False)


def test_another_attempt_gives_up_the_one_before():
    """The rest of the first is dropped; the second plays its own draft."""
    attempts, clock = attempts_of(WIRE, replace(WIRE, writes=()))
    attempts.connect(1)
    pump(attempts, clock, until_ns=20)
    attempts.connect(2)

    assert [(number, name) for _, number, name in pump(attempts, clock)] == [
        (1, "head"),
        (1, "ended"),
    ]
    first, second = attempts.observed(0)
    assert (first.closed_at_ns, first.finished, first.played) == (20, False, 0)
    assert (second.closed_at_ns, second.finished, second.played) == (None, True, 1)


def test_a_refused_request_did_not_reach_the_upstream():
    """It is an attempt, and no request."""
    attempts, clock = attempts_of(replace(WIRE, end=StreamEnd.REFUSED))
    attempts.connect(1)

    assert pump(attempts, clock) == [(0, 0, "ended")]
    assert (1, ()) == (len(attempts.all), attempts.observed(0))


def test_a_heartbeat_comes_again_and_again():
    """From when the stall began, which is its planned end here."""
    beat = Heartbeat(every_ns=100, data=b":\n\n")
    stalled = replace(WIRE, end=StreamEnd.STALL, delivery=Delivery(heartbeat=beat))
    attempts, clock = attempts_of(stalled)
    attempts.connect(1)
    told = pump(attempts, clock, until_ns=400)

    assert [at_ns for at_ns, _, _ in told] == [10, 20, 30, 140, 240, 340]


def test_a_fork_goes_on_by_itself_and_may_play_something_else():
    """The rest of its schedule is another, and the first is as it was."""
    attempts, clock = attempts_of(WIRE)
    attempts.connect(1)
    pump(attempts, clock, until_ns=10)
    twin_clock = clock.fork()
    twin = attempts.fork(twin_clock)
    assert twin.state() == attempts.state()
    schedule = twin.all[0].schedule
    twin.play_instead((*schedule[:2], (25, ("ended", "reset"))))

    assert pump(twin, twin_clock) == [(20, 0, "data"), (25, 0, "ended")]
    assert (1, []) == (attempts.done, attempts.all[0].sent)
    assert pump(attempts, clock)[-1] == (40, 0, "ended")


def test_times_since_an_instant():
    """Absolute ones are made relative."""
    assert ((1, "a"), (3, "b")) == since(4, [(5, "a"), (7, "b")])
    assert ((5, "a"),) == since(0, [(5, "a")])


def test_every_connection_is_the_next_attempt_whatever_its_number():
    """A relay that counts from 1 again does not get the first answer twice."""
    attempts, _ = attempts_of(WIRE, replace(WIRE, status=201))

    assert [0, 1] == [attempts.connect(1).played for _ in range(2)]
