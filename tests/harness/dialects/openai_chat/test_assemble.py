from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from harness.dialects.message import Choice, Message, ToolCall
from harness.dialects.openai_chat.assemble import Assembler
from harness.dialects.openai_chat.grammar import check
from harness.dialects.openai_chat.payload import parse_payload
from harness.dialects.openai_chat.texts import text_deltas

NAMES = [
    *["choices", "index", "delta", "content", "role", "refusal", "finish_reason"],
    *["reasoning", "reasoning_content", "tool_calls", "function_call", "function"],
    *["id", "name", "type", "arguments", "usage", "error", "object"],
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=20,
)
DATA = st.one_of(
    st.sampled_from(["[DONE]", "", "{"]),
    st.text(max_size=5),
    st.fixed_dictionaries({"choices": st.lists(JSON, max_size=2) | JSON}).map(
        json.dumps
    ),
    st.fixed_dictionaries(
        {"choices": st.lists(st.fixed_dictionaries({"delta": JSON}), max_size=3)}
    ).map(json.dumps),
)


def assemble(*values, stop_at_done=True):
    """Feed values, given as JSON values or as data, and return the message."""
    assembler = Assembler(stop_at_done=stop_at_done)
    for value in values:
        data = value if isinstance(value, str) else json.dumps(value)
        assembler.feed(parse_payload(data))
    return assembler.message()


def chunk(delta, index=0, finish=None):
    """Return a chunk with one choice."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"choices": [choice]}


def tools(*calls):
    """Return a chunk with tool calls."""
    return chunk({"tool_calls": list(calls)})


class TestAssembler:
    def test_nothing_is_an_empty_message(self):
        """A stream without payloads says nothing."""
        expected = Message(
            choices=(), usage=None, errors=(), done=False, after_done=0, malformed=0
        )

        assert expected == assemble()

    def test_adds_up_every_field_of_interleaved_choices(self):
        """Each choice grows by itself; choices are sorted by index."""
        message = assemble(
            chunk({"role": "assistant", "content": "B"}, index=1),
            chunk({"role": "assistant", "reasoning": "r1"}),
            chunk({"role": "assistant", "reasoning_content": "r2", "content": "a"}),
            chunk({"content": "b"}, index=1, finish="length"),
            chunk({"content": None, "refusal": "no"}, finish="stop"),
            {"choices": [], "usage": {"total_tokens": 3}},
            {"choices": [], "usage": None},
            "[DONE]",
        )

        nothing = {"reasoning": "", "refusal": "", "tool_calls": ()}
        first = Choice(
            index=0,
            role="assistant",
            content="a",
            reasoning="r1r2",
            refusal="no",
            tool_calls=(),
            finish_reason="stop",
        )
        second = Choice(
            index=1, role="assistant", content="Bb", finish_reason="length", **nothing
        )
        assert (first, second) == message.choices
        assert message.usage == {"total_tokens": 3}
        assert message.done

    def test_usage_is_the_last_and_never_a_sum(self):
        """Providers send cumulative usage on every chunk."""
        message = assemble({"usage": {"n": 1}}, {"usage": {"n": 2}}, {"usage": None})

        assert message.usage == {"n": 2}

    def test_finish_reason_is_the_last_that_says_something(self):
        """Null and the empty string take nothing back."""
        (choice,) = assemble(
            chunk({}, finish="stop"), chunk({}, finish="length"), chunk({}, finish="")
        ).choices

        assert choice.finish_reason == "length"

    def test_tool_calls_grow_by_index(self):
        """Id, type and name are the first sent; arguments are joined as they came."""
        (choice,) = assemble(
            tools({"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}}),
            tools(
                {"index": 0, "id": None, "function": {"name": None, "arguments": "{"}},
                {"index": 1, "id": "b", "function": {"name": "g", "arguments": "[1"}},
            ),
            tools({"index": 0, "id": "a", "type": "function", "function": {}}),
            tools({"index": 0, "function": {"name": "f", "arguments": "}"}}),
            tools({"index": 1, "id": "", "function": {"name": "", "arguments": "]"}}),
        ).choices

        assert choice.tool_calls == (
            ToolCall(index=0, id="a", type="function", name="f", arguments="{}"),
            ToolCall(index=1, id="b", type="", name="g", arguments="[1]"),
        )

    def test_function_call_is_a_tool_call(self):
        """The older form reads as the call with index 0."""
        (choice,) = assemble(
            chunk({"function_call": {"name": "f", "arguments": "{"}}),
            chunk({"function_call": {"arguments": "}"}}, finish="function_call"),
        ).choices

        assert choice.tool_calls == (
            ToolCall(index=0, id="", type="", name="f", arguments="{}"),
        )

    def test_errors_are_kept_in_order_and_their_deltas_left_out(self):
        """An error is its own value, or the whole payload where it names none."""
        assembler = Assembler()
        assembler.feed(parse_payload('{"error":"boom","choices":[{"delta":{}}]}'))
        assembler.feed(parse_payload('{"message":"gone"}', "error"))

        message = assembler.message()

        assert message.errors == ("boom", {"message": "gone"})
        assert message.choices == ()

    def test_stops_at_the_sentinel(self):
        """What comes after it is counted and not read."""
        message = assemble(
            chunk({"content": "a"}), "[DONE]", chunk({"content": "b"}), "[DONE]", "{"
        )

        assert message.choices[0].content == "a"
        assert (message.after_done, message.malformed) == (3, 0)

    def test_reads_on_after_the_sentinel_where_asked(self):
        """A client that reads to the end sees ghosts, and they are still counted."""
        message = assemble("[DONE]", chunk({"content": "b"}), "{", stop_at_done=False)

        assert message.choices[0].content == "b"
        assert (message.after_done, message.malformed) == (2, 1)

    def test_malformed_and_other_payloads_add_nothing(self):
        """Malformed payloads are counted, unknown ones ignored."""
        message = assemble("", "{", [1], {"type": "ping"})

        assert (message.malformed, message.choices) == (2, ())

    def test_halves_of_a_character_become_one(self):
        """An emoji cut in two by JSON escapes is whole in the message."""
        message = assemble(
            '{"choices":[{"delta":{"content":"a\\ud83d"}}]}',
            '{"choices":[{"delta":{"content":"\\ude00b"}}]}',
        )

        assert message.choices[0].content == "a\U0001f600b"

    def test_half_a_character_alone_stays(self):
        """A lone surrogate is neither dropped nor replaced."""
        message = assemble('{"choices":[{"delta":{"content":"a\\ud83d"}}]}')

        assert message.choices[0].content == "a\ud83d"


class TestAnyInput:
    @given(st.lists(DATA, max_size=6), st.sampled_from(["message", "error"]))
    def test_nothing_raises_on_content(self, stream, event):
        """Whatever the payloads are, they are read, assembled and checked."""
        payloads = [parse_payload(data, event) for data in stream]
        assembler = Assembler(stop_at_done=False)
        for payload in payloads:
            assembler.feed(payload)
            text_deltas(payload.value)

        assert isinstance(assembler.message(), Message)
        assert isinstance(check(list(zip(stream, payloads, strict=True))), list)

    def test_deep_nesting_does_not_raise(self):
        """JSON that nests as deeply as a parser allows is read like any other."""
        deep = "[" * 1000 + "]" * 1000
        data = f'{{"usage":{deep},"choices":{{"a":{deep}}},"object":{deep}}}'
        payload = parse_payload(data)
        assembler = Assembler()
        assembler.feed(payload)

        assert assembler.message().choices == ()
        assert [violation.rule for violation in check([(data, payload)])] == [
            "object-unexpected",
            "choices-missing",
            "done-missing",
        ]

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.sampled_from(["content", "refusal", "reasoning"]),
                st.text(st.characters(exclude_categories=["Cs"])),
            )
        )
    )
    def test_message_holds_exactly_the_deltas(self, deltas):
        """The text of a field is its deltas in order, for every choice."""
        message = assemble(*[chunk({f: t}, index=i) for i, f, t in deltas])

        for choice in message.choices:
            for field in ("content", "refusal", "reasoning"):
                expected = "".join(
                    t for i, f, t in deltas if (i, f) == (choice.index, field)
                )
                assert expected == getattr(choice, field)


def test_the_first_role_of_a_choice_counts():
    """Providers that repeat it may change it."""
    assembler = Assembler()
    for role in ("", "assistant", "user"):
        data = json.dumps({"choices": [{"index": 0, "delta": {"role": role}}]})
        assembler.feed(parse_payload(data))

    assert ["assistant"] == [choice.role for choice in assembler.message().choices]
