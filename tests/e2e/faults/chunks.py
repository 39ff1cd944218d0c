"""What the faults of transfer chunks and content codings put on the wire."""

from __future__ import annotations

import zlib

from tests.e2e.faults.case import (
    at,
    body,
    case,
    equal,
    random_chunks,
    sizes,
    starts,
    usual,
    whole,
)
from tests.e2e.faults.raw import Asked, Seen
from tests.e2e.faults.stream import TEXT, B, C, D, F, H, R, U, W, due

ALL = b"".join(TEXT)
KEPT = Asked(keep=True, open_ms=500)
FIRST = due(0)
LAST = due(len(TEXT) - 1)


def _middles(seen: Seen) -> None:
    ends, total = [], 0
    for size in seen.sizes:
        total += size
        ends.append(total)
    borders, total = [], 0
    for block in TEXT:
        borders.append((total, total + len(block)))
        total += len(block)
    for end, (low, high) in zip(ends[:-1], borders, strict=True):
        assert low < end < high
        assert abs(end - (low + high) / 2) <= 1


def _extended(seen: Seen) -> None:
    assert [b"%x;a=1" % len(block) for block in TEXT] == [
        line for line, _ in seen.chunks
    ]


def _bad(line: bytes, sent: bytes, rest: bytes):
    def check(seen: Seen) -> None:
        assert (sent, line) == (seen.body, seen.bad_line)
        assert seen.tail.startswith(rest)

    return check


def _in_chunk(left: int, sent: bytes, how: str):
    def check(seen: Seen) -> None:
        assert (sent, left, how) == (seen.body, left and seen.short, seen.end)
        assert not seen.terminated
        assert seen.tail == b""

    return check


GHOST = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def _behind(seen: Seen) -> None:
    assert (ALL, True) == (seen.body, seen.terminated)
    assert (GHOST.encode(), "fin") == (seen.tail, seen.end)
    # They share a send with the terminator: one read has both.
    assert seen.ms(b"0\r\n\r\n") == seen.ms(GHOST.encode())


def _kept_with_ghost(seen: list[Seen]) -> None:
    for one in seen:
        assert (ALL, GHOST.encode(), "open") == (one.body, one.tail, one.end)


CHUNKS = [
    case(
        "chunking",
        {"mode": "per_event"},
        body(ALL),
        sizes(*map(len, TEXT)),
        stream=(R + H, C + W[:20], W[20:] + B + F, U + D),
    ),
    case("chunking", {"mode": "per_byte"}, body(ALL), sizes(*[1] * len(ALL))),
    case("chunking", {"mode": "random"}, body(ALL), random_chunks),
    case("chunking", {"mode": "one"}, body(ALL), sizes(len(ALL)), at((R, LAST))),
    case("chunking", {"mode": "mid_event"}, body(ALL), _middles),
    case("chunking", {"mode": "as_sent"}, body(ALL), sizes(*map(len, TEXT)), usual()),
    case("chunking", {"extension": "a=1"}, body(ALL), _extended),
    case(
        "chunking",
        {"trailers": {"x-sum": "9"}},
        starts(ALL),
        lambda seen: equal(
            ([b"x-sum: 9"], True, "fin"), (seen.trailers, seen.terminated, seen.end)
        ),
    ),
    case(
        "chunking",
        {"bad_size_at": {"event": 2}},
        _bad(b"zz", R + H, b"%x\r\n" % len(C) + C),
    ),
    case(
        "chunking",
        {"bad_size_at": {"event": 2, "offset": 5}, "bad_size": "-1"},
        _bad(b"-1", R + H + C[:5], b"%x\r\n" % (len(C) - 5) + C[5:]),
    ),
    *(
        case(
            "close_in_chunk",
            {"at": {"event": 2, "offset": 30}, "how": how, "grace_ms": 80},
            _in_chunk(len(C) - 30, R + H + C[:30], how),
            lambda seen, wait=wait: equal(True, seen.end_ms >= due(2) + wait),
        )
        for how, wait in (("fin", 0), ("rst", 80))
    ),
    case("bytes_after_terminator", {"data": GHOST}, _behind, asked=KEPT),
    case(
        "bytes_after_terminator",
        {"data": GHOST, "keep_open": True},
        asked=Asked(keep=True, requests=2, open_ms=400),
        every=_kept_with_ghost,
    ),
]

# Content coding.

WINDOWS = {"gzip": 31, "deflate": 15}


def coded(coding: str, *labels: bytes, flushed: bool = True):
    """The body decodes to the stream; with every chunk one event more, or not."""

    def check(seen: Seen) -> None:
        assert list(labels) == seen.header(b"content-encoding")
        decoder = zlib.decompressobj(WINDOWS[coding])
        steps = [len(decoder.decompress(data)) for _, data in seen.chunks]
        assert decoder.eof
        assert ALL == zlib.decompress(seen.body, WINDOWS[coding])
        if flushed:
            assert [len(block) for block in TEXT] == steps[: len(TEXT)]
        else:
            assert len(seen.chunks) < len(TEXT)
            assert seen.ms(seen.chunks[-1][1]) >= LAST
        whole(seen)

    return check


def _cut_coding(cut: int):
    def check(seen: Seen) -> None:
        decoder = zlib.decompressobj(31)
        said = decoder.decompress(seen.body)
        assert not decoder.eof
        assert ALL.startswith(said)
        missing = zlib.compressobj(wbits=31)
        assert len(missing.compress(ALL) + missing.flush()) > cut
        whole(seen)

    return check


def _lie(seen: Seen) -> None:
    assert [b"gzip"] == seen.header(b"content-encoding")


CODINGS = [
    case("content_encoding", {"coding": "gzip"}, coded("gzip", b"gzip")),
    case(
        "content_encoding",
        {"coding": "deflate", "flush": "per_event"},
        coded("deflate", b"deflate"),
    ),
    case("content_encoding", {"flush": "none"}, coded("gzip", b"gzip", flushed=False)),
    case("content_encoding", {"label": True}, coded("gzip", b"gzip")),
    case("content_encoding", {"label": False}, coded("gzip")),
    case("content_encoding", {"label": "lie"}, _lie, body(ALL)),
    case(
        "content_encoding",
        {"truncate": 4},
        _cut_coding(4),
        lambda seen: _all_said(seen, cut=False),
    ),
    case(
        "content_encoding",
        {"truncate": 80},
        _cut_coding(80),
        lambda seen: _all_said(seen, cut=True),
    ),
    case(
        "content_encoding",
        {"coding": "gzip"},
        lambda seen: equal([b"%d" % len(seen.body)], seen.header(b"content-length")),
        lambda seen: equal(ALL, zlib.decompress(seen.body, 31)),
        before=({"framing": {"mode": "content_length"}},),
    ),
]


def _all_said(seen: Seen, *, cut: bool) -> None:
    said = zlib.decompressobj(31).decompress(seen.body)
    assert cut is (len(said) < len(ALL))
