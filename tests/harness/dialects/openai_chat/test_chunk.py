from __future__ import annotations

import pytest

from harness.dialects.openai_chat.chunk import (
    choices_of,
    delta_of,
    finish_reason_of,
    tool_fragments,
)


class TestChoicesOf:
    @pytest.mark.parametrize(
        "value",
        [None, 1, [], {}, {"choices": None}, {"choices": {}}, {"choices": [1, None]}],
    )
    def test_what_holds_no_choices_yields_none(self, value):
        """Null, wrong types and absence read alike."""
        assert list(choices_of(value)) == []

    @pytest.mark.parametrize("index", [None, "7", 7.0, False])
    def test_position_stands_in_for_an_index_that_is_none(self, index):
        """A choice whose index is no integer is known by its position."""
        value = {"choices": [{"index": 5}, {"index": index}, {}]}

        assert [found for found, _ in choices_of(value)] == [5, 1, 2]


class TestDelta:
    @pytest.mark.parametrize("delta", [None, [], "x"])
    def test_delta_that_is_no_object_is_empty(self, delta):
        """A delta of null, as Azure sends it, says nothing."""
        assert delta_of({"delta": delta}) == {}

    @pytest.mark.parametrize("reason", [None, "", 1, {}])
    def test_finish_reason_that_is_no_text_is_empty(self, reason):
        """A finish reason of null or the empty string is none."""
        assert finish_reason_of({"finish_reason": reason}) == ""


class TestToolFragments:
    def test_reads_every_part(self):
        """A fragment holds what the delta says of one call."""
        call = {
            "index": 3,
            "id": "call_a",
            "type": "function",
            "function": {"name": "f", "arguments": "{"},
        }

        (fragment,) = tool_fragments({"tool_calls": [call]})

        assert (fragment.index, fragment.indexed, fragment.legacy) == (3, True, False)
        assert (fragment.id, fragment.type) == ("call_a", "function")
        assert (fragment.name, fragment.arguments) == ("f", "{")

    def test_tolerates_nulls(self):
        """A fragment of nulls says nothing, at its position."""
        call = {"index": None, "id": None, "type": None, "function": None}

        (fragment,) = tool_fragments({"tool_calls": [call]})

        assert (fragment.index, fragment.indexed) == (0, False)
        assert fragment.id == fragment.type == fragment.name == fragment.arguments == ""

    def test_function_call_is_the_call_with_index_zero(self):
        """The older form counts where no tool calls stand beside it."""
        function = {"name": "f", "arguments": "{}"}

        (fragment,) = tool_fragments({"tool_calls": None, "function_call": function})

        assert (fragment.index, fragment.legacy, fragment.name) == (0, True, "f")
        assert list(tool_fragments({"tool_calls": [], "function_call": function})) == []
