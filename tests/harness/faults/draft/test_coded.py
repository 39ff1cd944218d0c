from __future__ import annotations

import gzip
import zlib
from dataclasses import replace

import pytest

from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.coded import coded_body, coded_writes
from harness.faults.draft.delivery import ContentCoding, Delivery
from harness.faults.draft.lowering import lower
from harness.faults.draft.wire import Write


@pytest.fixture
def coded(draft):
    """Return the plain stream with a coding."""

    def make(**coding):
        wire = lower(draft)
        name = coding.pop("name", "gzip")
        delivery = Delivery(coding=ContentCoding(name=name, **coding))
        return replace(wire, delivery=delivery)

    return make


def test_a_body_without_coding_is_as_it_is(draft):
    """Raw writes are no part of it, and bring no plain bytes."""
    wire = lower(draft)
    first = wire.writes[0]
    mixed = replace(wire, writes=(first, Write(7, b"zz", raw=True), *wire.writes[1:]))

    assert wire.body == coded_body(mixed)
    assert [(first.at_ns, first.data, len(first.data), False), (7, b"zz", 0, True)] == [
        *coded_writes(mixed)
    ][:2]


def test_a_flush_after_every_write_brings_all_its_bytes(coded):
    """The end of the coding is a write of its own, at the end of the stream."""
    wire = coded()
    writes = list(coded_writes(wire))

    assert [*(len(write.data) for write in wire.writes), 0] == [
        size for _, _, size, _ in writes
    ]
    assert wire.end_at_ns == writes[-1][0]
    assert wire.body == gzip.decompress(coded_body(wire))


def test_without_flush_the_bytes_arrive_when_the_compressor_gives_them(coded):
    """For a short stream, all at the end."""
    *early, last = coded_writes(coded(flush=False))

    assert 0 == sum(size for _, _, size, _ in early)
    assert len(coded().body) == last[2]


def test_deflate_has_the_zlib_wrapper(coded):
    """RFC 9110, section 8.4.1.2; many servers leave it out."""
    wire = coded(name="deflate")

    assert wire.body == zlib.decompress(coded_body(wire))


@pytest.mark.parametrize("cut", [1, 8, 30, 10**6])
def test_the_end_of_the_coded_body_can_be_missing(coded, cut):
    """Over the borders of writes, down to nothing."""
    whole = coded_body(coded())

    assert whole[: max(0, len(whole) - cut)] == coded_body(coded(cut=cut))


def test_a_stream_that_stops_has_no_end_of_its_coding(coded):
    """A reader sees that something is missing."""
    wire = replace(coded(), end=StreamEnd.TRUNCATED)
    decoder = zlib.decompressobj(zlib.MAX_WBITS + 16)

    assert wire.body == decoder.decompress(coded_body(wire))
    assert not decoder.eof


def test_raw_bytes_are_not_compressed(coded):
    """They stay at their place among the writes."""
    wire = coded()
    mixed = replace(wire, writes=(*wire.writes[:1], Write(7, b"zz", raw=True)))

    assert (7, b"zz", 0, True) == list(coded_writes(mixed))[1]
    assert mixed.body == gzip.decompress(coded_body(mixed))
