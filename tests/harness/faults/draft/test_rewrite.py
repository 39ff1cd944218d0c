from __future__ import annotations

import pytest

from harness.faults.draft.decoded import decode_block
from harness.faults.draft.rewrite import (
    dump_json,
    rewrite_json,
    with_data,
    with_text,
    without_blank_line,
)
from harness.faults.errors import FaultError


@pytest.mark.parametrize(
    ("sent", "changed"),
    [
        (b"data: old\n\n", b"data: new\n\n"),
        (b"data:old\r\n\r\n", b"data:new\r\n\r\n"),
        (b"id: 1\ndata: a\ndata: b\nretry: 2\n\n", b"id: 1\ndata: new\nretry: 2\n\n"),
        (b"\xef\xbb\xbfdata: old\n\n", b"\xef\xbb\xbfdata: new\n\n"),
        (b"data\n\n", b"data:new\n\n"),
        (b"database: old\ndata: old\n\n", b"database: old\ndata: new\n\n"),
    ],
)
def test_other_data_leaves_all_else_as_it_was(sent, changed):
    """Line ends, the space behind the colon, other fields, a byte order mark."""
    assert with_data(sent, "new") == changed


@pytest.mark.parametrize(
    ("like", "text"),
    [
        ('{"a":1,"b":2}', '{"c":"é, x","d":[1,2]}'),
        ('{"a": 1, "b": 2}', '{"c": "é, x", "d": [1, 2]}'),
        (r'{"a":"\u00e9","b":2}', r'{"c":"\u00e9, x","d":[1,2]}'),
        ('{"a, b":"c: d"}', '{"c":"é, x","d":[1,2]}'),
    ],
)
def test_json_is_written_in_the_style_of_another(like, text):
    """Its spacing, outside of strings, and its escaping."""
    assert dump_json({"c": "é, x", "d": [1, 2]}, like=like) == text


def test_a_chunk_is_changed_in_its_own_style(kit):
    """What is not changed stays to the byte."""

    def change(value):
        value["model"] = "other"

    assert rewrite_json(kit.WORLD, change) == kit.WORLD.replace(b'"m"', b'"other"')


def test_a_text_is_put_in_place_of_the_first(kit):
    """A block without text has no place for it."""
    sent = with_text(kit.HELLO, decode_block(kit.HELLO), "Bye")

    assert sent == kit.HELLO.replace(b"Hello", b"Bye")
    with pytest.raises(FaultError, match="has no text"):
        with_text(kit.DONE, decode_block(kit.DONE), "Bye")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_block_without_its_blank_line_ends_in_one_line_end(end):
    """However many blank lines there were."""
    assert without_blank_line(b"data: x" + end * 3) == b"data: x" + end
