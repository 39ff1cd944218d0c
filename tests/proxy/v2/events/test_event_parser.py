from __future__ import annotations

import base64
import itertools
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.v2.events.event_parser import EventParser, encode_event

VECTORS = Path(__file__).parents[3] / "data" / "sse_conformance.jsonl"
CASES = [json.loads(line) for line in VECTORS.read_bytes().splitlines()]


def parse(*segments, finish=True, **limits):
    """Return the items of a stream with these segments."""
    parser = EventParser(**limits)
    items = [item for segment in segments for item in parser.feed(segment)]
    return items + list(parser.finish() if finish else ())


def event(data, head=b""):
    """Return the item of an event, in canonical form."""
    return ("event", data, encode_event(data, head), head)


def merged(items):
    """Return items with neighbouring ignored bytes put together."""
    out = []
    for item in items:
        if item[0] == "ignored" and out and out[-1][0] == "ignored":
            out[-1] = ("ignored", out[-1][1] + item[1])
        else:
            out.append(item)
    return out


class TestLines:
    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
    def test_every_line_end_is_read(self, end):
        """LF, CRLF and CR end lines; what is passed on ends in LF."""
        data = end.join([b"event: a", b"data: 1", b"", b"data: 2", b"", b""])

        expected = [event(b"1", b"event: a\n"), event(b"2")]

        assert expected == parse(data, finish=False)

    def test_event_is_complete_at_a_bare_cr(self):
        """A CR ends a line immediately; an LF in the next read belongs to it."""
        parser = EventParser()

        assert [event(b"1")] == list(parser.feed(b"data: 1\r\r"))
        assert list(parser.feed(b"\n")) == []
        assert [event(b"2")] == list(parser.feed(b"data: 2\r\n\r"))

    def test_other_unicode_line_breaks_are_data(self):
        """Only CR and LF end lines."""
        data = "a\u2028b\u0085c\vd\fe".encode()

        assert [event(data)] == parse(b"data: " + data + b"\n\n")

    def test_byte_order_mark_is_dropped_from_the_start(self):
        """A mark at the start does not belong to the first field's name."""
        assert [event(b"1")] == parse(b"\xef\xbb\xbfdata: 1\n\n")

    def test_second_byte_order_mark_makes_an_unknown_field(self):
        """Only one mark is dropped, and only at the start."""
        items = parse(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n")

        assert [event(b"1"), ("ignored", b"\xef\xbb\xbfdata: 2\n\n")] == merged(items)


class TestEvents:
    @pytest.mark.parametrize(
        ("block", "data"),
        [
            (b"data:1\n\n", b"1"),
            (b"data:  1 \n\n", b" 1 "),
            (b"data:\t1\n\n", b"\t1"),
            (b"data\n\n", b""),
            (b"data: 1\ndata:2\ndata\n\n", b"1\n2\n"),
            (b"data: a: b\n\n", b"a: b"),
        ],
    )
    def test_data_is_read_and_written_canonically(self, block, data):
        """One space after the colon is no data; without it the data is the same."""
        assert [event(data)] == parse(block)

    def test_canonical_event_keeps_its_bytes(self):
        """An event that needs no change is passed on unchanged."""
        raw = b"event: x\nid: 7\ndata: {\ndata: }\n\n"

        (item,) = parse(raw)

        assert raw == item[2]

    def test_fields_stay_with_their_event(self):
        """Type, id and retry stay with the event, before or after the data."""
        (item,) = parse(b"data: 1\nid:7\nevent:x\nretry:5\n\n")

        assert event(b"1", b"id: 7\nevent: x\nretry: 5\n") == item

    @pytest.mark.parametrize("line", [b"id: a\0b", b"retry: 5s", b"retry:", b"DATA: 1"])
    def test_line_without_meaning_is_ignored(self, line):
        """A line that the standard ignores passes by itself."""
        items = parse(line + b"\ndata: 1\n\n")

        assert [("ignored", line + b"\n"), event(b"1")] == items

    def test_block_without_data_gives_its_fields_only(self):
        """Id and retry count without data; a type is forgotten."""
        items = parse(b"event: x\nid: 1\nretry: 5\n\nevent: y\n\ndata: 1\n\n")

        fields = ("fields", {b"id": b"id: 1\n", b"retry": b"retry: 5\n"})
        assert [fields, event(b"1")] == items

    def test_clean_end_finishes_an_event(self):
        """A pending line and a pending event are complete at a clean end."""
        assert [event(b"1\n2")] == parse(b"data: 1\ndata: 2")
        assert [event(b"1")] == parse(b"data: 1\n")

    def test_nothing_comes_of_an_unfinished_event_before_the_end(self):
        """Without the blank line there is no event."""
        assert parse(b"data: 1\ndata: 2", finish=False) == []


class TestIgnored:
    def test_comment_comes_at_once_with_its_blank_line(self):
        """A comment passes byte for byte, in the read that completes it."""
        parser = EventParser()

        assert list(parser.feed(b": ping\n")) == [("ignored", b": ping\n")]
        assert list(parser.feed(b"\n")) == [("ignored", b"\n")]
        assert list(parser.feed(b"\n")) == []

    def test_comment_overtakes_the_event_it_stands_in(self):
        """A keep-alive does not wait for the event around it."""
        items = parse(b"data: 1\n: ping\ndata: 2\n\n")

        assert [("ignored", b": ping\n"), event(b"1\n2")] == items

    def test_blank_line_after_a_comment_is_left_out_once_an_id_is_known(self):
        """Clients that take it for an event would fail over its empty data."""
        items = parse(b"id: 1\ndata: 1\n\n: ping\n\ndata: 2\n\n")

        expected = [
            event(b"1", b"id: 1\n"),
            ("ignored", b": ping\n"),
            event(b"2"),
        ]
        assert expected == items

    @pytest.mark.parametrize(
        "between",
        [b"event: x\n\n", b"event: x\ndata: {}\n\n", b"retry: 5\n\n", b": a\n\n"],
    )
    def test_an_id_stays_known(self, between):
        """Later blocks without an id change nothing about it."""
        items = parse(b"id: 1\ndata: {}\n\n" + between + b": ping\n\n")

        assert items[-1] == ("ignored", b": ping\n")

    def test_an_id_without_data_counts(self):
        """The client gets it with the next event."""
        items = parse(b"id: 1\n\ndata: 2\n\n: ping\n\n")

        assert items[-1] == ("ignored", b": ping\n")

    def test_other_fields_are_not_an_id(self):
        """The blank line after a comment passes as long as no id is known."""
        items = parse(b"retry: 5\nevent: x\ndata: 1\n\n: ping\n\n")

        assert items[-2:] == [("ignored", b": ping\n"), ("ignored", b"\n")]

    def test_body_that_is_no_event_stream_passes(self):
        """Lines of JSON or HTML are unknown fields, and are not swallowed."""
        body = b'{"error": 1}\n<html>\n'

        assert [("ignored", body)] == merged(parse(body))


class TestLimit:
    @pytest.mark.parametrize(
        "data",
        [
            b"data: 12345\n\n",
            b"data: 12345",
            b"data: 1\ndata: 2\n\n",
            b": 123456789\n",
        ],
    )
    @pytest.mark.parametrize("step", [1, 100])
    def test_event_too_large_ends_the_stream(self, data, step):
        """An event beyond the limit is reported once, and nothing follows."""
        data = b"data: 1\n\n" + data + b"data: 2\n\n"
        segments = [data[i : i + step] for i in range(0, len(data), step)]

        items = parse(*segments, max_event_bytes=10)

        assert [event(b"1"), ("too_large",)] == items

    @pytest.mark.parametrize("step", [1, 100])
    def test_line_that_never_ends_is_not_kept(self, step):
        """The limit does not wait for a line end."""
        data = b"data: 1\ndata: " + b"x" * 90
        segments = [data[i : i + step] for i in range(0, len(data), step)]

        items = parse(*segments, finish=False, max_event_bytes=20)

        assert items == [("too_large",)]

    @pytest.mark.parametrize("step", [1, 100])
    def test_event_of_the_largest_size_passes(self, step):
        """The limit itself is allowed, and counts for each event anew."""
        data = b"data: 1234\n\n" * 3
        segments = [data[i : i + step] for i in range(0, len(data), step)]

        assert [event(b"1234")] * 3 == parse(*segments, max_event_bytes=10)


class TestCuts:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"data: 1\n\ndata: 2\ndata: 3\n\n", [event(b"1"), event(b"2\n3")]),
            (b"data: 1\n\ndata: 2\rdata: 3\n\n", [event(b"1"), event(b"2\n3")]),
            (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [event(b"1"), event(b"2")]),
            (b": c\ndata: 1\n\n\n\n", [("ignored", b": c\n"), event(b"1")]),
            (b"\n: c\n\ndata: 1\n\n", [("ignored", b": c\n\n"), event(b"1")]),
            (b"\xef\xbb\xbfdata: 1\n\n\xef:\n", [event(b"1"), ("ignored", b"\xef:\n")]),
            (b"id: 1\n\ndata: 2\n\n", [("fields", {b"id": b"id: 1\n"}), event(b"2")]),
        ],
    )
    def test_every_pair_of_cuts(self, data, expected):
        """Items are the same wherever two cuts fall."""
        for first, second in itertools.combinations(range(len(data) + 1), 2):
            segments = [data[:first], data[first:second], data[second:]]

            assert expected == merged(parse(*filter(None, segments)))

    @pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
    def test_conformance(self, case):
        """The events are those of the standard, whole, by bytes, and at random cuts."""
        data = base64.b64decode(case["input_b64"])
        rng = random.Random(case["name"])
        at = sorted(rng.randrange(len(data) + 1) for _ in range(8))
        ways = [
            [data],
            [data[i : i + 1] for i in range(len(data))],
            [data[a:b] for a, b in zip([0, *at], [*at, None], strict=True)],
        ]
        for segments in ways:
            items = parse(*filter(None, segments), finish=False)

            read = [item[1].decode("utf-8", "replace") for item in items if is_(item)]
            types = [type_of(item) for item in items if is_(item)]

            expected = case["expected_events"]
            assert [one["data"] for one in expected] == read
            assert [one["event"] for one in expected] == types

    @given(
        lines=st.lists(
            st.sampled_from(
                [
                    b"",
                    b"data: 1",
                    b"data:2",
                    b"data",
                    b": c",
                    b"id: 3",
                    b"event: x",
                    b"retry: 4",
                    b"junk",
                    b"\xef\xbb\xbf",
                    b"id",
                ]
            ),
            max_size=12,
        ),
        ends=st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=12),
        at=st.lists(st.integers(0, 120), max_size=12),
    )
    def test_cuts_do_not_matter(self, lines, ends, at):
        """Items are the same for all borders of reads."""
        data = b"".join(line + end for line, end in zip(lines, ends, strict=False))
        at = sorted(at)
        pieces = [data[a:b] for a, b in zip([0, *at], [*at, None], strict=True)]

        assert parse(data) == parse(*filter(None, pieces))

    @given(
        st.lists(st.sampled_from([b"data: 1", b"data:2", b": c", b"id: 3", b"x", b""]))
    )
    def test_what_is_passed_on_reads_the_same(self, lines):
        """Reading the canonical form again finds the same events."""
        first = [item for item in parse(*(line + b"\n" for line in lines)) if is_(item)]

        assert first == parse(*(item[2] for item in first))


def is_(item):
    """Tell whether an item is an event."""
    return item[0] == "event"


def type_of(item):
    """Return the type of an event, as the standard has it."""
    lines = [line.partition(b": ") for line in item[3].splitlines()]
    types = [value.decode() for name, _, value in lines if name == b"event"]
    return types[-1] if types and types[-1] else "message"
