"""Virtual time: what a script and a relay make of one another, and forks of a play."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from harness.cassette.model import Framing, Request
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import Delivery, Heartbeat, SocketPlan
from harness.faults.draft.wire import WireDraft, Write
from harness.judge.evidence.observation import ClientEnd
from harness.play.virtual.player import PlayContext, VirtualPlayer, play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.model import Abort, ClientPlan, Pause, ReadPlan
from harness.scenario.script import Script

MS = 1_000_000
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'


def script(
    *writes: tuple[int, bytes],
    end: StreamEnd = StreamEnd.COMPLETE,
    end_ms: int = 500,
    framing: Framing = Framing.CHUNKED,
    head_ms: int | None = 10,
    promised: int | None = None,
    client: ClientPlan | None = None,
) -> Script:
    """A script whose writes are given in milliseconds."""
    wire = WireDraft(
        status=200,
        http_version="HTTP/1.1",
        headers=(("Content-Type", "text/event-stream"),),
        framing=framing,
        head_at_ns=None if head_ms is None else head_ms * MS,
        writes=tuple(Write(at_ms * MS, data) for at_ms, data in writes),
        spans=(),
        end=end,
        end_at_ns=end_ms * MS,
        promised_length=promised,
    )
    return Script(
        scenario_id="test/one",
        seed=1,
        request=Request(method="POST", path="/v1/x", headers=(), body=b"{}"),
        attempts=(wire,),
        client=client or ClientPlan(),
    )


class Recorder:
    """A relay that passes everything on and keeps its events with their times."""

    def __init__(self) -> None:
        self.seen = []
        self.extra = {}

    def handle(self, now_ns, event):
        self.seen.append((now_ns, event))
        name = event[0]
        commands = {
            "request": [("connect", 1)],
            "head": [("send_head", *event[1:])],
            "data": [("send", *event[1:])],
            "ended": [("end",)] if event[1:] == ("complete",) else [("abort",)],
            "client_gone": [("close_upstream",)],
        }.get(name, [])
        return [*commands, *self.extra.get(name, [])]


def play(wanted: Script, **extra):
    """Play into a recorder; returns the observation and the events of the relay."""
    relay = Recorder()
    relay.extra = extra
    return play_virtual("t", lambda settings, seed: relay, wanted, {}), relay.seen


def test_events_arrive_at_their_instants():
    """Head, data and end reach the relay exactly when the script says."""
    seen, told = play(script((100, b"a"), (250, b"b")))

    assert [
        (0, "request"),
        (10 * MS, "head"),
        (100 * MS, "data"),
        (250 * MS, "data"),
        (500 * MS, "ended"),
    ] == [(now, event[0]) for now, event in told]
    assert ((100 * MS, b"a"), (250 * MS, b"b")) == seen.reads
    assert ClientEnd.COMPLETE is seen.end
    assert seen.upstream[0].finished


@pytest.mark.parametrize(
    ("end", "framing", "ended"),
    [
        (StreamEnd.COMPLETE, Framing.CHUNKED, ("ended", "complete")),
        (StreamEnd.TRUNCATED, Framing.CHUNKED, ("ended", "truncated")),
        (StreamEnd.TRUNCATED, Framing.CONTENT_LENGTH, ("ended", "truncated")),
        (StreamEnd.TRUNCATED, Framing.CLOSE, ("ended", "complete")),
        (StreamEnd.RESET, Framing.CLOSE, ("ended", "reset")),
    ],
)
def test_endings_look_as_they_do_on_a_wire(end, framing, ended):
    """A FIN is the end of a close-delimited body and a cut of any other."""
    _, told = play(script((100, b"a"), end=end, framing=framing))

    assert ended == told[-1][1]


def test_promised_length_cuts_and_keeps_waiting():
    """More bytes than promised are not read; fewer are a truncation."""
    short, told = play(
        script((100, b"abcdef"), framing=Framing.CONTENT_LENGTH, promised=4)
    )
    assert b"abcd" == short.body
    assert ("ended", "complete") == told[-1][1]

    _, told = play(script((100, b"ab"), framing=Framing.CONTENT_LENGTH, promised=4))
    assert ("ended", "truncated") == told[-1][1]


def test_stall_ends_at_the_deadline():
    """Nothing more, for ever: the client gives up when its patience ends."""
    plan = ClientPlan(deadline_ms=60_000)
    seen, _ = play(script((100, b"a"), end=StreamEnd.STALL, client=plan))

    assert (ClientEnd.TIMEOUT, 60_000 * MS) == (seen.end, seen.end_at_ns)


def test_client_leaves_after_events_and_frees_the_upstream():
    """The relay learns of it at the same instant, before later data."""
    plan = ClientPlan(abort=Abort(after_events=2))
    writes = [(100 * index, EVENT) for index in range(1, 5)]
    seen, told = play(script(*writes, client=plan))

    assert (ClientEnd.CLIENT_CLOSED, 200 * MS) == (seen.end, seen.end_at_ns)
    assert (200 * MS, ("client_gone", "rst")) == told[-1]
    assert 200 * MS == seen.upstream[0].closed_at_ns


def test_client_leaves_after_a_time():
    """A client may leave before anything came."""
    plan = ClientPlan(abort=Abort(after_ms=50))
    seen, _ = play(script((100, EVENT), head_ms=90, client=plan))

    assert (ClientEnd.CLIENT_CLOSED, None) == (seen.end, seen.status)


def test_at_one_instant_client_upstream_timer():
    """The order at equal instants is fixed: client, upstream, timers."""
    plan = ClientPlan(abort=Abort(after_ms=100))
    wanted = script((100, b"a"), end=StreamEnd.STALL, client=plan)

    _, told = play(wanted, request=[("set_timer", "t", 100 * MS)], client_gone=[])
    assert ["request", "head", "client_gone"] == [event[0] for _, event in told]

    _, told = play(script((100, b"a")), request=[("set_timer", "t", 100 * MS)])
    assert ["request", "head", "data", "timer", "ended"] == [
        event[0] for _, event in told
    ]


def test_cancelled_and_replaced_timers_do_not_ring():
    """A timer rings once, at the instant it was last set for."""
    _, told = play(
        script((100, b"a")),
        request=[("set_timer", "t", 50 * MS), ("set_timer", "u", 60 * MS)],
        head=[("set_timer", "t", 70 * MS), ("cancel_timer", "u")],
    )

    assert [(70 * MS, ("timer", "t"))] == [
        (now, event) for now, event in told if event[0] == "timer"
    ]


def test_paused_upstream_waits_and_loses_nothing():
    """Bytes of a paused upstream arrive when it is resumed, in order."""
    seen, told = play(
        script((100, b"a"), (110, b"b"), (120, b"c")),
        head=[("pause_upstream",), ("set_timer", "go", 200 * MS)],
        timer=[("resume_upstream",)],
    )

    assert [(200 * MS, b"a"), (200 * MS, b"b"), (200 * MS, b"c")] == list(seen.reads)
    assert 500 * MS == told[-1][0]


def test_crash_of_a_relay_is_an_observation():
    """A target's exception is evidence about the target, not our error."""

    class Broken(Recorder):
        def handle(self, now_ns, event):
            if event[0] == "data":
                raise KeyError("choices")
            return super().handle(now_ns, event)

    seen = play_virtual("t", lambda settings, seed: Broken(), script((100, b"a")), {})

    assert ClientEnd.TRUNCATED is seen.end
    assert ("crashed: KeyError on data",) == seen.log


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"ended": [("send", b"x")]}, "after its end"),
        ({"request": [("send", b"x")]}, "before a head"),
        ({"head": [("send_head", 200, ())]}, "second head"),
        ({"data": [("sned", b"x")]}, "unknown command 'sned'"),
        ({"data": [("send",)]}, "wrong form"),
    ],
)
def test_misuse_of_the_contract_is_invalid(extra, words):
    """A relay that breaks the contract proves nothing, and the observation says so."""
    seen, _ = play(script((100, b"a")), **extra)

    assert words in seen.invalid


def test_metrics_of_a_relay_are_taken():
    """A relay may count and observe; virtual time has no use for the figures."""
    seen, _ = play(
        script((100, b"a")),
        head=[
            ("count", "retries", 1, {}),
            ("observe", "ttft_seconds", 0.1, {"a": "b"}),
        ],
    )

    assert (None, b"a") == (seen.invalid, seen.body)


def test_second_attempt_drops_the_first():
    """A relay that connects again gets the next attempt, and nothing of the last."""
    wanted = script((100, b"a"), (300, b"b"))

    class Again(Recorder):
        def handle(self, now_ns, event):
            if event == ("data", b"a") and len(self.seen) < 4:
                self.seen.append((now_ns, event))
                return [("connect", 2)]
            return [
                command
                for command in super().handle(now_ns, event)
                if event[0] != "head" or now_ns < 50 * MS
            ]

    relay = Again()
    seen = play_virtual("t", lambda settings, seed: relay, wanted, {})

    assert ((200 * MS, b"a"), (400 * MS, b"b")) == seen.reads
    assert [100 * MS, None] == [request.closed_at_ns for request in seen.upstream]


def test_content_length_of_a_relay_bounds_what_it_sends():
    """As a server does: what is over the promise is dropped, under it is a cut."""

    class Promising(Recorder):
        def handle(self, now_ns, event):
            if event[0] == "head":
                return [("send_head", 200, ((b"Content-Length", b"3"),))]
            return super().handle(now_ns, event)

    def sent(*writes):
        return play_virtual("t", lambda s, n: Promising(), script(*writes), {})

    assert (b"abc", ClientEnd.COMPLETE) == (
        sent((100, b"abcdef")).body,
        sent((100, b"abcdef")).end,
    )
    assert ClientEnd.TRUNCATED is sent((100, b"a")).end


def test_run_repeats_to_the_bit():
    """A hundred runs of one script have one digest."""
    writes = [(7 * index, EVENT) for index in range(1, 60)]
    factory = load_relay("proxy.v2:make_relay")
    digests = {
        hashlib.sha256(
            repr(play_virtual("t", factory, script(*writes), {})).encode()
        ).hexdigest()
        for _ in range(100)
    }

    assert 1 == len(digests)


def with_wire(wanted: Script, **changes) -> Script:
    """The script with its one attempt changed."""
    return replace(wanted, attempts=(replace(wanted.attempts[0], **changes),))


def test_a_refused_attempt_does_not_reach_the_upstream():
    """The relay learns it immediately, and no request is seen."""
    refused = with_wire(script(head_ms=None), end=StreamEnd.REFUSED)
    seen, told = play(refused)
    assert (0, ("ended", "refused")) == told[-1]
    assert () == seen.upstream


def test_a_connection_that_is_accepted_late_delays_all_of_it():
    """Head, body and end."""
    delivery = Delivery(socket=SocketPlan(accept_ns=30 * MS))
    late = with_wire(script((100, b"a")), delivery=delivery)
    _, told = play(late)
    assert [0, 40 * MS, 130 * MS, 530 * MS] == [at_ns for at_ns, _ in told]


@pytest.mark.parametrize(
    ("framing", "ended"),
    [(Framing.CHUNKED, "truncated"), (Framing.CLOSE, "complete")],
)
def test_half_a_close_is_a_fin(framing, ended):
    """A reader cannot tell it from a whole one."""
    _, told = play(script((100, b"a"), end=StreamEnd.HALF_CLOSED, framing=framing))
    assert ("ended", ended) == told[-1][1]


def test_a_heartbeat_goes_on_until_the_deadline():
    """At its interval after the last byte; when the client leaves it stops."""
    beat = Heartbeat(every_ns=100 * MS, data=b":\n\n")
    plan = ClientPlan(deadline_ms=1000)
    stalled = script((100, b"a"), end=StreamEnd.STALL, end_ms=200, client=plan)
    seen, told = play(with_wire(stalled, delivery=Delivery(heartbeat=beat)))
    beats = [at_ns for at_ns, event in told if event == ("data", b":\n\n")]
    assert [ms * MS for ms in range(300, 1001, 100)] == beats[:8]
    assert len(beats) <= 9
    assert (ClientEnd.TIMEOUT, 1000 * MS) == (seen.end, seen.end_at_ns)
    left = ClientPlan(abort=Abort(after_ms=450))
    leaves = script((100, b"a"), end=StreamEnd.STALL, end_ms=200, client=left)
    _, told = play(with_wire(leaves, delivery=Delivery(heartbeat=beat)))
    assert 400 * MS == [at_ns for at_ns, event in told if event[0] == "data"][-1]


def test_bytes_that_are_no_framing_end_what_is_read():
    """Bytes after them are not passed on."""
    good, bad = Write(100 * MS, b"a"), Write(200 * MS, b"zz\r\n", raw=True)
    broken = with_wire(script((100, b"a")), writes=(good, bad, good))
    _, told = play(broken)
    assert [("data", b"a"), ("ended", "protocol_error")] == [
        event for _, event in told[2:]
    ]


def forked(player):
    """The same once more, from here."""
    return player.fork(player.pickled_relays())


@pytest.mark.parametrize("path", ["proxy.v1:make_relay", "proxy.v2:make_relay"])
@pytest.mark.parametrize(
    "client",
    [
        ClientPlan(),
        ClientPlan(abort=Abort(after_events=4)),
        ClientPlan(read=ReadPlan(bytes_per_s=4000), receive_buffer=100),
        ClientPlan(read=ReadPlan(pause=Pause(after_bytes=99, for_ms=90))),
    ],
    ids=["reads", "leaves", "slow", "pauses"],
)
def test_a_fork_at_any_moment_ends_as_the_whole(path, client):
    """Every copy goes on by itself, and the first is none the wiser."""
    wanted = script(*((30 * n, EVENT) for n in range(1, 9)), client=client)
    context = PlayContext("t", load_relay(path), {})
    player = VirtualPlayer(context)
    stream = player.begin(wanted)
    forks = [forked(player)]
    for at_ms in range(0, 600, 7):
        player.run_to(at_ms * MS)
        forks.append(forked(forked(player)))
    player.run(until=stream.is_over)
    [whole] = player.observations()

    assert whole == play_virtual("t", context.factory, wanted, {})
    for fork in forks:
        fork.run(until=fork.streams[0].is_over)
        assert (whole,) == fork.observations()


def test_a_fork_of_many_streams_shares_what_its_relays_share():
    """Each fork has one ``shared`` for all its relays, and it is its own."""
    context = PlayContext("t", Counting, {})
    player = VirtualPlayer(context)
    player.begin(script((100, b"a")))
    player.begin(script((200, b"b")))
    player.run_to(150 * MS)
    fork = forked(player)
    for one in (fork, player):
        one.run(until=lambda one=one: all(part.is_over() for part in one.streams))

    assert (b"1", b"2") == tuple(seen.body for seen in player.observations())
    assert player.observations() == fork.observations()


class Counting(Recorder):
    """Says how many pieces came through the whole proxy."""

    def __init__(self, settings, seed, shared):
        super().__init__()
        self.shared = shared

    def handle(self, now_ns, event):
        if event[0] == "data":
            self.shared["pieces"] = self.shared.get("pieces", 0) + 1
            return [("send", b"%d" % self.shared["pieces"])]
        return super().handle(now_ns, event)


def test_a_stream_that_begins_at_an_instant_comes_before_its_events():
    """The clock stands at the instant, and what is due then has not happened."""
    relay = Recorder()
    player = VirtualPlayer(PlayContext("t", lambda settings, seed: relay, {}))
    player.begin(script((100, b"a")))
    player.run_to(10 * MS)
    assert ["request"] == [event[0] for _, event in relay.seen]
    player.run_to(11 * MS)
    assert ["request", "head"] == [event[0] for _, event in relay.seen]
