"""The hold buffer: which events wait, for how long, and that none is lost."""

from __future__ import annotations

import json

import pytest

from proxy.v2 import make_relay
from proxy.v2.dialect import Dialect, Failure

MS = 1_000_000
REQUEST = ("request", b"POST", b"/v1/chat/completions", (), b"{}")
SSE = ("head", 200, ((b"content-type", b"text/event-stream"),))
DONE = b"data: [DONE]\n\n"
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"total_tokens":9}}\n\n'
CALL = b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}\n\n'
BROKEN = b'data: {"choices"\n\n'


def event(text, index=0, **more):
    """Return an event with a chunk."""
    choice = {"index": index, "delta": {"content": text}} | more
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


class HoldingStream:
    """A relay that holds openings back for 50 ms, and what it sends."""

    def __init__(self, **settings):
        variables = {"hold_ms": 50, **settings}
        self.relay = make_relay(
            {f"STREAMING_{k.upper()}": str(v) for k, v in variables.items()}, 0
        )
        self.timer = None
        self.commands = []
        self.at(0, REQUEST)
        self.at(0, SSE)

    def at(self, ms, event_):
        """Hand an event over and return the bytes that it releases."""
        out = b""
        if event_ == ("timer", "hold"):
            self.timer = None
        for command in self.relay.handle(ms * MS, event_):
            self.commands.append(command)
            if command[0] == "send":
                out += command[1]
            elif command[:2] == ("set_timer", "hold"):
                self.timer = command[2]
            elif command == ("cancel_timer", "hold"):
                self.timer = None
        return out

    def data(self, ms, *events):
        """Hand bytes over."""
        return self.at(ms, ("data", b"".join(events)))

    def reasons(self):
        """Return the reasons of the flushes."""
        return [
            command[3]["reason"]
            for command in self.commands
            if command[:2] == ("count", "buffer_flushes")
        ]


class TestWhenItGoes:
    def test_by_age(self):
        """The first text of an opening is held for 50 ms, and no longer."""
        held = HoldingStream()

        assert held.data(10, ROLE, event("Hello")) == ROLE
        assert held.timer == 60 * MS
        assert held.at(60, ("timer", "hold")) == event("Hello")
        assert held.reasons() == ["age"]

    def test_by_age_where_the_timer_is_late(self):
        """The time counts, not the timer."""
        held = HoldingStream()
        held.data(10, event("Hello"))

        assert held.data(60, event("Hello")) == event("Hello")
        assert held.timer is None

    def test_by_confidence(self):
        """A delta that is not a stutter shows that the opening is final."""
        held = HoldingStream()

        assert held.data(0, event("Hello")) == b""
        assert held.data(9, event(" you")) == event("Hello") + event(" you")
        assert held.timer is None
        assert held.reasons() == ["confidence"]
        assert held.data(10, event("!")) == event("!")

    def test_by_size(self):
        """No more is held than is allowed."""
        held = HoldingStream(buffer_size=2 * len(event("Hello")))

        assert held.data(0, event("Hello")) == b""
        assert held.data(1, event("Hello")) == b""
        assert held.data(2, event("Hello")) == event("Hello")
        assert held.reasons() == ["size"]

    def test_nothing_is_held_where_nothing_may_be(self):
        """A buffer of no bytes is none."""
        assert HoldingStream(buffer_size=0).data(0, event("Hello")) == event("Hello")

    @pytest.mark.parametrize("last", [USAGE, CALL, event("", finish_reason="stop")])
    def test_by_pattern(self, last):
        """An event after a text releases the text, and follows it."""
        held = HoldingStream()

        assert held.data(0, event("Hello")) == b""
        assert held.data(1, last) == event("Hello") + last
        assert held.reasons() == ["pattern"]

    def test_before_done(self):
        """And nothing follows."""
        held = HoldingStream()

        assert held.data(0, event("Hello"), DONE, event("x")) == event("Hello") + DONE
        assert held.commands[-1] == ("end",)
        assert held.reasons() == ["pattern"]

    def test_before_a_clean_end(self):
        """An unfinished event is completed first."""
        held = HoldingStream()
        held.data(0, event("Hello"), event("Hello you")[:-2])

        out = held.at(1, ("ended", "complete"))

        assert out == event("Hello") + event(" you")
        assert held.commands[-1] == ("end",)

    @pytest.mark.parametrize(
        ("kind", "failure"),
        [
            ("truncated", Failure.TRUNCATED),
            ("reset", Failure.RESET),
            ("protocol_error", Failure.PROTOCOL_ERROR),
        ],
    )
    def test_before_the_error_of_a_cut(self, kind, failure):
        """The client gets all events, then the error."""
        held = HoldingStream()
        held.data(0, event("Hello"), b"data: {")

        out = held.at(1, ("ended", kind))

        assert out == event("Hello") + Dialect.OPENAI.error_event(failure)
        assert ("cancel_timer", "hold") in held.commands
        assert held.commands[-1] == ("abort",)
        assert held.reasons() == ["end"]

    def test_before_the_error_of_a_timeout(self):
        """Here too."""
        held = HoldingStream(hold_ms=10**9)
        held.data(0, event("Hello"))

        out = held.at(900_000, ("timer", "total"))

        error = Dialect.OPENAI.error_event(Failure.TOTAL_TIMEOUT)
        assert out == event("Hello") + error

    def test_before_the_error_of_an_event_that_is_too_large(self):
        """Complete events arrive."""
        held = HoldingStream()

        out = held.data(0, event("Hello"), b"data: " + b"x" * 2**24)

        assert out == event("Hello") + Dialect.OPENAI.error_event(Failure.TOO_LARGE)

    def test_loss_is_told_after_it(self):
        """Held text, then the error in place of [DONE]."""
        held = HoldingStream()

        out = held.data(0, event("Hello"), BROKEN, DONE)

        malformed = Dialect.OPENAI.error_event(Failure.MALFORMED, 2)
        assert out == event("Hello") + malformed

    def test_nothing_goes_to_a_client_that_left(self):
        """It is dropped, and the timer with it."""
        held = HoldingStream()
        held.data(0, event("Hello"))

        assert held.at(1, ("client_gone", "rst")) == b""
        assert held.timer is None
        assert held.at(50, ("timer", "hold")) == b""

    def test_opening_is_held_once(self):
        """A cumulative stream streams, once its first text was sent."""
        held = HoldingStream()
        held.data(0, event("a"))

        assert held.at(50, ("timer", "hold")) == event("a")
        assert held.data(60, event("ab")) == event("b")
        assert held.data(61, event("ab")) == b""
        assert held.data(62, event("abc")) == event("c")
        assert held.reasons() == ["age"]
        assert held.timer is None

    def test_later_opening_is_held_by_itself(self):
        """The answer after the reasoning can be taken back as well."""
        held = HoldingStream()
        held.data(0, event("", delta={"reasoning": "Hm"}))
        held.at(50, ("timer", "hold"))

        assert held.data(60, event("Helo")) == b""
        assert held.timer == 110 * MS
        assert held.at(110, ("timer", "hold")) == event("Helo")


class TestOrder:
    def test_no_event_overtakes_another(self):
        """Every event after a held text waits with it."""
        held = HoldingStream()
        events = [event("He"), ROLE, event("x", 1), event("x", 1), event("He")]

        assert held.data(0, *events) == b""
        assert held.at(50, ("timer", "hold")) == event("He") + ROLE + event("x", 1)

    def test_an_opening_does_not_go_by_the_age_of_one_that_has_gone(self):
        """The timer of the first is still set where one read lets go and holds anew."""
        held = HoldingStream()
        held.data(0, event("A"))

        assert held.data(30, event("B"), event("x", 1)) == event("A") + event("B")
        assert held.at(50, ("timer", "hold")) == b""
        assert held.timer == 80 * MS
        assert held.at(80, ("timer", "hold")) == event("x", 1)

    def test_comments_pass_at_once(self):
        """They keep the connection alive, and mean nothing to the text."""
        held = HoldingStream()

        assert held.data(0, event("He"), b": ping\n\n") == b": ping\n\n"
        assert held.data(1, b": ping\n\n") == b": ping\n\n"

    def test_lines_stay_with_their_event(self):
        """An id before an event is sent with it, also from the buffer."""
        held = HoldingStream()
        data = [event("He"), b"id: 7\n\n", event("He"), b"retry: 5\n\n", event("Hello")]

        assert held.data(0, *data) == b""
        expected = event("He") + b"id: 7\nretry: 5\n" + event("llo")
        assert held.at(50, ("timer", "hold")) == expected

    def test_lines_of_a_held_event_that_is_dropped_wait_for_the_next(self):
        """An id counts though its event had nothing new."""
        held = HoldingStream()
        held.data(0, event("He"), b"id: 7\n\n", event("He"))

        assert held.at(50, ("timer", "hold")) == event("He")
        assert held.data(60, event("!")) == b"id: 7\n" + event("!")

    def test_the_later_of_two_ids_counts(self):
        """One of a dropped event, and one after it."""
        held = HoldingStream()
        held.data(0, event("He"), b"id: 7\n\n", event("He"), b"id: 8\n\n")

        assert held.at(50, ("timer", "hold")) == event("He")
        assert held.data(60, event("!")) == b"id: 8\n" + event("!")

    def test_text_that_flows_waits_behind_an_opening_that_is_held(self):
        """However well its events are known."""
        held = HoldingStream()
        held.data(0, *map(event, ["A", "B", "C", "D"]))

        assert held.data(1, event("x", 1)) == b""
        assert held.data(2, event("E")) == b""
        assert held.at(51, ("timer", "hold")) == event("x", 1) + event("E")

    def test_lines_after_the_last_held_event_wait_for_the_next(self):
        """They are not lost with the flush."""
        held = HoldingStream()
        held.data(0, event("He"), b"id: 7\n\n")

        assert held.at(50, ("timer", "hold")) == event("He")
        assert held.data(60, event("!")) == b"id: 7\n" + event("!")


class TestTakenBack:
    """The effect of holding: a later delta may replace a held opening."""

    @pytest.mark.parametrize(
        ("deltas", "text"),
        [
            (["Hello wor", "Hello", " you"], "Hello you"),
            (["Helo", "Hello wor", "ld"], "Hello world"),
            (["Hel", "Hello", "Hel", " is"], "Hel is"),
            (["Hello", "Hello", " you"], "Hello you"),
            (["He", "Hello", "Hello you"], "Hello you"),
            (["A", "B", "B"], "ABB"),
        ],
    )
    def test_last_word_counts_while_it_is_held(self, deltas, text):
        """Shrinking prefixes and replaced openings give the intended text."""
        held = HoldingStream()

        out = held.data(0, *map(event, deltas), DONE)

        assert read(out) == text

    @pytest.mark.parametrize(
        ("deltas", "text"),
        [
            (["Hello wor", "Hello", " you"], "Hello wor you"),
            (["Helo", "Hello wor", "ld"], "HeloHello world"),
        ],
    )
    def test_without_holding_what_was_sent_stays(self, deltas, text):
        """The same streams, where the first token waits for nothing."""
        held = HoldingStream(hold_ms=0)

        assert read(held.data(0, *map(event, deltas), DONE)) == text

    def test_after_it_was_sent_nothing_is_taken_back(self):
        """The hold is over after its time."""
        held = HoldingStream()
        out = held.data(0, event("Hello wor"))
        out += held.at(50, ("timer", "hold"))
        out += held.data(60, event("Hello"), event(" you"), DONE)

        assert read(out) == "Hello wor you"

    def test_event_that_carries_more_keeps_the_rest(self):
        """The role of a text that was taken back arrives."""
        first = event("Helo wor", delta={"role": "assistant", "content": "Helo wor"})
        held = HoldingStream()

        out = held.data(0, first, event("Hello world"), DONE)

        assert b'"role": "assistant"' in out
        assert read(out) == "Hello world"

    def test_each_choice_is_held_by_itself(self):
        """One that flows does not let the other's opening go to be replaced."""
        held = HoldingStream()

        out = held.data(0, event("Helo"), event("A", 1), event("B", 1))
        assert out == b""
        out = held.data(1, event("Hello"), event("!"), DONE)

        assert read(out) == "Hello!"
        assert read(out, 1) == "AB"


class TestMeasures:
    def test_time_to_first_token_and_hold_are_observed_once(self):
        """Of the first text, when it goes."""
        held = HoldingStream()
        held.data(10, ROLE, event("Hello"))
        held.at(60, ("timer", "hold"))
        held.data(70, event(" you"), event("!"))

        observed = [
            command[1:3] for command in held.commands if command[0] == "observe"
        ]
        assert observed == [("ttft_seconds", 0.06), ("hold_seconds", 0.05)]

    def test_without_holding_the_hold_is_nothing(self):
        """The first token waits for nothing."""
        held = HoldingStream(hold_ms=0)
        held.data(10, ROLE, event("Hello"))

        observed = [
            command[1:3] for command in held.commands if command[0] == "observe"
        ]
        assert observed == [("ttft_seconds", 0.01), ("hold_seconds", 0.0)]


def read(data, index=0):
    """Return the text of a choice."""
    text = ""
    for block in data.decode().split("\n\n"):
        payload = block.partition("data: ")[2]
        if not payload.startswith("{"):
            continue
        for choice in json.loads(payload).get("choices", ()):
            if choice["index"] == index:
                text += choice["delta"].get("content") or ""
    return text
