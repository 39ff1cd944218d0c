from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sse.lines import LineSpan, block_ends, field_lines
from harness.sse.parser import parse

_STREAMS = st.lists(
    st.sampled_from(
        [b"data", b"data: x", b"data:", b"id", b": c", b":", b"\n", b"\r", b"\r\n"]
    )
    | st.sampled_from([b"\xef\xbb\xbf", b"\xe4\xb8", b" "])
).map(b"".join)
_RUN_OF_LINE_ENDS = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2,}")


def test_a_field_has_a_name_and_a_value_and_a_line_end():
    """Each by its offsets; one space behind the colon is no part of the value."""
    stream = b"event: a\r\ndata:  b\rid\n: no\n\n"

    assert list(field_lines(stream)) == [
        LineSpan(name=b"event", start=0, value=7, stop=8, end=10),
        LineSpan(name=b"data", start=10, value=16, stop=18, end=19),
        LineSpan(name=b"id", start=19, value=21, stop=21, end=22),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    """At the beginning of the stream; anywhere else it belongs to a name."""
    stream = b"\xef\xbb\xbfdata: x\n\xef\xbb\xbfdata: y\n"

    assert [(line.name, line.start) for line in field_lines(stream)] == [
        (b"data", 3),
        (b"\xef\xbb\xbfdata", 11),
    ]


@given(_STREAMS)
def test_the_values_of_data_fields_are_what_the_parser_reads(stream):
    """Two readings of one grammar, of a stream whose last block is whole."""
    stream += b"\n\n"
    values = [
        stream[line.value : line.stop].decode(errors="replace")
        for line in field_lines(stream)
        if line.name == b"data"
    ]

    assert "\n".join(values) == "\n".join(event.data for event in parse(stream).events)


@given(_STREAMS)
def test_a_block_ends_behind_a_run_of_line_ends(stream):
    """Two of them or more: the last line's own, and blank lines."""
    assert block_ends(stream) == [
        match.end() for match in _RUN_OF_LINE_ENDS.finditer(stream)
    ]


@pytest.mark.parametrize(
    ("stream", "ends"),
    [
        (b"", []),
        (b"\n", []),
        (b"\n\n", [2]),
        (b"data: x\n", []),
        (b"data: x\n\n", [9]),
        (b"data: x\r\n\r\n\r\ndata: y", [13]),
        (b"data: x\r\rdata: y\r\r", [9, 18]),
        (b"\ndata: x\n\n", [10]),
    ],
)
def test_blocks_end_behind_their_blank_lines(stream, ends):
    """All of them; a blank line before everything belongs to the first block."""
    assert block_ends(stream) == ends
