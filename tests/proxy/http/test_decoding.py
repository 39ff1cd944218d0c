from __future__ import annotations

import gzip
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.decoding import Decoder, DecodingError, decoded_head, decoder_for

EVENTS = [b'data: {"n": %d}\n\n' % n for n in range(20)]
TEXT = b"".join(EVENTS)


def flushed(wbits: int) -> list[bytes]:
    """Compress event by event, as a server that streams does."""
    coder = zlib.compressobj(wbits=wbits)
    pieces = [coder.compress(e) + coder.flush(zlib.Z_SYNC_FLUSH) for e in EVENTS]
    return [*pieces, coder.flush()]


@pytest.mark.parametrize(("is_gzip", "wbits"), [(True, 31), (False, 15), (False, -15)])
def test_each_event_comes_out_as_soon_as_it_is_flushed(is_gzip, wbits):
    """Nothing waits for the next event; deflate may lack its frame."""
    decoder = Decoder(gzip=is_gzip)
    pieces = flushed(wbits)
    assert [decoder.feed(piece) for piece in pieces[:-1]] == EVENTS
    assert not decoder.whole
    assert decoder.feed(pieces[-1]) == b""
    assert decoder.whole


@given(st.lists(st.integers(0, 400), max_size=20), st.sampled_from([31, 15]))
def test_the_borders_of_reads_change_nothing(cuts, wbits):
    """Any pieces, single bytes too."""
    data = b"".join(flushed(wbits))
    edges = sorted({0, *(c for c in cuts if c < len(data)), len(data)})
    decoder = Decoder(gzip=wbits == 31)
    out = [decoder.feed(data[a:b]) for a, b in itertools.pairwise(edges)]
    assert b"".join(out) == TEXT
    assert decoder.whole


@given(st.integers(1, 10_000))
def test_what_breaks_off_is_not_whole(cut):
    """Also when only the checksum at the end is missing."""
    data = gzip.compress(TEXT)
    decoder = Decoder(gzip=True)
    decoder.feed(data[: min(cut, len(data) - 1)])
    assert not decoder.whole


def test_members_of_gzip_follow_one_another():
    """RFC 1952, section 2.2; a border within the magic number as well."""
    data = gzip.compress(b"one") + gzip.compress(b"two")
    assert Decoder(gzip=True).feed(data) == b"onetwo"
    decoder = Decoder(gzip=True)
    assert b"".join(decoder.feed(data[n : n + 1]) for n in range(len(data))) == (
        b"onetwo"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"plain text",
        # A block of the kind that does not exist (RFC 1951, section 3.2.3).
        gzip.compress(TEXT)[:10] + b"\x07xxxx",
        gzip.compress(TEXT)[:-8] + bytes(8),
        gzip.compress(TEXT) + b"junk",
    ],
    ids=["plain", "broken", "checksum", "behind"],
)
def test_what_is_not_in_the_coding_is_an_error(data):
    """A wrong head, a defect, a wrong checksum, bytes after the end."""
    with pytest.raises(DecodingError):
        Decoder(gzip=True).feed(data)


def test_a_read_cannot_unfold_without_bound():
    """A small read that means gigabytes is refused at 16 MiB."""
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    assert len(bomb) < 100_000
    with pytest.raises(DecodingError, match="unfolds"):
        Decoder(gzip=True).feed(bomb)


def test_an_empty_body_is_whole():
    """A server may name a coding and send nothing."""
    assert Decoder(gzip=True).whole


STREAM = (b"Content-Type", b"Text/Event-Stream; charset=utf-8")


@pytest.mark.parametrize(
    ("status", "headers", "decoded"),
    [
        (200, (STREAM, (b"Content-Encoding", b"gzip")), True),
        (200, (STREAM, (b"content-encoding", b" X-GZIP ")), True),
        (200, (STREAM, (b"content-encoding", b"deflate")), True),
        (200, (STREAM, (b"content-encoding", b"br")), False),
        (200, (STREAM, (b"content-encoding", b"zstd")), False),
        (200, (STREAM, (b"content-encoding", b"identity")), False),
        (200, (STREAM, (b"content-encoding", b"gzip, gzip")), False),
        (200, (STREAM, *[(b"content-encoding", b"gzip")] * 2), False),
        (200, (STREAM,), False),
        (200, ((b"content-encoding", b"gzip"),), False),
        (
            200,
            ((b"content-type", b"application/json"), (b"content-encoding", b"gzip")),
            False,
        ),
        (500, (STREAM, (b"content-encoding", b"gzip")), False),
    ],
)
def test_which_answers_are_decoded(status, headers, decoded):
    """Event streams in one coding that we know; nothing else is touched."""
    assert (decoder_for(status, headers) is not None) is decoded


def test_only_the_stale_headers_go():
    """Order and repeats of the others stay."""
    headers = (STREAM, (b"Content-Encoding", b"gzip"), (b"A", b"1"), (b"A", b"2"))
    assert decoded_head((*headers, (b"content-length", b"9"))) == (
        STREAM,
        (b"A", b"1"),
        (b"A", b"2"),
    )
