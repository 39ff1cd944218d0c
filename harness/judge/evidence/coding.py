"""What a client that decodes content codings gets of an answer.

An upstream that compresses may be passed on as it is, bytes and label, or decoded and
the label dropped: both must say the same to a client.
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
    """Return an observation as a client has it that decodes, piece by piece.

    A coded body that stops before its own end was cut, however its framing ended. Bytes
    that are not what the label says are a violation; the answer is then as if cut.
    """
    label = seen.header("content-encoding")
    if label is None:
        return seen, None
    window = _WINDOWS.get(label.strip().lower())
    if window is None:
        return _cut(seen, ()), _broken(label, "a coding that nobody here sent")
    decoder = zlib.decompressobj(window)
    reads: list[tuple[int, bytes]] = []
    for at_ns, data in seen.reads:
        try:
            plain = decoder.decompress(data)
        except zlib.error:
            return _cut(seen, tuple(reads)), _broken(label, "bytes that are not of it")
        if plain:
            reads.append((at_ns, plain))
    if decoder.unused_data:
        return _cut(seen, tuple(reads)), _broken(label, "bytes behind its end")
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
