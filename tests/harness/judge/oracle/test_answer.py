from __future__ import annotations

import zlib
from dataclasses import replace

import pytest

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import ContentCoding, Delivery
from harness.faults.draft.wire import WireDraft, Write
from harness.judge.oracle.answer import (
    hop_by_hop_headers,
    injected_names,
    looks_clean,
    may_refuse,
    readable_body,
)

EVENTS = (b"data: a\n\n", b"data: b\n\n", b"data: [DONE]\n\n")
PLAIN = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(("content-type", "text/event-stream"),),
    framing=Framing.CHUNKED,
    head_at_ns=0,
    writes=tuple(Write(number, data) for number, data in enumerate(EVENTS)),
    spans=(),
    end=StreamEnd.COMPLETE,
    end_at_ns=9,
)
GZIP = replace(
    PLAIN,
    headers=(*PLAIN.headers, ("content-encoding", "gzip")),
    delivery=Delivery(coding=ContentCoding(name="gzip")),
)


def _delivered(**how) -> WireDraft:
    return replace(PLAIN, delivery=Delivery(**how))


def _cut_gzip(size: int) -> WireDraft:
    return replace(GZIP, delivery=Delivery(coding=ContentCoding(name="gzip", cut=size)))


def with_raw(place: int) -> WireDraft:
    """Put bytes that are no framing before a write."""
    raw = Write(place, b"zz\r\n", raw=True)
    return replace(PLAIN, writes=(*PLAIN.writes[:place], raw, *PLAIN.writes[place:]))


@pytest.mark.parametrize(
    ("wire", "body", "clean"),
    [
        (PLAIN, b"".join(EVENTS), True),
        (with_raw(1), EVENTS[0], False),
        (with_raw(0), b"", False),
        (replace(PLAIN, framing=Framing.CONTENT_LENGTH, promised_length=12),
         b"data: a\n\ndat", True),
        (replace(PLAIN, framing=Framing.CONTENT_LENGTH, promised_length=99),
         b"".join(EVENTS), False),
        (replace(PLAIN, end=StreamEnd.HALF_CLOSED), b"".join(EVENTS), False),
        (replace(PLAIN, end=StreamEnd.HALF_CLOSED, framing=Framing.CLOSE),
         b"".join(EVENTS), True),
        (GZIP, b"".join(EVENTS), True),
        (_cut_gzip(8), b"".join(EVENTS), False),
    ],
)  # fmt: skip
def test_what_can_be_read_of_an_answer(wire, body, clean):
    """Up to what is no framing, within what was promised, as far as it decodes."""
    assert (body, clean) == (readable_body(wire), looks_clean(wire))


def test_a_coded_body_that_was_cut_can_be_read_up_to_there():
    """The last event went with the end of the coding."""
    cut = readable_body(_cut_gzip(20))
    assert b"".join(EVENTS).startswith(cut)
    assert len(cut) < len(b"".join(EVENTS))


def test_without_a_label_the_coded_bytes_are_the_body():
    """Nobody can know that they are to be decoded."""
    silent = replace(GZIP, headers=PLAIN.headers)
    window = zlib.MAX_WBITS + 16
    assert b"".join(EVENTS) == zlib.decompress(readable_body(silent), window)


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (PLAIN, False),
        (GZIP, False),
        (replace(GZIP, delivery=Delivery()), True),
        (_delivered(raw_lines=("x-a: 1\rx-b: 2",)), True),
        (_delivered(framing_headers=(("content-length", "3"),)), False),
        (_delivered(framing_headers=(("content-length", "3"),) * 2), True),
        (replace(PLAIN, headers=(("x-long", "o" * 9000),)), True),
    ],
)
def test_a_head_that_is_wrong_may_be_refused(wire, expected):
    """And no other may."""
    assert expected is may_refuse(wire)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("x-a: 1\rX-Evil: 2", ("x-evil",)),
        ("x-a: 1\0x-evil: 2", ("x-evil",)),
        ("x-a: 1\nx-may: 2", ()),
        ("x-a: 1\r\n x-fold: 2", ()),
        ("x-a: 1\r no name here", ()),
    ],
)
def test_names_that_only_a_broken_line_brings(line, names):
    """A bare LF may end a line (RFC 9112, section 2.2); a bare CR and a NUL may not."""
    assert names == injected_names(_delivered(raw_lines=(line,)))


def test_headers_of_one_connection():
    """The fixed ones, and those that Connection lists; not what anybody may say."""
    headers = (
        ("Connection", "x-secret, close"),
        ("X-Secret", "1"),
        ("Keep-Alive", "timeout=5"),
        ("x-other", "2"),
    )
    assert {"connection", "x-secret", "keep-alive"} == {
        name for name, _ in hop_by_hop_headers(replace(PLAIN, headers=headers))
    }
    usual = (("Connection", "keep-alive"),)
    assert () == hop_by_hop_headers(replace(PLAIN, headers=usual))
