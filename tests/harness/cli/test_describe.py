from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from harness.cli.describe import clip, describe, describe_comment, describe_usage
from harness.dialects.registry import OPENAI_CHAT
from harness.sse import parse


def words(data: str, event: str = "message") -> str:
    """Return what an event with this data is described as."""
    stream = parse(f"event: {event}\ndata: {data}\n\n".encode())
    return describe(stream.events[0], OPENAI_CHAT.read(data, event), OPENAI_CHAT)


def chunk(*choices: dict, **rest: object) -> str:
    """Return the data of a chunk."""
    return json.dumps({"choices": list(choices), **rest})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (chunk({"delta": {"role": "assistant", "content": ""}}), "role assistant"),
        (chunk({"delta": {"content": "Hel\n"}}), 'content "Hel\\n"'),
        (chunk({"delta": {"reasoning_content": "So"}}), 'reasoning "So"'),
        (chunk({"delta": {}, "finish_reason": "stop"}), "finish stop"),
        (chunk({"index": 2, "delta": {"content": "a"}}), '[2] content "a"'),
        (
            chunk({"delta": {"role": "assistant", "content": "a"}}),
            'content "a", role assistant',
        ),
        (
            chunk(
                {
                    "delta": {
                        "tool_calls": [
                            {"index": 1, "function": {"name": "f", "arguments": "{"}}
                        ]
                    }
                }
            ),
            'tool 1 calls f, tool 1 "{"',
        ),
        (
            chunk(usage={"prompt_tokens": 7, "completion_tokens": 9}),
            "usage 7 in, 9 out",
        ),
        (chunk({"delta": {}}), "nothing new"),
        ("[DONE]", "[DONE]"),
        ('{"cho', 'malformed "{"cho"'),
        ("[1]", 'other "[1]"'),
        ('{"error": "no"}', 'error "{"error": "no"}"'),
    ],
)
def test_says_what_an_event_is(data, expected):
    """Each kind of payload has its words, text before the rest."""
    assert expected == words(data)


def test_names_the_type_of_an_event():
    """A type that is not the default is named, but an error is one by its payload."""
    assert words("[DONE]", "ping") == "event ping: [DONE]"
    assert words("no", "error") == 'error "no"'


def test_comments_are_quoted():
    """A comment shows its text."""
    assert describe_comment(parse(b": ping\n\n").comments[0]) == 'comment "ping"'


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"completion_tokens": 3}, "usage 3 out"),
        ({"x": 1}, "usage without counts"),
        ([1], 'usage "[1]"'),
    ],
)
def test_usage_may_be_anything(usage, expected):
    """A usage that is not as documented is shown, not refused."""
    assert expected == describe_usage(usage, OPENAI_CHAT)


@given(text=st.text(st.characters(exclude_categories=["C"])), width=st.integers(1, 30))
def test_clipped_text_fits(text, width):
    """A clipped text takes no more columns than there are, wide characters too."""
    assert cell_len(clip(text, width)) <= width


def test_what_fits_is_not_clipped():
    """A text that fits stays whole; one that does not ends in an ellipsis."""
    assert clip("你好", 4) == "你好"
    assert clip("你好你", 5) == "你好…"
