"""Faults of the chunked coding: other borders of chunks, and wrong chunks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Literal

from harness.cassette.model import Framing
from harness.faults.catalog.http.heads import checked_headers
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.cuts import CLOSES, cut_body, split_writes
from harness.faults.draft.position import Position, format_position, offset_at
from harness.faults.draft.wire import WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import Milliseconds
from harness.faults.registry import Layer, fault
from harness.units import NS_PER_MS

__all__ = ["bytes_after_terminator", "chunking", "close_in_chunk"]

_RANDOM_MAX = 64
"""The largest chunk of random size, in bytes: an event has a few of them."""

_SIZE = re.compile(r"[0-9A-Fa-f]+[ \t]*(?:;.*)?")


@fault(Layer.HTTP, example={"mode": "per_event"})
def chunking(  # noqa: PLR0913 - they are the words of a scenario
    draft: WireDraft,
    rng: Random,
    *,
    mode: Literal[
        "per_event", "per_byte", "random", "one", "mid_event", "as_sent"
    ] = "per_event",
    extension: str | None = None,
    trailers: Mapping[str, str] | None = None,
    bad_size_at: Position | None = None,
    bad_size: str = "zz",
) -> WireDraft:
    """Cut the body into other chunks, or write chunks in a rare or a wrong way.

    A chunk is sent when its last byte is due. If the body is not chunked, the cuts are
    the borders of sends.

    Args:
        draft: The stream.
        rng: Draws the sizes of ``random``.
        mode: Where chunks end.

            - ``per_event``: after every event.
            - ``per_byte``: after every byte.
            - ``random``: after 1 to 64 bytes, drawn each time.
            - ``one``: after the whole body.
            - ``mid_event``: in the middle of every event, and never between two.
            - ``as_sent``: where they ended before.
        extension: The text after every chunk size, as ``name=value`` (RFC 9112, 7.1.1).
        trailers: Field lines after the last chunk (RFC 9112, section 7.1.2).
        bad_size_at: Where a line is inserted that is no chunk size; the rest is written
            as usual.
        bad_size: That line.

    Oracle:
        Both: the same events; extensions and trailers are not part of the body. Nothing
        is read after a bad size, and the client is told.
    """
    rare = extension is not None or trailers or bad_size_at is not None
    if rare and draft.framing is not Framing.CHUNKED:
        raise FaultError("the body is not chunked: put 'framing' before this fault")
    if mode != "as_sent":
        writes = _rechunked(draft.writes, _borders(draft, mode, rng))
        draft = replace(draft, writes=tuple(writes))
    done = [f"sent the body in {len(draft.writes)} writes ({mode.replace('_', ' ')})"]
    style = draft.delivery.chunks
    if extension is not None:
        style = replace(style, extension=f";{_one_line(extension, 'extension')}")
        done.append("with a chunk extension")
    if trailers:
        lines = tuple(checked_headers(trailers, key="trailers"))
        style = replace(style, trailers=lines)
        done.append(f"with {len(trailers)} trailer(s)")
    if bad_size_at is not None:
        if _SIZE.fullmatch(_one_line(bad_size, "bad_size")):
            raise FaultError(f"{bad_size!r} is a valid chunk size", key="bad_size")
        offset = offset_at(draft, bad_size_at)
        line = f"{bad_size}\r\n".encode("latin-1")
        draft = replace(draft, writes=_with_raw(draft, offset, line))
        done.append(f"with the chunk size {bad_size!r} at byte {offset}")
    delivery = replace(draft.delivery, chunks=style)
    return replace(draft, delivery=delivery).with_note(", ".join(done))


@fault(Layer.HTTP, example={"at": {"event": 3, "offset": 40}, "how": "fin"})
def close_in_chunk(
    draft: WireDraft,
    *,
    at: Position,
    how: Literal["fin", "rst"] = "fin",
    grace_ms: Milliseconds = 50.0,
) -> WireDraft:
    """Close the connection within the data of a chunk, whose size promised more.

    Args:
        draft: The stream; its body must be chunked.
        at: Where; it must be within a chunk, not at its end.
        how: FIN or RST.
        grace_ms: Time from the last byte to RST, which may discard bytes that the peer
            has not yet read.

    Oracle:
        Both: the bytes before it pass, and the client is told.
    """
    if draft.framing is not Framing.CHUNKED:
        raise FaultError("the body is not chunked: put 'framing' before this fault")
    offset = offset_at(draft, at)
    missing = _left_of_chunk(draft.writes, offset)
    if not missing:
        raise FaultError(
            f"expected a position within a chunk; one ends at byte {offset}", key="at"
        )
    cut = cut_body(draft, offset)
    chunks = replace(cut.delivery.chunks, missing=missing)
    end = CLOSES[how]
    grace_ns = round(grace_ms * NS_PER_MS) if end is StreamEnd.RESET else 0
    return replace(
        cut,
        delivery=replace(cut.delivery, chunks=chunks),
        end=end,
        end_at_ns=cut.end_at_ns + grace_ns,
    ).with_note(
        f"closed by {how.upper()} at {format_position(at)} (byte {offset}), "
        f"{missing} bytes before the end of a chunk"
    )


@fault(Layer.HTTP, example={"data": "HTTP/1.1 200 OK\r\n\r\n"}, live_only=True)
def bytes_after_terminator(
    draft: WireDraft, *, data: str, keep_open: bool = False
) -> WireDraft:
    """Send bytes after a complete answer, which belong to no answer.

    Args:
        draft: The stream; its end must not be the close of the connection.
        data: The bytes, as latin-1 text; they share a send with the terminator.
        keep_open: Whether the connection stays open with these bytes on it, for the
            next request.

    Oracle:
        Both: the whole answer passes; no client sees the extra bytes, in this answer or
        the next.
    """
    if draft.framing is Framing.CLOSE:
        raise FaultError("all bytes until the close belong to the body")
    if draft.end is not StreamEnd.COMPLETE:
        raise FaultError("the answer is not completed")
    if not data:
        raise FaultError("expected at least one byte", key="data")
    delivery = replace(
        draft.delivery,
        surplus=_bytes(data, "data"),
        socket=replace(draft.delivery.socket, dirty=keep_open),
    )
    return replace(draft, delivery=delivery).with_note(
        f"sent {len(data)} bytes after the end of the answer"
    )


def _borders(draft: WireDraft, mode: str, rng: Random) -> Iterable[int]:
    size = sum(len(write.data) for write in draft.writes if not write.raw)
    match mode:
        case "per_event":
            return [span.end for span in draft.spans]
        case "per_byte":
            return range(1, size + 1)
        case "one":
            return (size,)
        case "mid_event":
            middles = [(span.start + span.end) // 2 for span in draft.spans]
            return [*middles, size]
        case _:
            return _drawn(size, rng)


def _drawn(size: int, rng: Random) -> Iterator[int]:
    end = 0
    while end < size:
        end = min(size, end + rng.randint(1, _RANDOM_MAX))
        yield end


def _rechunked(writes: Sequence[Write], borders: Iterable[int]) -> Iterator[Write]:
    """Cut the body at the borders and nowhere else, in one pass over both."""
    if any(write.raw for write in writes):
        raise FaultError("bytes outside the framing are in no chunk")
    place = inside = position = 0
    for border in borders:
        parts: list[bytes] = []
        at_ns = 0
        while position < border:
            write = writes[place]
            wanted = min(border - position, len(write.data) - inside)
            parts.append(write.data[inside : inside + wanted])
            at_ns = max(at_ns, write.at_ns)
            position += wanted
            inside += wanted
            if inside == len(write.data):
                place += 1
                inside = 0
        if parts:
            yield Write(at_ns, b"".join(parts))


def _with_raw(draft: WireDraft, offset: int, line: bytes) -> tuple[Write, ...]:
    writes = split_writes(draft.writes, offset)
    position = 0
    for number, write in enumerate(writes):
        if position >= offset:
            raw = Write(write.at_ns, line, raw=True)
            return (*writes[:number], raw, *writes[number:])
        position += len(write.data)
    return (*writes, Write(draft.end_at_ns, line, raw=True))


def _left_of_chunk(writes: Sequence[Write], offset: int) -> int:
    position = 0
    for write in writes:
        if write.raw:
            continue
        end = position + len(write.data)
        if position < offset < end:
            return end - offset
        position = end
    return 0


def _one_line(text: str, key: str) -> str:
    if "\r" in text or "\n" in text:
        raise FaultError(f"expected one line, got {text!r}", key=key)
    _bytes(text, key)
    return text


def _bytes(text: str, key: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise FaultError(f"expected latin-1 text, got {text!r}", key=key) from None
