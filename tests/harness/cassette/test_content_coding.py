from __future__ import annotations

import gzip
import zlib

import pytest

from harness.cassette import content_coding
from harness.cassette.content_coding import (
    CodingError,
    codings_of,
    content_type_of,
    decode_body,
)

BODY = b"data: hello\n\n" * 200


def raw_deflate(data: bytes) -> bytes:
    """Return deflate without the zlib wrapper, as some servers send it."""
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return encoder.compress(data) + encoder.flush()


CODED = {
    "gzip": gzip.compress(BODY),
    "x-gzip": gzip.compress(BODY),
    "deflate": zlib.compress(BODY),
}


@pytest.mark.parametrize("coding", CODED)
def test_a_coded_body_is_decoded(coding):
    """By the name that the head gives it."""
    assert BODY == decode_body(CODED[coding], (coding,))


def test_deflate_without_its_wrapper_is_decoded():
    """Its first two bytes tell."""
    assert BODY == decode_body(raw_deflate(BODY), ("deflate",))


@pytest.mark.parametrize("coding", CODED)
def test_what_arrived_of_a_cut_body_is_decoded(coding):
    """A stream that broke off is evidence as well."""
    decoded = decode_body(CODED[coding][:-12], (coding,))
    assert BODY.startswith(decoded)
    assert len(decoded) > 0


def test_several_gzip_members_are_one_body():
    """RFC 1952 allows them."""
    assert b"ab" == decode_body(gzip.compress(b"a") + gzip.compress(b"b"), ("gzip",))


def test_codings_are_taken_off_from_the_last_to_the_first():
    """The head names them in the order in which they were applied."""
    body = gzip.compress(zlib.compress(BODY))
    assert BODY == decode_body(body, ("deflate", "gzip"))
    with pytest.raises(CodingError):
        decode_body(body, ("gzip", "deflate"))


def test_no_coding_leaves_the_body():
    """Identity is not among the codings."""
    assert BODY == decode_body(BODY, ())
    assert b"" == decode_body(b"", ("gzip",))


@pytest.mark.parametrize(
    ("body", "codings", "message"),
    [
        (BODY, ("gzip",), "its bytes do not have its coding"),
        (BODY, ("compress",), "content coding 'compress' is not known"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_an_error(body, codings, message):
    """It says why."""
    with pytest.raises(CodingError, match=message):
        decode_body(body, codings)


def test_a_small_body_cannot_fill_the_memory(monkeypatch):
    """Decoding stops at the limit; a body of exactly that size is read."""
    monkeypatch.setattr(content_coding, "DECODED_MAX", len(BODY))
    assert BODY == decode_body(CODED["gzip"], ("gzip",))
    monkeypatch.setattr(content_coding, "DECODED_MAX", len(BODY) - 1)
    with pytest.raises(CodingError, match="more than 2599 bytes"):
        decode_body(CODED["gzip"], ("gzip",))


def test_a_missing_package_is_named(monkeypatch):
    """Brotli and zstd are not in the standard library."""

    def missing(name: str):
        raise ImportError(name)

    monkeypatch.setattr(content_coding.importlib, "import_module", missing)
    with pytest.raises(CodingError, match="'brotli'"):
        decode_body(b"x", ("br",))


@pytest.mark.parametrize(
    ("name", "coding"), [("brotli", "br"), ("zstandard", "zstd")], ids=["br", "zstd"]
)
def test_codings_of_packages_are_decoded(name, coding):
    """Where the package is installed."""
    package = pytest.importorskip(name)
    if coding == "br":
        coded = package.compress(BODY)
    else:
        coded = package.ZstdCompressor().compress(BODY)
    assert BODY == decode_body(coded, (coding,))
    with pytest.raises(CodingError, match="do not have its coding"):
        decode_body(b"\xff" * 40, (coding,))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), ()),
        ((("Content-Encoding", "gzip"),), ("gzip",)),
        ((("content-encoding", " GZIP , identity,br"),), ("gzip", "br")),
        ((("content-encoding", "a"), ("content-encoding", "b")), ("a", "b")),
        ((("content-encoding", ""), ("x-encoding", "gzip")), ()),
    ],
)
def test_codings_are_named_by_the_head(headers, expected):
    """In order, without identity, in small letters."""
    assert expected == codings_of(headers)


def test_the_first_content_type_counts():
    """Names compare without case."""
    headers = (("x", "y"), ("Content-Type", "a/b"), ("content-type", "c/d"))
    assert "a/b" == content_type_of(headers)
    assert content_type_of((("x", "y"),)) is None
