from __future__ import annotations

import json

import pytest

from proxy.v2.dialect import Dialect, Failure
from proxy.v2.settings import Settings
from proxy.v2.states import State
from proxy.v2.stream import EventStream


def event(text, **more):
    """Return an event with a chunk."""
    choice = {"index": 0, "delta": {"content": text}} | more
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
BROKEN = b'data: {"choices":[\n\n'


def stream(dialect=Dialect.OPENAI, **settings):
    """Return a stream with these settings."""
    return EventStream(
        Settings.read({f"STREAMING_{k.upper()}": v for k, v in settings.items()}),
        dialect,
    )


def messages(stream):
    """Return what a stream has logged for operators, without the fields."""
    return [
        command[2]
        for command in stream.journal.take()
        if command[0] == "log" and command[1] != "debug"
    ]


class TestEvents:
    def test_payload_that_needs_no_change_is_not_changed(self):
        """Spacing, escapes and big numbers reach the client unchanged."""
        raw = b'data:  { "choices":[ ], "n":1.50, "t":"\\u00e9" }  \n\n'

        assert raw == stream().feed(raw)

    @pytest.mark.parametrize(
        "payload", [b"null", b"[1,2]", b'"[DONE]"', b"1e999", b'"\\ud83d"', b" {} "]
    )
    def test_json_of_any_kind_passes(self, payload):
        """Only data that is not JSON counts as malformed."""
        raw = b"data: " + payload + b"\n\n"
        subject = stream()

        assert raw == subject.feed(raw)
        assert b"" == subject.close()

    @pytest.mark.parametrize("bad", [b"\xff", b"\xe4\xb8", b"\xc0\x80"])
    def test_bytes_that_are_not_utf_8_are_sent_as_a_reader_would_see_them(self, bad):
        """An event stream is read with U+FFFD in their place (WHATWG, 9.2.6)."""
        subject = stream()

        sent = subject.feed(event("Hi") + event("X").replace(b"X", b"a" + bad + b"b"))

        shown = bad.decode("utf-8", "replace").encode()
        assert event("Hi") + event("X").replace(b"X", b"a" + shown + b"b") == sent
        assert b"" == subject.close()

    def test_opening_is_judged_with_the_bytes_as_they_are_seen(self):
        """A repeat is one whatever its bytes."""
        odd = event("HiX").replace(b"X", b"\xff")

        sent = stream().feed(odd + odd + event("Z"))

        assert odd.replace(b"\xff", "\ufffd".encode()) + event("Z") == sent

    def test_json_too_deep_to_judge_passes(self):
        """An event that may be JSON is not dropped."""
        raw = b"data: " + b"[" * 50_000 + b"\n\n"
        subject = stream()

        assert raw == subject.feed(raw)
        assert b"" == subject.close()

    def test_repeat_is_dropped_and_extension_trimmed(self):
        """In an opening the client gets what is new."""
        sent = stream().feed(event("Hel") + event("Hel") + event("Hello"))

        assert event("Hel") + event("lo") == sent

    def test_repeat_that_carries_more_is_emptied(self):
        """A finish in the event of a repeat arrives, in its place."""
        sent = stream().feed(event("Hi") + event("Hi", finish_reason="stop"))

        assert event("Hi") + event("", finish_reason="stop") == sent

    def test_trimmed_event_keeps_its_lines_and_line_breaks(self):
        """Type and id stay; data of several lines stays data."""
        data = (
            b'event: x\ndata: {"choices":\ndata: [{"delta":{"content":"Hel"}}]}\nid: 1'
        )
        subject = stream()
        subject.feed(data + b"\n\n")

        sent = subject.feed(
            data.replace(b"Hel", b"Hello").replace(b"1", b"2") + b"\n\n"
        )

        assert (
            b'event: x\nid: 2\ndata: {"choices":\n'
            b'data: [{"delta":{"content":"lo"}}]}\n\n'
        ) == sent

    def test_detector_can_be_off(self):
        """With the detector off repeats pass."""
        data = event("Hi") + event("Hi")

        assert data == stream(stutter="off").feed(data)

    def test_fields_of_a_block_without_data_go_with_the_next_event_sent(self):
        """A block without data, passed on alone, makes some clients fail."""
        subject = stream()
        subject.feed(event("Hi"))

        sent = subject.feed(b"retry: 5\n\n: c\n\nid: 7\n\n" + event("Hi") + event("!"))

        assert b": c\n\nretry: 5\nid: 7\n" + event("!") == sent
        assert event("?") == subject.feed(event("?"))

    def test_fields_do_not_go_with_an_event_that_is_dropped(self):
        """A comment's blank line must not complete a block without data."""
        subject = stream()
        subject.feed(event("Hi"))

        sent = subject.feed(b"retry: 5\n\n" + event("Hi") + b": c\n\n" + event("!"))

        assert b": c\n\nretry: 5\n" + event("!") == sent

    def test_comment_passes_while_an_event_is_unfinished(self):
        """A keep-alive goes out in the read that completes it."""
        subject = stream()

        assert b"" == subject.feed(b"data: {")
        assert b"" == subject.feed(b"}\n: ")
        assert b": ping\n" == subject.feed(b"ping\n")
        assert b"data: {}\n\n" == subject.feed(b"\n")


class TestMalformed:
    @pytest.mark.parametrize(
        "payload", [b"{", b' {"a":1} x', b'{"a":NaN}', b'{"\xff"}']
    )
    def test_loss_is_told_in_place_of_done(self, payload):
        """An object that could not be read may have held text."""
        subject = stream()

        sent = subject.feed(b"data: " + payload + b"\n\n" + event("x") + DONE)

        assert event("x") + Dialect.OPENAI.error_event(Failure.MALFORMED) == sent
        assert subject.finished

    def test_loss_is_told_at_a_clean_end(self):
        """Without [DONE] the error event is the last."""
        subject = stream(Dialect.ANTHROPIC)
        subject.feed(BROKEN)

        assert Dialect.ANTHROPIC.error_event(Failure.MALFORMED) == subject.close()

    @pytest.mark.parametrize(
        ("dialect", "kind"),
        [
            (Dialect.ANTHROPIC, b"message_stop"),
            (Dialect.RESPONSES, b"response.completed"),
        ],
    )
    def test_loss_is_told_before_the_last_event_of_another_dialect(self, dialect, kind):
        """Many stop to read there, and nothing follows an ending."""
        last = b'event: %b\ndata: {"type":"%b"}\n\n' % (kind, kind)
        subject = stream(dialect)

        sent = subject.feed(BROKEN + last)

        assert dialect.error_event(Failure.MALFORMED, 2) + last == sent
        assert b"" == subject.feed(BROKEN) + subject.close()

    def test_loss_can_be_left_untold(self):
        """With ``skip`` the stream ends as if nothing had been dropped."""
        assert DONE == stream(on_malformed="skip").feed(BROKEN + DONE)
        subject = stream(on_malformed="skip")
        subject.feed(BROKEN)
        assert b"" == subject.close()

    @pytest.mark.parametrize("payload", [b"", b"keep-alive", b"<html>", b"NaN"])
    def test_other_data_is_dropped_without_a_loss(self, payload):
        """A word, or nothing at all, held no text."""
        subject = stream()

        assert DONE == subject.feed(b"data: " + payload + b"\n\n" + DONE)
        transition, dropped, *_ = messages(subject)
        assert transition == "State transition: Initial -> Recovering"
        assert dropped == "Malformed event dropped"

    def test_log_names_no_content(self):
        """The log has the number and size of a dropped event."""
        subject = stream()
        subject.feed(event("x") + b'data: {"secret"\n\n')

        fields = {"event": 2, "bytes": 9, "text_may_be_lost": True}
        assert (
            "log",
            "warning",
            "Malformed event dropped",
            fields,
        ) == subject.journal.take()[-1]

    def test_malformed_event_does_not_end_an_opening(self):
        """The next event finds the opening as it was."""
        sent = stream(on_malformed="skip").feed(event("He") + BROKEN + event("Hello"))

        assert event("He") + event("llo") == sent


class TestEnding:
    @pytest.mark.parametrize(
        "done",
        [
            b"data: [DONE]\n\n",
            b"data:[DONE]\n\n",
            b"data:  [DONE] \n\n",
            b"data: [DONE]\r\n\r\n",
            b"data: [DONE]\r\r",
        ],
    )
    def test_done_counts_in_any_spelling(self, done):
        """Whatever its line ends and spaces, it is passed on in the usual form."""
        subject = stream()

        assert DONE == subject.feed(done + event("late"))
        assert subject.finished

    def test_done_keeps_its_lines(self):
        """Type and id of the last event stay with it."""
        assert b"id: 9\n" + DONE == stream().feed(b"data: [DONE]\nid: 9\n\n")

    def test_pending_event_is_finished_by_a_clean_end(self):
        """The upstream's last event arrives."""
        subject = stream()
        subject.feed(event("x").rstrip())

        assert event("x") == subject.close()

    def test_pending_done_is_finished_by_a_clean_end(self):
        """A [DONE] without a line end is one."""
        subject = stream()
        subject.feed(b"data: [DONE]")

        assert DONE == subject.close()
        assert subject.finished

    def test_nothing_is_invented_at_a_clean_end(self):
        """Without [DONE] from upstream the client gets none."""
        subject = stream()
        subject.feed(event("x"))

        assert b"" == subject.close()
        assert not subject.finished

    def test_event_too_large_is_a_failure(self):
        """An event beyond the limit cannot be held, so the stream fails."""
        subject = stream()

        assert event("x") == subject.feed(event("x") + b"data: " + b"x" * 2**24)
        assert Failure.TOO_LARGE is subject.failure


class TestStates:
    def test_every_transition_is_logged(self):
        """Operators see the state of the text, in the known words."""
        subject = stream()
        subject.feed(b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n')
        assert State.INITIAL is subject.journal.state
        subject.feed(event("He") + event("Hello"))
        assert State.STUTTERING is subject.journal.state
        subject.feed(event("!") + BROKEN)
        assert State.RECOVERING is subject.journal.state
        subject.feed(event("?") + event("a", index=1) + event("b", index=1))
        assert State.NORMAL_FLOW is subject.journal.state
        subject.terminate()

        expected = [
            "State transition: Initial -> Stuttering",
            "State transition: Stuttering -> NormalFlow",
            "State transition: NormalFlow -> Recovering",
            "Malformed event dropped",
            "State transition: Recovering -> NormalFlow",
            "State transition: NormalFlow -> Stuttering",
            "State transition: Stuttering -> NormalFlow",
            "State transition: NormalFlow -> Terminating",
            "Stream processing completed. Chunks processed: 8, Errors: 1",
        ]
        assert expected == messages(subject)

    def test_without_detector_text_flows_from_the_first_event(self):
        """There is nothing to judge."""
        subject = stream(stutter="off")
        subject.feed(event("x"))

        assert ["State transition: Initial -> NormalFlow"] == messages(subject)

    def test_recovery_finds_an_opening_under_way(self):
        """After a dropped event the opening continues."""
        subject = stream()
        subject.feed(event("He") + BROKEN + event("Hello"))

        assert "State transition: Recovering -> Stuttering" == messages(subject)[-1]

    def test_recovery_before_any_text_leads_to_the_flow(self):
        """A first event that was malformed does not keep an opening from its turn."""
        subject = stream()
        subject.feed(BROKEN + b"data: {}\n\n")
        assert State.NORMAL_FLOW is subject.journal.state
        assert event("a") == subject.feed(event("a") + event("a"))
        assert State.STUTTERING is subject.journal.state


def flowing():
    """Return a stream whose events are known so well that they need no reading."""
    subject = stream()
    subject.feed(b"".join(map(event, ["A", "B", "C"])))
    assert event("D") == subject.feed(event("D"))
    subject.journal.take()
    return subject


class TestKnownEvents:
    """Events like the last one are passed unread; what differs must not be missed."""

    def test_events_are_counted_all_the_same(self):
        """Alone in a read, or many in one."""
        subject = flowing()
        data = b"".join(map(event, "EFGH"))

        assert data == subject.feed(data)
        assert subject.chunks == 8

    def test_what_follows_in_the_same_read_is_read(self):
        """An end, a new text, a broken event."""
        assert event("E") + DONE == flowing().feed(event("E") + DONE + event("F"))
        sent = flowing().feed(event("E") + event("x", index=1) + event("x", index=1))
        assert event("E") + event("x", index=1) == sent
        subject = flowing()
        assert event("E") == subject.feed(event("E") + BROKEN)
        assert State.RECOVERING is subject.journal.state
        assert event("F") == subject.feed(event("F"))
        assert State.NORMAL_FLOW is subject.journal.state

    @pytest.mark.parametrize(
        "text",
        [b'"\\x"', b'"a" "b"', b'"a\tb"', b'"'],
        ids=["escape", "two", "control", "open"],
    )
    def test_broken_text_is_dropped(self, text):
        """Though all around it is known."""
        subject = flowing()

        assert b"" == subject.feed(event("@").replace(b'"@"', text))
        assert State.RECOVERING is subject.journal.state

    def test_bytes_that_are_no_text_are_replaced(self):
        """As they are where nothing is known."""
        raw = event("@").replace(b"@", b"\xff")

        assert raw.replace(b"\xff", b"\xef\xbf\xbd") == flowing().feed(raw)

    def test_lone_surrogate_passes(self):
        """It is JSON, which the fast parser refuses."""
        raw = event("@").replace(b"@", b"\\ud83d")

        assert raw == flowing().feed(raw)

    def test_event_after_half_a_line_is_no_event(self):
        """Where an event begins is for the parser to say."""
        subject = flowing()
        subject.feed(b"data: ")

        assert b"" == subject.feed(event("E"))
        assert messages(subject)[-1] == "Malformed event dropped"

    def test_event_after_lines_of_its_own_keeps_them(self):
        """A type and an id in an earlier read."""
        subject = flowing()
        subject.feed(b"id: 7\n")

        assert b"id: 7\n" + event("E") == subject.feed(event("E"))

    @pytest.mark.parametrize("cut", [True, False])
    def test_event_after_a_block_without_data_takes_its_lines(self, cut):
        """In the same read, or the next."""
        subject = flowing()
        sent = b""
        for data in [b"id: 7\n\n", event("E")] if cut else [b"id: 7\n\n" + event("E")]:
            sent += subject.feed(data)

        assert b"id: 7\n" + event("E") == sent

    def test_white_space_before_an_answer_is_not_taken_for_the_answer(self):
        """After the reasoning the answer has an opening of its own."""
        subject = stream()
        thought = [event("", delta={"reasoning": text}) for text in "ABC"]
        blank = [event("\n"), event("\n")]
        subject.feed(b"".join([*thought, *blank]))

        assert event("Hi") == subject.feed(event("Hi") + event("Hi"))

    def test_events_that_always_differ_are_read(self):
        """Where ids change each time, nothing is known, and nothing is lost."""
        subject = stream()
        for number in range(100):
            raw = event(f"<{number}>", logprobs=number)
            assert raw == subject.feed(raw)
        assert subject.chunks == 100

    def test_shape_is_learnt_again_where_it_changes_now_and_then(self):
        """A field that counts seconds does not end it."""
        subject = stream()
        subject.feed(event("A", t=0) + event("B", t=0))
        for second in range(50):
            for _ in range(20):
                assert event("x", t=second) == subject.feed(event("x", t=second))
            assert subject._template.matches(event("x", t=second))
