from __future__ import annotations

import pytest

from proxy.v2.events.content import carries_nothing, carries_text, comes_after_text
from proxy.v2.stutter.openings import Openings


def chunk(text, index=0, field="content", **more):
    """Return a chunk with one text."""
    return {"choices": [{"index": index, "delta": {field: text}, **more}]}


def bare(value):
    """Judge a chunk after the delta "Hi", and return whether it carries nothing."""
    openings = Openings()
    openings.judge(chunk("Hi"))
    return carries_nothing(value, openings.judge(value))


class TestCarriesNothing:
    @pytest.mark.parametrize(
        "more",
        [
            {},
            {"id": "x", "object": "y", "created": 1, "model": "m"},
            {"usage": None, "system_fingerprint": "fp", "service_tier": "default"},
        ],
    )
    def test_repeat_and_envelope_carry_nothing(self, more):
        """Keys of every chunk are no reason to keep one."""
        assert bare(chunk("Hi", finish_reason=None, logprobs=None) | more)

    @pytest.mark.parametrize(
        "value",
        [
            chunk("Hi!"),
            chunk("Hi", finish_reason="stop"),
            chunk("Hi", logprobs={"content": []}),
            chunk("Hi") | {"usage": {"total_tokens": 1}},
            chunk("Hi") | {"error": {"message": "x"}},
            chunk("Hi") | {"x": 0},
            {"choices": [{"delta": {"content": "Hi", "role": "assistant"}}]},
            {"choices": [{"delta": {"content": "Hi", "tool_calls": [{"index": 0}]}}]},
            {"choices": [{"delta": {"content": "Hi", "reasoning": "x"}}]},
            {"choices": [*chunk("Hi")["choices"], *chunk("Yo", 1)["choices"]]},
            {"choices": [*chunk("Hi")["choices"], {"index": 1, "delta": "?"}]},
            {"choices": [*chunk("Hi")["choices"], "?"]},
        ],
    )
    def test_anything_else_is_carried(self, value):
        """Any content besides the repeat keeps the event."""
        assert not bare(value)

    def test_empty_companions_carry_nothing(self):
        """Empty fields besides the repeat mean nothing."""
        delta = {"content": "Hi", "role": "", "tool_calls": [], "refusal": None}

        assert bare({"choices": [{"delta": delta}, {"index": 1, "delta": {}}]})


class TestCarriesText:
    @pytest.mark.parametrize(
        "value",
        [
            chunk("Hi"),
            chunk(" "),
            chunk("Hm", field="reasoning_content"),
            {"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]},
            {"choices": [{"text": "Hi"}]},
            {"type": "content_block_delta", "delta": {"text": "Hi"}},
            {"type": "content_block_delta", "delta": {"thinking": "Hm"}},
            {"type": "response.output_text.delta", "delta": "Hi"},
        ],
    )
    def test_first_token_is_seen_in_every_dialect(self, value):
        """The time to it is counted for all of them."""
        assert carries_text(value)

    @pytest.mark.parametrize(
        "value",
        [
            None,
            [],
            {},
            chunk(""),
            chunk(None),
            {"choices": [], "usage": {"total_tokens": 1}},
            {"choices": [{"delta": {"role": "assistant"}}]},
            {"choices": ["odd"]},
            {"type": "message_start", "message": {}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        ],
    )
    def test_other_events_are_no_token(self, value):
        """Roles, usage and empty text precede it."""
        assert not carries_text(value)


class TestComesAfterText:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            {},
            chunk("x", finish_reason="stop"),
            {"choices": [], "usage": {"total_tokens": 1}},
            {"choices": [], "error": {"message": "x"}},
            {"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]},
            {"choices": [{"delta": {"function_call": {"name": "f"}}}]},
            {"choices": ["odd"]},
        ],
    )
    def test_ends_calls_and_usage_settle_a_text(self, value):
        """Held events are sent before them."""
        assert comes_after_text(value)

    @pytest.mark.parametrize(
        "value",
        [
            chunk("x"),
            chunk("x", finish_reason=None) | {"usage": None},
            {"choices": [{"delta": {"role": "assistant"}}]},
        ],
    )
    def test_text_and_role_do_not(self, value):
        """More may be taken back."""
        assert not comes_after_text(value)
