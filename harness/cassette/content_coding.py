"""Decoders of the content codings (RFC 9110, section 8.4).

A recording keeps a body as it was sent; only searches need it decoded. Of a cut stream
the part that arrived is decoded.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from harness.cassette.model import Headers

__all__ = ["DECODED_MAX", "CodingError", "codings_of", "content_type_of", "decode_body"]

DECODED_MAX = 256 * 1024 * 1024
"""Most bytes of a decoded body: a few coded bytes can be very many."""


class CodingError(Exception):
    """A body cannot be decoded; the message says why."""


def content_type_of(headers: Headers) -> str | None:
    """Return the content type of a body, as its head names it."""
    values = (value for name, value in headers if name.lower() == "content-type")
    return next(values, None)


def codings_of(headers: Headers) -> tuple[str, ...]:
    """Return the content codings of a body in the order they were applied."""
    values = (value for name, value in headers if name.lower() == "content-encoding")
    codings = (coding.strip().lower() for text in values for coding in text.split(","))
    return tuple(coding for coding in codings if coding not in ("", "identity"))


def decode_body(body: bytes, codings: tuple[str, ...]) -> bytes:
    """Return a body decoded, as far as it arrived.

    Brotli and zstd need the packages ``brotli`` and ``zstandard``, which mitmproxy
    requires.

    Raises:
        CodingError: A coding is unknown, the bytes do not have it, or they decode to
            more than `DECODED_MAX`.
    """
    for coding in reversed(codings):
        parts = _DECODERS.get(coding)
        if parts is None:
            raise CodingError(f"content coding {coding!r} is not known")
        decoded = bytearray()
        for part in parts(body):
            decoded += part
            if len(decoded) > DECODED_MAX:
                raise CodingError(f"it decodes to more than {DECODED_MAX} bytes")
        body = bytes(decoded)
    return body


def _inflate(body: bytes, window_bits: int) -> Iterator[bytes]:
    try:
        while body:  # gzip may hold several members
            decoder = zlib.decompressobj(window_bits)
            rest = body
            while rest:
                yield decoder.decompress(rest, _STEP)
                rest = decoder.unconsumed_tail
            yield decoder.flush()
            body = decoder.unused_data
    except zlib.error as error:
        raise CodingError(f"its bytes do not have its coding: {error}") from None


def _gzip(body: bytes) -> Iterator[bytes]:
    return _inflate(body, 16 + zlib.MAX_WBITS)


def _deflate(body: bytes) -> Iterator[bytes]:
    # Some servers leave out the zlib wrapper (RFC 9110, section 8.4.1.2), whose first
    # two bytes divide by 31 (RFC 1950, section 2.2).
    wrapped = body[:1] == b"x" and int.from_bytes(body[:2]) % 31 == 0
    return _inflate(body, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def _brotli(body: bytes) -> Iterator[bytes]:
    brotli = _package("brotli")
    return _fed(brotli.Decompressor().process, brotli.error, body)


def _zstd(body: bytes) -> Iterator[bytes]:
    zstandard = _package("zstandard")
    decoder = zstandard.ZstdDecompressor().decompressobj()
    return _fed(decoder.decompress, zstandard.ZstdError, body)


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise CodingError(f"decoding needs the package {name!r}") from None


def _fed(
    decode: Callable[[bytes], bytes], error_type: type[Exception], body: bytes
) -> Iterator[bytes]:
    try:
        for at in range(0, len(body), _FED):
            yield decode(body[at : at + _FED])
    except error_type as error:
        raise CodingError(f"its bytes do not have its coding: {error}") from None


_STEP = 1 << 20
_FED = 1 << 12  # these decoders have no limit for their output

_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "br": _brotli,
    "deflate": _deflate,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "zstd": _zstd,
}
