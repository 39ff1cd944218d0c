from __future__ import annotations

import pytest

from proxy.v2.stutter import Openings, carries_nothing


def chunk(text, index=0, field="content", **more):
    """Return a chunk with one text."""
    return {"choices": [{"index": index, "delta": {field: text}, **more}]}


def passed(*texts, field="content"):
    """Return what these deltas of one text come to."""
    openings = Openings()
    out = []
    for text in texts:
        edits = openings.judge(chunk(text, field=field))
        out.append(edits[0].new if edits else text)
    return out


class TestOpening:
    @pytest.mark.parametrize(
        ("deltas", "expected"),
        [
            (["Hello", "Hello", " world"], ["Hello", "", " world"]),
            (["Hel", "Hello", "Hello wo"], ["Hel", "lo", " wo"]),
            (["The", "The cat", " sat", " down"], ["The", " cat", " sat", " down"]),
            (["**ds", "**dstY", "**", "The"], ["**ds", "tY", "", "The"]),
            (["A", "B", "C", "C", "CD"], ["A", "B", "C", "C", "CD"]),
            (["Hello", "hello"], ["Hello", "hello"]),
            (["é", "e\u0301"], ["é", "e\u0301"]),
            (["Hi", "x", "Hi", "Hi"], ["Hi", "x", "Hi", "Hi"]),
        ],
    )
    def test_only_what_is_new_is_sent_on(self, deltas, expected):
        """Repeats and extensions are reduced until the first unrelated delta."""
        assert expected == passed(*deltas)

    def test_white_space_before_the_opening_passes(self):
        """Repeated line breaks at the start are layout, not a stutter."""
        assert passed("\n", "\n", " ", "x", "x") == ["\n", "\n", " ", "x", ""]

    def test_empty_text_is_neutral(self):
        """An empty delta neither opens, nor ends, nor belongs to an opening."""
        assert passed("", "He", "", "Hello") == ["", "He", "", "llo"]

    def test_legitimate_repeat_at_the_opening_is_lost(self):
        """The known price of the rule: nothing tells it from a stutter."""
        assert passed("ha", "ha", "ha", "!") == ["ha", "", "", "!"]

    @pytest.mark.parametrize("field", ["content", "reasoning_content", "reasoning"])
    def test_every_text_field_has_an_opening(self, field):
        """Reasoning stutters as answers do."""
        assert passed("a", "ab", field=field) == ["a", "b"]

    def test_choices_and_fields_do_not_mix(self):
        """Each choice's text, and its reasoning, is judged by itself."""
        openings = Openings()

        assert not openings.judge(chunk("Foo", 0))
        assert not openings.judge(chunk("Foo", 1))
        assert not openings.judge(chunk("Foo", 0, "reasoning"))
        assert openings.count == 3
        assert not openings.judge(chunk("Bar", 0))
        assert [edit.new for edit in openings.judge(chunk("FooBaz", 1))] == ["Baz"]
        assert openings.count == 2

    def test_choice_without_index_counts_by_position(self):
        """Some upstreams leave the index out."""
        openings = Openings()
        openings.judge({"choices": [{"delta": {"content": "Hi"}}]})

        edits = openings.judge(chunk("Hi", 0))

        assert [edit.new for edit in edits] == [""]

    @pytest.mark.parametrize(
        "odd",
        [
            None,
            [1],
            "x",
            {},
            {"choices": None},
            {"choices": {"0": {}}},
            {"choices": ["x", None]},
            {"choices": [{"delta": None}]},
            {"choices": [{"delta": {"content": 5}}]},
            {"choices": [{"delta": {"content": None}, "index": []}]},
        ],
    )
    def test_other_shapes_are_left_alone(self, odd):
        """What is no chunk with text changes nothing."""
        openings = Openings()

        assert not openings.judge(odd)
        assert (openings.count, openings.begun) == (0, False)

    def test_withheld_characters_are_counted(self):
        """What is not sent on shows up for operators."""
        openings = Openings()
        for text in ("Hel", "Hello", "Hel"):
            openings.judge(chunk(text))

        assert openings.withheld == 6


def bare(value):
    """Judge a chunk after the delta "Hi", and tell whether it carries nothing."""
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
        """What every chunk of a stream holds is no reason to keep one."""
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
        """Whatever stands beside the repeat keeps the event."""
        assert not bare(value)

    def test_empty_companions_carry_nothing(self):
        """Empty fields beside the repeat say nothing."""
        delta = {"content": "Hi", "role": "", "tool_calls": [], "refusal": None}

        assert bare({"choices": [{"delta": delta}, {"index": 1, "delta": {}}]})
