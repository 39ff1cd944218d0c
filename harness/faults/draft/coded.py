"""A body after its content coding, and how many plain bytes each write brings."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft

__all__ = ["coded_body", "coded_writes"]


def coded_body(draft: WireDraft) -> bytes:
    """Return the body as it is on the wire, without raw writes."""
    if draft.delivery.coding is None:
        return draft.body
    return b"".join(wire for _, wire, _, raw in coded_writes(draft) if not raw)


def coded_writes(draft: WireDraft) -> Iterator[tuple[int, bytes, int, bool]]:
    """Yield each write as time, bytes, number of plain bytes they bring, and rawness.

    A compressor holds bytes back, so plain bytes count for the write that lets a reader
    decode them. The last bytes of the compressor are a write at the end of a body that
    is completed.
    """
    coding = draft.delivery.coding
    if coding is None:
        for write in draft.writes:
            length = 0 if write.raw else len(write.data)
            yield write.at_ns, write.data, length, write.raw
        return
    window = zlib.MAX_WBITS + (16 if coding.name == "gzip" else 0)
    encoder, decoder = zlib.compressobj(wbits=window), zlib.decompressobj(window)
    coded: list[tuple[int, bytes, bool]] = []
    for write in draft.writes:
        data = write.data
        if not write.raw:
            data = encoder.compress(data)
            data += encoder.flush(zlib.Z_SYNC_FLUSH) if coding.flush else b""
        coded.append((write.at_ns, data, write.raw))
    if draft.end is StreamEnd.COMPLETE:
        coded.append((draft.end_at_ns, encoder.flush(), False))
    for at_ns, data, raw in _without_end(coded, coding.cut):
        if raw:
            yield at_ns, data, 0, True
        elif data:
            yield at_ns, data, len(decoder.decompress(data)), False


def _without_end(
    coded: list[tuple[int, bytes, bool]], cut: int
) -> list[tuple[int, bytes, bool]]:
    while cut and coded:
        at_ns, data, raw = coded.pop()
        if len(data) > cut:
            coded.append((at_ns, data[:-cut], raw))
            break
        cut -= len(data)
    return coded
