"""The strings of a body, and the texts that they form together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.privacy.strings import (
    body_documents,
    lex_json,
    lines_of,
    looks_like_json,
    scalars_of,
    streamed_texts,
    unescape,
)

STREAM = "text/event-stream"


def said(body: bytes, content_type: str | None = STREAM) -> list[str]:
    """Return the joined text of each path."""
    found = streamed_texts(body, scalars_of(body, content_type))
    return [streamed.text for streamed in found]


def test_strings_and_numbers_have_a_path():
    """Keys are text, positions numbers; an index names its object."""
    text = '{"a": [{"index": 7, "b": "x"}, "y"], "c": -1.5}'
    found = {
        text[scalar.start : scalar.end]: (scalar.keys, scalar.is_string)
        for scalar in lex_json(text)
    }
    assert {
        "7": (("a", "index"), False),
        "x": (("a", "b"), True),
        "y": (("a",), True),
        "-1.5": (("c",), False),
    } == found


def test_the_innermost_key_is_that_of_an_array_too():
    """A string in an array has the array's key."""
    [scalar] = lex_json('{"keys": ["x"]}')
    assert "keys" == scalar.key


def test_a_string_that_never_ends_goes_to_the_end():
    """Recorded streams are cut, and their strings are found as well."""
    text = '{"a": "one", "b": "tw'
    assert ["one", "tw"] == [text[one.start : one.end] for one in lex_json(text)]


def test_texts_are_joined_over_events():
    """A place in the whole leads back to the bytes of each event."""
    body = b'data: {"a":"sec"}\n\ndata: {"a":"r\\u00e9t"}\n\n'
    [streamed] = streamed_texts(body, scalars_of(body, STREAM))
    assert "secrét" == streamed.text
    ranges = streamed.byte_ranges(2, 5)
    assert [b"c", b"r\\u00e9"] == [body[start:end] for start, end in ranges]


def test_what_is_the_same_in_every_event_is_said_once():
    """An id is not joined; a position in it means that position in each event."""
    body = b'data: {"id":"abc"}\n\n' * 3
    [streamed] = streamed_texts(body, scalars_of(body, STREAM))
    assert ("abc", True) == (streamed.text, streamed.is_constant)
    assert 3 == len(list(streamed.byte_ranges(0, 3)))


def test_a_cumulative_stream_begins_anew():
    """A string that repeats all the text before it is a text of its own."""
    body = b"".join(b'data: {"a":"%s"}\n\n' % text for text in (b"x", b"y", b"xyz"))
    assert ["xy", "xyz"] == said(body)


def test_choices_do_not_run_into_each_other():
    """Each index has a text of its own."""
    body = b"".join(
        b'data: {"choices":[{"index":%d,"text":"%s"}]}\n\n' % (index, text)
        for index, text in ((0, b"a"), (1, b"x"), (0, b"b"), (1, b"y"))
    )
    assert ["ab", "xy"] == said(body)


def test_data_lines_of_one_event_are_one_document():
    """Between them are spaces, so that offsets stay."""
    body = b'data: {"a":\ndata: "x"}\n\n'
    [document] = body_documents(body, STREAM)
    assert b' {"a":       "x"}'.split() == document.data.split()
    assert len(document.data) == document.spans[-1][1] - document.spans[0][0]
    assert ["x"] == said(body)


@pytest.mark.parametrize(
    ("body", "content_type", "count"),
    [
        (b'{"a":"x"}', "application/json", 1),
        (b"data: 1\n\ndata: 2\n\n", "application/json", 2),
        (b"data: 1\n\ndata: 2\n\n", None, 2),
        (b"plain", None, 1),
    ],
)
def test_a_wrong_content_type_hides_no_stream(body, content_type, count):
    """A body that begins like an event stream is read by lines."""
    assert count == len(list(body_documents(body, content_type)))


def test_a_document_that_is_no_json_is_one_text():
    """The sentinel does not begin like JSON."""
    assert not looks_like_json(b"[DONE]")
    assert [" [DONE]"] == said(b"data: [DONE]\n\n")


def test_lines_have_offsets():
    """A byte order mark belongs to no line."""
    body = b"\xef\xbb\xbfa\r\nb"
    assert [(3, b"a"), (6, b"b")] == list(lines_of(body))


@given(data=st.binary(max_size=80), content_type=st.sampled_from([STREAM, None]))
def test_any_bytes_are_read(data, content_type):
    """Nothing is refused, and every text leads back to bytes that say it."""
    for streamed in streamed_texts(data, scalars_of(data, content_type)):
        for index, part in enumerate(streamed.parts):
            start, end = streamed.byte_range(index, 0, len(part))
            assert part == unescape(data[start:end])


def test_a_range_begins_and_ends_with_its_events():
    """An event that only touches it is not part of it."""
    body = b'data: {"a":"one"}\n\ndata: {"a":"two"}\n\ndata: {"a":"six"}\n\n'
    [streamed] = streamed_texts(body, scalars_of(body, STREAM))
    assert [b"two"] == [body[start:end] for start, end in streamed.byte_ranges(3, 6)]
    assert [b"e", b"t"] == [
        body[start:end] for start, end in streamed.byte_ranges(2, 4)
    ]


def test_deeper_values_belong_to_the_deepest_container():
    """Containers are counted to a depth of 64."""
    depth = 70
    [scalar] = lex_json('{"a":' * depth + '"x"' + "}" * depth)
    assert 64 == len(scalar.keys)
    [inner, outer] = lex_json('{"a":' * depth + '"x"' + "}" * (depth - 1) + ',"b":1}')
    assert (("b",), 64) == (outer.keys, len(inner.keys))
