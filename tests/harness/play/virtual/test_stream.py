"""One stream: what its relay says by name, and what is not over when it is held up."""

from __future__ import annotations

import pytest

from harness.cassette.model import Framing, Request
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft, Write
from harness.judge.evidence.observation import ClientEnd
from harness.play.virtual.clock import VirtualClock
from harness.play.virtual.stream import VirtualStream
from harness.scenario.model import ClientPlan, Pause, ReadPlan
from harness.scenario.script import Script

MS = 1_000_000


class Scripted:
    """A relay that answers each kind of event with given commands, once each."""

    def __init__(self, **answers):
        self.answers = answers
        self.told = []

    def handle(self, now_ns, event):
        self.told.append((now_ns, event[0]))
        return self.answers.get(event[0], [])


def begun(client=None, **answers):
    """A stream whose upstream says three pieces; with its clock and its relay."""
    wire = WireDraft(
        status=200,
        http_version="HTTP/1.1",
        headers=(),
        framing=Framing.CHUNKED,
        head_at_ns=10 * MS,
        writes=tuple(Write(at_ms * MS, b"x" * 10) for at_ms in (20, 30, 40)),
        spans=(),
        end=StreamEnd.COMPLETE,
        end_at_ns=50 * MS,
    )
    played = Script(
        scenario_id="test/one",
        seed=1,
        request=Request(method="POST", path="/v1/x", headers=(), body=b"{}"),
        attempts=(wire,),
        client=client or ClientPlan(),
    )
    given = {
        "request": [("connect", 1)],
        "head": [("send_head", 200, ())],
        "data": [("send", b"x" * 10)],
        "ended": [("end",)],
    }
    clock = VirtualClock()
    relay = Scripted(**given | answers)
    stream = VirtualStream(0, relay, played, clock)
    stream.start()
    return stream, clock, relay


def pump(stream, clock):
    """Go on to the end."""
    while not stream.is_over() and (action := clock.advance()) is not None:
        stream.ACTIONS[action[1]](stream, *action[2])
    return stream.observation("t")


def test_what_may_happen_to_a_stream():
    """All that the clock may name."""
    assert set(VirtualStream.ACTIONS) == {
        "client_leaves",
        "client_wakes",
        "deadline",
        "timer",
        "upstream_acts",
        "upstream_beats",
        "upstream_beats_again",
        "upstream_goes_on",
    }


def test_while_its_client_is_held_up_nothing_is_read_and_timers_stand_still():
    """A window of ten bytes, nothing read for 100 ms: the rest of the time is added."""
    pause = Pause(after_bytes=0, for_ms=100)
    plan = ClientPlan(read=ReadPlan(pause=pause), receive_buffer=10)
    stream, clock, relay = begun(
        plan,
        head=[
            ("send_head", 200, ()),
            ("set_timer", "t", 60 * MS),
        ],
    )
    seen = pump(stream, clock)

    # Held up from 20 ms, when the first piece fills the window, to 120 ms.
    assert relay.told == [
        (0, "request"),
        (10 * MS, "head"),
        (20 * MS, "data"),
        (120 * MS, "writable"),
        (120 * MS, "data"),
        (120 * MS, "data"),
        (120 * MS, "ended"),
    ]
    assert seen.upstream[0].sent == ((20 * MS, 10), (30 * MS, 20), (40 * MS, 30))
    assert [at_ns for at_ns, _ in seen.upstream[0].taken] == [20 * MS, *[120 * MS] * 2]
    assert seen.end_at_ns == 120 * MS


def test_an_end_is_learnt_when_all_before_it_was_read():
    """What waits is read first."""
    pause = Pause(after_bytes=0, for_ms=100)
    stream, clock, _ = begun(ClientPlan(read=ReadPlan(pause=pause)))
    seen = pump(stream, clock)

    assert (ClientEnd.COMPLETE, 120 * MS) == (seen.end, seen.end_at_ns)
    assert seen.reads == ((120 * MS, b"x" * 30),)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("no_command",), "the relay returned an unknown command 'no_command'"),
        ((["send"], b"x"), "the relay returned an unknown command of type tuple"),
        ((), "the relay returned an unknown command of type tuple"),
        (None, "the relay returned an unknown command of type NoneType"),
    ],
)
def test_an_unknown_command_is_reported_and_the_next_is_performed(wrong, words):
    """The rest of the list counts."""
    stream, clock, _ = begun(ended=[wrong, ("end",)])
    seen = pump(stream, clock)

    assert (words, ClientEnd.COMPLETE) == (seen.invalid, seen.end)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (("send",), "bytes"),
        (("send", 5), "bytes"),
        (("send", "text"), "bytes"),
        (("log", "info", "text", 3), "a level, a message and a dict of fields"),
        (("log", "info", "text"), "a level, a message and a dict of fields"),
        (("count", "x"), "a name, an amount and a dict of labels"),
        (("connect", "two"), "the number of the attempt"),
        (("set_timer", "t", None), "a name and an instant in nanoseconds"),
        (("cancel_timer",), "a name"),
        (("abort", 1), "nothing after its name"),
    ],
)
def test_a_wrong_form_is_reported_and_the_next_is_performed(wrong, expected):
    """The message says what was expected, and nothing of how the harness is made."""
    stream, clock, _ = begun(ended=[wrong, ("end",)])
    seen = pump(stream, clock)

    assert (
        f"the relay's command {wrong[0]!r} has a wrong form: expected {expected}"
        == (seen.invalid)
    )
    assert seen.end is ClientEnd.COMPLETE


@pytest.mark.parametrize(
    "wrong", [("200", ()), (200, None), (200, ((b"a",),)), (200, (("a", "b"),)), (200,)]
)
def test_a_head_of_a_wrong_form_is_none(wrong):
    """A status is a number, and a header a pair of byte strings."""
    stream, clock, _ = begun(head=[("send_head", *wrong), ("send_head", 201, ())])
    seen = pump(stream, clock)

    assert "wrong form: expected a status and pairs of bytes" in seen.invalid
    assert 201 == seen.status


@pytest.mark.parametrize("answer", [None, 5])
def test_an_answer_that_is_no_list_is_reported(answer):
    """It is no crash of the harness, and the stream goes on."""
    stream, clock, _ = begun(data=answer)
    seen = pump(stream, clock)

    assert "the relay must answer 'data' with a list of commands" == seen.invalid
    assert (ClientEnd.COMPLETE, ()) == (seen.end, seen.reads)


def test_a_fork_has_the_same_state_and_then_its_own():
    """Timers, reads, log: none is shared."""
    stream, clock, relay = begun(request=[("connect", 1), ("set_timer", "t", 5 * MS)])
    twin_clock = clock.fork()
    twin = stream.fork(relay, twin_clock)
    assert stream.state() == twin.state()
    pump(twin, twin_clock)

    assert stream.state() != twin.state()
    assert ([], None) == (stream.reads, stream.end)
    assert pump(stream, clock) == twin.observation("t")


def test_a_timer_that_stood_still_fires_so_much_later():
    """Held up from 20 to 120 ms: what was due at 60 ms is due at 160 ms."""
    pause = Pause(after_bytes=0, for_ms=100)
    plan = ClientPlan(read=ReadPlan(pause=pause), receive_buffer=10)
    stream, clock, relay = begun(
        plan,
        head=[("send_head", 200, ()), ("set_timer", "t", 60 * MS)],
        ended=[],
        timer=[("end",)],
    )
    pump(stream, clock)

    assert (160 * MS, "timer") == relay.told[-1]
