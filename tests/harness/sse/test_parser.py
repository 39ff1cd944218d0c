from __future__ import annotations

import base64
import json
import random
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sse.model import Comment, Deviation, DeviationKind, ServerSentEvent
from harness.sse.parser import EventStreamParser, parse

VECTORS = Path(__file__).parents[2] / "data" / "sse_conformance.jsonl"
CASES = [json.loads(line) for line in VECTORS.read_bytes().splitlines()]
SEEDS = range(5)


def cut_whole(data):
    """Keep the stream in one piece."""
    return [data]


def cut_bytewise(data):
    """Cut the stream into single bytes."""
    return [data[at : at + 1] for at in range(len(data))]


def cut_randomly(seed):
    """Return a function that cuts a stream at seeded random places."""

    def cut(data):
        chance = random.Random(seed)
        cuts = [chance.randint(0, len(data)) for _ in range(chance.randint(1, 8))]
        return [data[a:b] for a, b in pairwise([0, *sorted(cuts), len(data)])]

    return cut


CUTS = [
    pytest.param(cut_whole, id="whole"),
    pytest.param(cut_bytewise, id="bytewise"),
    *[pytest.param(cut_randomly(seed), id=f"cuts-{seed}") for seed in SEEDS],
]


def read(pieces):
    """Feed all pieces and return the parser, closed, and what it found."""
    parser = EventStreamParser()
    found = [item for piece in pieces for item in parser.feed(piece)]
    parser.close()
    return parser, found


def events_of(found):
    """Leave the comments out."""
    return [item for item in found if isinstance(item, ServerSentEvent)]


def meaning(event):
    """Return what the standard hands to the page."""
    return (event.event, event.data, event.id)


def with_line_feed(item, data):
    """Return the item as it is when the LF of its last CRLF is already there."""
    split = data[item.end - 1 : item.end + 1] == b"\r\n"
    fields = {name: getattr(item, name) for name in type(item).__slots__}
    return type(item)(**{**fields, "end": item.end + split})


def deviations_of(data):
    """Return each deviation's kind and bytes."""
    return [(d.kind, data[d.start : d.end]) for d in parse(data).deviations]


def reference(data):
    """Read a stream as the prose of WHATWG HTML 9.2.5 and 9.2.6 says, word by word.

    Slow, whole, and unlike the parser in all it does: it decodes first, walks over
    code points and keeps the standard's buffers.
    """
    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    lines, at, line = [], 0, ""
    while at < len(text):
        if text[at] in "\r\n":
            at += 2 if text[at : at + 2] == "\r\n" else 1
            lines.append(line)
            line = ""
        else:
            line += text[at]
            at += 1
    events, comments, retry = [], [], None
    data_buffer = type_buffer = last_id = ""
    for line in lines:
        if line == "":
            if data_buffer != "":
                events.append((type_buffer or "message", data_buffer[:-1], last_id))
            data_buffer = type_buffer = ""
            continue
        if line[0] == ":":
            comments.append(line[2:] if line[1:2] == " " else line[1:])
            continue
        field, value = line, ""
        if ":" in line:
            field, value = line[: line.index(":")], line[line.index(":") + 1 :]
            value = value[1:] if value[:1] == " " else value
        if field == "event":
            type_buffer = value
        elif field == "data":
            data_buffer += value + "\n"
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and value and all(c in "0123456789" for c in value):
            retry = int(value)
    return events, comments, retry


FRAGMENTS = [
    *[b"data", b"data:", b"data: ", b"event: ", b"id:", b"retry: ", b"foo:"],
    *[b":", b" ", b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b"\xef\xbb\xbf"],
    *[b"x", b"12", b"\0", b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80"],
    *[chr(code).encode() for code in (0x0B, 0x0C, 0x1C, 0x85, 0x2028, 0x2029)],
]
STREAMS = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=3))).map(
    b"".join
)


class TestConformance:
    @pytest.mark.parametrize("cut", CUTS)
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
    def test_reads_every_case_however_it_is_cut(self, case, cut):
        """Each conformance case yields its events and its reconnection time."""
        data = base64.b64decode(case["input_b64"])
        expected = [(e["event"], e["data"], e["id"]) for e in case["expected_events"]]

        parser, found = read(cut(data))

        assert expected == [meaning(event) for event in events_of(found)]
        assert case["retry"] == parser.retry
        assert len(data) == parser.offset

    @pytest.mark.parametrize(
        "case", [c for c in CASES if "chunks_b64" in c], ids=lambda case: case["name"]
    )
    def test_reads_a_case_in_its_own_pieces(self, case):
        """A case that names its pieces yields its events from just these."""
        pieces = [base64.b64decode(piece) for piece in case["chunks_b64"]]
        expected = [(e["event"], e["data"], e["id"]) for e in case["expected_events"]]

        _, found = read(pieces)

        assert expected == [meaning(event) for event in events_of(found)]

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
    def test_offsets_hold_the_whole_event(self, case):
        """The bytes between an event's offsets alone read as that event."""
        data = base64.b64decode(case["input_b64"])

        for event in parse(data).events:
            again = parse(data[event.start : event.end])

            assert [(event.event, event.data)] == [
                (e.event, e.data) for e in again.events
            ]
            assert again.unfinished == b""
            assert (0, event.end - event.start) == (
                again.events[0].start,
                again.events[0].end,
            )


class TestAgainstReference:
    @given(STREAMS)
    def test_agrees_with_the_prose_of_the_standard(self, data):
        """Any bytes give the events, comments and retry that the prose gives."""
        stream = parse(data)

        assert reference(data) == (
            [meaning(event) for event in stream.events],
            [comment.text for comment in stream.comments],
            stream.retry,
        )

    @given(STREAMS, st.integers())
    def test_nothing_but_a_split_crlf_depends_on_the_cuts(self, data, seed):
        """Cut anywhere, a stream gives equal events, deviations and rest."""
        whole_parser, whole = read([data])
        for pieces in (cut_bytewise(data), cut_randomly(seed)(data)):
            parser, found = read(pieces)

            assert whole == [with_line_feed(item, data) for item in found]
            assert whole_parser.deviations == [
                with_line_feed(deviation, data) for deviation in parser.deviations
            ]
            assert whole_parser.pending == parser.pending

    @given(STREAMS, st.integers(min_value=0))
    def test_pending_is_the_end_of_what_was_fed(self, data, cut):
        """At every moment the pending bytes are the last ones fed."""
        cut %= len(data) + 1
        parser = EventStreamParser()
        parser.feed(data[:cut])

        assert data[:cut].endswith(parser.pending)

    @given(STREAMS)
    def test_every_byte_is_in_an_event_or_accounted_for(self, data):
        """Between events stand only comments, blank lines and noted blocks."""
        stream = parse(data)
        spans = [(e.start, e.end) for e in stream.events]
        spans += [(c.start, c.end) for c in stream.comments]
        spans += [(d.start, d.end) for d in stream.deviations]
        covered = {at for start, end in spans for at in range(start, end)}

        left = bytes(b for at, b in enumerate(data) if at not in covered)

        assert left.strip(b"\r\n") == b""


class TestOffsets:
    def test_event_and_comment_stand_where_they_were_sent(self):
        """Offsets count from the start of the body, a BOM included."""
        data = b"\xef\xbb\xbf: hi\n\nid: 1\n: in\nretry: 5\ndata: x\n\n"

        stream = parse(data)

        assert (
            ServerSentEvent(
                event="message", data="x", id="1", retry=5, start=9, end=len(data)
            ),
        ) == stream.events
        assert (
            Comment(text="hi", start=3, end=8),
            Comment(text="in", start=15, end=20),
        ) == stream.comments

    def test_cr_dispatches_without_waiting(self):
        """An event ended by CR is given at once, before an LF can follow."""
        parser = EventStreamParser()

        found = parser.feed(b"data: x\r\n\r")

        assert [event.data for event in found] == ["x"]
        assert found[0].end == 10
        assert parser.feed(b"\n") == []
        assert parser.pending == b""

    def test_end_includes_the_line_feed_that_is_there(self):
        """An event of a CRLF stream ends after the whole blank line."""
        data = b"data: a\r\n\r\ndata: b\r\n\r\n"

        assert [(e.start, e.end) for e in parse(data).events] == [(0, 11), (11, 22)]

    def test_retry_belongs_to_its_block(self):
        """An event without retry has none, though the stream's stays."""
        stream = parse(b"retry: 7\ndata: a\n\ndata: b\n\n")

        assert [event.retry for event in stream.events] == [7, None]
        assert stream.retry == 7


class TestDeviations:
    @pytest.mark.parametrize(
        ("data", "kind", "span"),
        [
            (b"\xef\xbb\xbfdata: x\n\n", DeviationKind.BOM, b"\xef\xbb\xbf"),
            (b": x\r\n", DeviationKind.CRLF, b"\r\n"),
            (b": x\r", DeviationKind.CR, b"\r"),
            (b"data:x\n\n", DeviationKind.NO_SPACE_AFTER_COLON, b"data:x"),
            (b"data: x\nid\n\n", DeviationKind.NO_COLON, b"id"),
            (b"data: \xff\n\n", DeviationKind.INVALID_UTF8, b"data: \xff"),
            (b": \xff\n", DeviationKind.INVALID_UTF8, b": \xff"),
            (b"data: x\nfoo: 1\n\n", DeviationKind.UNKNOWN_FIELD, b"foo: 1"),
            (b"data: x\nid: \0\n\n", DeviationKind.ID_WITH_NULL, b"id: \0"),
            (b"data: x\nretry: 1_0\n\n", DeviationKind.RETRY_NOT_DIGITS, b"retry: 1_0"),
            (b"id: 1\n\n", DeviationKind.NO_DATA, b"id: 1\n\n"),
            (b"data: \n\n", DeviationKind.EMPTY_DATA, b"data: \n\n"),
            (
                b"data: a\ndata: b\n\n",
                DeviationKind.MULTI_LINE_DATA,
                b"data: a\ndata: b\n\n",
            ),
            (b"\ndata: x\n", DeviationKind.UNFINISHED_EVENT, b"data: x\n"),
            (b"\n: pi", DeviationKind.UNFINISHED_COMMENT, b": pi"),
        ],
        ids=lambda value: value.value if isinstance(value, DeviationKind) else "",
    )
    def test_notes_the_kind_and_the_bytes(self, data, kind, span):
        """Each deviation is noted once, alone, with the bytes that show it."""
        assert [(kind, span)] == deviations_of(data)

    def test_plain_stream_has_none(self):
        """What most providers send is no deviation."""
        data = b": ping\n\nevent: a\nid: 1\nretry: 10\ndata: x\n\n\n\ndata: y\n\n"

        assert deviations_of(data) == []

    def test_retry_too_large_is_dropped(self):
        """A retry that no clock can hold is noted and changes nothing."""
        stream = parse(b"retry: 1\n\nretry: " + b"9" * 5000 + b"\n\n")

        assert stream.retry == 1
        assert DeviationKind.RETRY_TOO_LARGE in [d.kind for d in stream.deviations]

    def test_retry_with_many_zeros_is_a_number(self):
        """Leading zeros do not count towards the size of a retry."""
        assert parse(b"retry: " + b"0" * 5000 + b"12\n\n").retry == 12


class TestUnfinished:
    @pytest.mark.parametrize(
        ("data", "unfinished"),
        [
            (b"", b""),
            (b"\xef\xbb\xbf", b""),
            (b"data: x\n\n\n\r\n", b""),
            (b"data: x\n\n: ping\n", b""),
            (b"data: x\n\n: pi", b""),
            (b"data: x\n\ndata: [DO", b"data: [DO"),
            (b"data: x\n\nid: 7\n: hi\n", b"id: 7\n: hi\n"),
            (b"data: x\n\n: hi\ndata: y\r\n", b"data: y\r\n"),
            (b"\xef\xbb\xbfdata", b"data"),
        ],
    )
    def test_is_what_begins_an_event_at_the_end(self, data, unfinished):
        """What is left counts only where it begins an event."""
        assert unfinished == parse(data).unfinished

    def test_close_notes_it_once(self):
        """Closing twice notes an unfinished event once."""
        parser = EventStreamParser()
        parser.feed(b"data: x\n\ndata: y\n")

        parser.close()
        parser.close()

        assert [
            Deviation(kind=DeviationKind.UNFINISHED_EVENT, start=9, end=17)
        ] == parser.deviations
        assert parser.pending == b"data: y\n"

    def test_feeding_after_close_is_refused(self):
        """A closed parser takes no more bytes."""
        parser = EventStreamParser()
        parser.close()

        with pytest.raises(ValueError, match="after close"):
            parser.feed(b"data: x\n\n")


class UnreadableBlock(bytearray):
    """A block that may grow but must not be looked at while it is unfinished."""

    def _refuse(self, *_):
        raise AssertionError("an unfinished line was read again")

    find = index = split = splitlines = rfind = decode = partition = _refuse
    __getitem__ = __iter__ = __contains__ = _refuse


class TestLinear:
    def test_an_unfinished_line_is_not_read_again(self):
        """Feeding within a line appends, whatever is pending."""
        parser = EventStreamParser()
        parser._block = UnreadableBlock()

        for piece in cut_bytewise(b"data: " + b"x" * 1000):
            parser.feed(piece)

        assert len(parser._block) == 1006

    def test_a_pending_event_is_not_copied(self):
        """Ten more bytes of a 4 MB event take memory for ten bytes, not for 4 MB."""
        parser = EventStreamParser()
        parser.feed(b"data: " + b"x" * 4_000_000)
        parser.feed(b"x")  # the buffer makes room for growth here
        tracemalloc.start()
        try:
            for _ in range(10):
                parser.feed(b"x")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak < 100_000

    def test_lines_of_a_pending_event_are_not_read_again(self):
        """A new line of a long event looks at no line before it."""
        parser = EventStreamParser()
        parser.feed(b"data: " + b"x" * 4_000_000 + b"\ndata: y")
        tracemalloc.start()
        try:
            parser.feed(b"\n")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak < 100_000


def test_a_retry_of_18_digits_is_the_largest():
    """Leading zeros do not count."""
    for digits, retry in (("9" * 18, int("9" * 18)), ("9" * 19, None), ("0" * 19, 0)):
        assert retry == parse(f"retry: {digits}\n\n".encode()).retry
