"""Content codings of an event stream: gzip and deflate, decoded incrementally.

The upstream is asked for ``identity``. If it still compresses an event stream, a relay
could not read it, so it is decoded here, and the headers that are no longer true,
``Content-Encoding`` and ``Content-Length``, are dropped. Everything else passes
unchanged: other codings, several codings, error answers, answers that are not streams.

zlib returns all that a flush of the sender completed, so no event waits for the next.
"""

from __future__ import annotations

import zlib

from proxy.http.headers import first_value
from proxy.relay import Headers

__all__ = ["Decoder", "DecodingError", "decoded_head", "decoder_for"]

_GZIP = frozenset({b"gzip", b"x-gzip"})
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_OUTPUT = 16 * 1024 * 1024
"""Largest output of one read, whose input is 256 KiB at most."""


class DecodingError(ValueError):
    """The bytes are not in the coding that the head names, or unfold to too much."""


class Decoder:
    """Decodes one body.

    Args:
        gzip: Whether the coding is gzip; else deflate, with or without its zlib frame
            (RFC 9110, section 8.4.1.2, notes that some senders leave it out).
    """

    __slots__ = ("_begun", "_gzip", "_zlib")

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._zlib = zlib.decompressobj(31 if gzip else zlib.MAX_WBITS)
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """Return the output that ``data`` completes, which may be empty.

        Raises:
            DecodingError: The coding is broken, bytes follow its end, or the output is
                larger than 16 MiB.
        """
        if not data:
            return b""
        output = []
        room = _MAX_OUTPUT
        while data:
            if self._zlib.eof:
                # gzip members may follow one another (RFC 1952, section 2.2).
                if not self._gzip or not _GZIP_MAGIC.startswith(data[:2]):
                    raise DecodingError("bytes behind the end of the coding")
                self._zlib = zlib.decompressobj(31)
            piece = self._inflate(data, room)
            output.append(piece)
            room -= len(piece)
            if self._zlib.unconsumed_tail or room <= 0:
                raise DecodingError(f"a read unfolds to more than {_MAX_OUTPUT} bytes")
            data = self._zlib.unused_data
        return b"".join(output)

    @property
    def whole(self) -> bool:
        """Whether the body may end here: at the coding's own end, or never begun."""
        return self._zlib.eof or not self._begun

    def _inflate(self, data: bytes, room: int) -> bytes:
        first = not self._begun
        self._begun = True
        try:
            return self._zlib.decompress(data, room)
        except zlib.error as error:
            if first and not self._gzip:
                self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
                try:
                    return self._zlib.decompress(data, room)
                except zlib.error:
                    pass
            raise DecodingError("not in the coding that its head names") from error


def decoder_for(status: int, headers: Headers) -> Decoder | None:
    """Return the decoder for an answer; None if it passes unchanged."""
    if status >= 400:
        return None
    kind = (first_value(headers, b"content-type") or b"").partition(b";")[0]
    if kind.strip().lower() != b"text/event-stream":
        return None
    codings = [value for name, value in headers if name.lower() == b"content-encoding"]
    coding = b",".join(codings).strip().lower()
    if coding in _GZIP:
        return Decoder(gzip=True)
    return Decoder(gzip=False) if coding == b"deflate" else None


def decoded_head(headers: Headers) -> Headers:
    """Return the headers without those that are true for the coded body only."""
    stale = (b"content-encoding", b"content-length")
    return tuple(line for line in headers if line[0].lower() not in stale)
