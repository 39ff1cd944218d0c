from __future__ import annotations

from harness.dialects.openai_chat.payload import parse_payload
from harness.dialects.openai_chat.timeline import Timeline
from harness.dialects.payload import PayloadKind


def timeline(*stream):
    """Lay out the data of a stream."""
    return Timeline([(data, parse_payload(data)) for data in stream])


class TestTimeline:
    def test_ends_at_the_sentinel(self):
        """What comes after it is kept apart."""
        stream = timeline('{"choices":[]}', "[DONE]", '{"error":1}', "[DONE]")

        assert (stream.length, stream.done, stream.failed) == (4, True, False)
        assert [at for at, _, _ in stream.events] == [0]
        assert stream.after_done == [(2, PayloadKind.ERROR), (3, PayloadKind.END)]

    def test_an_error_before_the_sentinel_is_a_failure(self):
        """A stream that was told to have failed has failed."""
        assert timeline('{"error":1}', "[DONE]").failed

    def test_deltas_tell_what_each_choice_is_given(self):
        """A delta of nulls begins nothing; any other says that its choice began."""
        stream = timeline(
            '{"choices":[{"delta":{"content":null}},{"delta":{"role":"assistant"}}]}',
            '{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}',
        )

        assert [
            (at, delta.choice, delta.begins, delta.texts, delta.finish_reason)
            for at, delta in stream.deltas
        ] == [
            (0, 0, False, (), ""),
            (0, 1, True, (), ""),
            (1, 0, True, (("content", "a"),), "stop"),
        ]

    def test_calls_leave_out_the_older_form(self):
        """A function call has neither index nor id and is held to no rule of them."""
        stream = timeline(
            '{"choices":[{"delta":{"function_call":{"name":"f"}}}]}',
            '{"choices":[{"delta":{"tool_calls":[{"id":"a"}]}}]}',
        )

        assert [(at, choice, call.id) for at, choice, call in stream.calls] == [
            (1, 0, "a")
        ]
