from __future__ import annotations

import pytest

from harness.dialects.openai_chat.texts import text_deltas, text_places


def chunk(*deltas):
    """Return a chunk with one choice for each delta."""
    return {"choices": [{"index": at, "delta": d} for at, d in enumerate(deltas)]}


class TestTextDeltas:
    @pytest.mark.parametrize(
        "value", [None, [], "x", {}, chunk(None), chunk({"content": None}), chunk({})]
    )
    def test_what_has_no_text_yields_none(self, value):
        """Nulls and wrong types have no text."""
        assert text_deltas(value) == []

    def test_names_choice_and_field(self):
        """Each text comes with its choice and its field, in order."""
        value = chunk(
            {"refusal": "no", "content": "a"},
            {"content": "", "tool_calls": [{"index": 2, "function": {"arguments": 1}}]},
            {"tool_calls": [{"function": {"arguments": "{"}}]},
        )

        assert text_deltas(value) == [
            (0, "content", "a"),
            (0, "refusal", "no"),
            (2, "tool:0", "{"),
        ]

    @pytest.mark.parametrize(
        ("delta", "texts"),
        [
            ({"reasoning": "a"}, ["a"]),
            ({"reasoning_content": "a"}, ["a"]),
            ({"reasoning_content": "a", "reasoning": "a"}, ["a"]),
            ({"reasoning_content": "a", "reasoning": "b"}, ["a", "b"]),
            ({"reasoning_content": "", "reasoning": "b"}, ["b"]),
        ],
    )
    def test_reasoning_counts_once(self, delta, texts):
        """The same reasoning under both its names is one text."""
        assert text_deltas(chunk(delta)) == [(0, "reasoning", text) for text in texts]


class TestTextPlaces:
    def test_names_every_place_of_a_text(self):
        """A text that is sent twice has two places; empty ones have none."""
        value = chunk(
            {"content": "", "reasoning": "a", "reasoning_content": "a"},
            {"tool_calls": [{"index": 3, "function": {"arguments": "{"}}, None, {}]},
            {"function_call": {"arguments": "{"}},
        )

        found = [
            (place.choice, place.field, place.text, place.path[3:])
            for place in text_places(value)
        ]

        assert found == [
            (0, "reasoning", "a", ("reasoning_content",)),
            (0, "reasoning", "a", ("reasoning",)),
            (1, "tool:3", "{", ("tool_calls", 0, "function", "arguments")),
        ]

    def test_path_counts_what_is_no_choice(self):
        """A path leads through the list as it was sent."""
        value = {"choices": [None, *chunk({"content": "a"})["choices"]]}
        [place] = text_places(value)

        place.put(value, "b")

        assert text_deltas(value) == [(0, "content", "b")]

    @pytest.mark.parametrize("value", [None, [], {}, {"choices": 1}, chunk(None)])
    def test_what_has_no_text_has_no_place(self, value):
        """Nulls and wrong types have no text."""
        assert list(text_places(value)) == []
