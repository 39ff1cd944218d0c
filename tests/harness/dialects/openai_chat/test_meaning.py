from __future__ import annotations

import pytest

from harness.dialects.message import EventMeaning
from harness.dialects.openai_chat.meaning import meaning_of, without_texts


def delta_of(**delta):
    """Return what a chunk with this delta adds to its only choice."""
    [found] = meaning_of({"choices": [{"delta": delta}]}).choices
    return found


@pytest.mark.parametrize("value", [None, [], "x", {}, {"choices": 1}])
def test_what_is_no_chunk_says_nothing(value):
    """Any JSON can be asked."""
    assert EventMeaning() == meaning_of(value)


def test_choices_come_in_the_order_in_which_they_are_named():
    """An index wins over a position."""
    value = {
        "choices": [
            {"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"},
            {"index": 0, "delta": {"role": "assistant", "content": "a"}},
        ],
        "usage": {"prompt_tokens": 1},
    }

    found = meaning_of(value)

    assert [(one.choice, one.texts, one.finish_reason) for one in found.choices] == [
        (1, (("content", "b"),), "stop"),
        (0, (("content", "a"),), ""),
    ]
    assert [one.role for one in found.choices] == ["", "assistant"]
    assert {"prompt_tokens": 1} == found.usage


@pytest.mark.parametrize(
    ("delta", "has_role", "has_tools"),
    [
        ({"role": "assistant"}, True, False),
        ({"role": None, "tool_calls": None}, False, False),
        ({"role": 1, "tool_calls": {"id": "a"}}, True, True),
        ({"function_call": {"name": "f"}}, False, False),
    ],
)
def test_what_cannot_be_read_is_there_all_the_same(delta, has_role, has_tools):
    """A fault that looks for a role or a tool call finds also a broken one."""
    found = delta_of(**delta)

    assert (has_role, has_tools) == (found.has_role, found.has_tools)


def test_fragments_of_tools_are_read():
    """Their arguments are texts, too."""
    found = delta_of(tool_calls=[{"index": 2, "function": {"arguments": "{"}}])

    assert [2] == [tool.index for tool in found.tools]
    assert (("tool:2", "{"),) == found.texts


def chunk(delta, **more):
    """Return a chunk with one choice."""
    return {"choices": [{"index": 0, "delta": delta, **more}]}


@pytest.mark.parametrize(
    "value",
    [
        chunk({"content": "a"}),
        chunk({"content": "a", "reasoning": "b", "refusal": "c"}, finish_reason=None),
        {**chunk({"content": "a"}), "id": "1", "created": 2, "usage": None},
        chunk({}),
    ],
)
def test_text_and_what_every_chunk_repeats_is_nothing_more(value):
    """Such events may be cut and joined as a proxy likes."""
    assert without_texts(value) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            chunk({"role": "assistant", "content": "a"}),
            chunk({"content": "b", "role": "assistant"}),
        ),
        (
            chunk({}, finish_reason="stop"),
            chunk({"content": None}, finish_reason="stop"),
        ),
        ({"usage": {"cost": 1.0}}, {"usage": {"cost": 1}, "model": "x"}),
        ({"choices": [], "x": {"a": [], "b": 2}}, {"choices": [], "x": {"b": 2}}),
    ],
)
def test_what_legal_writers_do_is_no_change(one, other):
    """Order, null or absent, 1.0 or 1, and the text are left out of the comparison."""
    assert without_texts(one) == without_texts(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (chunk({"role": "assistant"}), chunk({"role": "user"})),
        (chunk({}, finish_reason="stop"), chunk({}, finish_reason="length")),
        (chunk({}, logprobs={"content": [1]}), chunk({}, logprobs={"content": [2]})),
    ],
)
def test_everything_else_counts(one, other):
    """Another role, another reason, another number is another event."""
    assert without_texts(one) != without_texts(other)


def test_empty_choices_are_more_than_text():
    """Such an event is never dropped, though nothing else is in it."""
    assert without_texts({"id": "x", "choices": []}) is not None
    assert without_texts({"id": "x", "choices": None}) is None
