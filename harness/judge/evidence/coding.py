"""Content codings: the answer as a client decodes it.

A target may forward a compressed answer unchanged, bytes and label, or decode it and
drop the label: a client must read the same from both.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.violation import Kind, Violation
from harness.printable import quote

__all__ = ["decoded"]

_WINDOWS = {
    b"gzip": zlib.MAX_WBITS + 16,
    b"x-gzip": zlib.MAX_WBITS + 16,
    b"deflate": zlib.MAX_WBITS,
}


def decoded(seen: Observation) -> tuple[Observation, Violation | None]:
    """Return an observation as a decoding client has it, piece by piece.

    A coded body that stops before its own end was cut, even if its framing ended. Bytes
    that do not match the label are a violation; the answer then counts as cut.
    """
    label = seen.header("content-encoding")
    if label is None:
        return seen, None
    window = _WINDOWS.get(label.strip().lower())
    if window is None:
        return _cut(seen, ()), _broken(label, "a coding that the upstream did not use")
    decoder = zlib.decompressobj(window)
    reads: list[tuple[int, bytes]] = []
    for at_ns, data in seen.reads:
        try:
            plain = decoder.decompress(data)
        except zlib.error:
            return _cut(seen, tuple(reads)), _broken(label, "bytes not in that coding")
        if plain:
            reads.append((at_ns, plain))
    if decoder.unused_data:
        return _cut(seen, tuple(reads)), _broken(label, "bytes after its end")
    if not decoder.eof:
        return _cut(seen, tuple(reads)), None
    return replace(seen, reads=tuple(reads)), None


def _cut(seen: Observation, reads: tuple[tuple[int, bytes], ...]) -> Observation:
    clean = seen.end is ClientEnd.COMPLETE
    return replace(seen, reads=reads, end=ClientEnd.TRUNCATED if clean else seen.end)


def _broken(label: bytes, got: str) -> Violation:
    return Violation(
        kind=Kind.CODING_BROKEN,
        where="content-encoding",
        expected=f"a body coded as {quote(label.decode('latin-1'))}",
        got=got,
    )
