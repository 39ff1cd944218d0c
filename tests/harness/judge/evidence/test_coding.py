from __future__ import annotations

import gzip
import zlib

import pytest

from harness.judge.evidence.coding import decoded
from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.violation import Kind

PLAIN = b"data: one\n\ndata: [DONE]\n\n"


def seen(*reads: bytes, label: bytes | None = b"gzip", end=ClientEnd.COMPLETE):
    """An answer in so many reads."""
    headers = () if label is None else ((b"Content-Encoding", label),)
    return Observation(
        target="t",
        virtual=False,
        status=200,
        http_version="HTTP/1.1",
        headers=headers,
        head_at_ns=0,
        reads=tuple(enumerate(reads, start=1)),
        end=end,
        end_at_ns=9,
        upstream=(),
    )


@pytest.mark.parametrize(
    ("label", "coded"),
    [
        (b"gzip", gzip.compress(PLAIN, mtime=0)),
        (b" GZIP ", gzip.compress(PLAIN, mtime=0)),
        (b"deflate", zlib.compress(PLAIN)),
    ],
)
def test_a_coded_answer_is_read_as_a_client_reads_it(label, coded):
    """Piece by piece, each at the time of the read that brought it."""
    got, broken = decoded(seen(coded[:20], coded[20:], label=label))
    assert (PLAIN, None, ClientEnd.COMPLETE) == (got.body, broken, got.end)
    assert {1, 2} >= {at_ns for at_ns, _ in got.reads}


def test_an_answer_without_a_label_is_plain():
    """Who decoded it has dropped the label."""
    plain = seen(PLAIN, label=None)
    assert (plain, None) == decoded(plain)


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_a_coded_body_without_its_end_was_cut(cut):
    """However clean its framing ended; what can be decoded is there."""
    got, broken = decoded(seen(gzip.compress(PLAIN, mtime=0)[:-cut]))
    assert (None, ClientEnd.TRUNCATED) == (broken, got.end)
    assert PLAIN.startswith(got.body)


@pytest.mark.parametrize(
    ("label", "body", "why"),
    [
        (b"gzip", PLAIN, "bytes not in that coding"),
        (b"gzip", gzip.compress(PLAIN, mtime=0) + b"more", "bytes after its end"),
        (b"br", PLAIN, "the upstream did not use"),
    ],
)
def test_a_label_that_the_bytes_do_not_bear_out_is_a_violation(label, body, why):
    """A client that believes it cannot read the answer."""
    got, broken = decoded(seen(body, label=label))
    assert broken is not None
    assert (Kind.CODING_BROKEN, True) == (broken.kind, why in broken.got)
    assert ClientEnd.TRUNCATED is got.end
