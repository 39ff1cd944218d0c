"""The conversions from a recorded response to blocks, and from blocks to writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.cassette.model import EndingKind, Response
from harness.faults.draft.blocks import Block, BlockPart, EventDraft, StreamEnd
from harness.faults.draft.wire import BlockSpan, WireDraft, Write
from harness.sse import is_event_stream
from harness.sse.lines import block_ends

__all__ = ["draft_response", "lower"]

_ENDS = {
    EndingKind.COMPLETE: StreamEnd.COMPLETE,
    EndingKind.TRUNCATED: StreamEnd.TRUNCATED,
    EndingKind.RESET: StreamEnd.RESET,
    EndingKind.TIMEOUT: StreamEnd.STALL,
    EndingKind.CLIENT_CLOSED: StreamEnd.STALL,
    EndingKind.RECORDER_STOPPED: StreamEnd.STALL,
}

_FRAMING_HEADERS = frozenset({"transfer-encoding", "content-length"})


def draft_response(response: Response) -> EventDraft:
    """Split a recorded response into blocks; times and borders of writes stay.

    A body that is not an event stream has one block for each segment. A recording that
    stopped during the stream is replayed as a stall, since nobody knows the rest.
    """
    headers = tuple(
        (name, value)
        for name, value in response.headers
        if name.lower() not in _FRAMING_HEADERS
    )
    first = response.segments[0].at_ns if response.segments else response.ending.at_ns
    return EventDraft(
        status=response.status,
        http_version=response.http_version
        if response.http_version in {"HTTP/1.0", "HTTP/1.1"}
        else "HTTP/1.1",
        headers=headers,
        framing=response.framing,
        # A cassette has no time for the head, which is there with the first byte.
        head_at_ns=first,
        blocks=_blocks(response),
        end=_ENDS[response.ending.kind],
        end_at_ns=response.ending.at_ns,
        next_segment=len(response.segments),
    )


def lower(draft: EventDraft) -> WireDraft:
    """Turn blocks into writes: adjacent parts of one segment become one write."""
    groups: list[list[BlockPart]] = []
    spans: list[BlockSpan] = []
    offset = 0
    for block in draft.blocks:
        start = offset
        for part in block.parts:
            offset += len(part.data)
            if groups and part.segment == groups[-1][-1].segment:
                groups[-1].append(part)
            else:
                groups.append([part])
        spans.append(
            BlockSpan(start=start, end=offset, meaning=block.meaning, meant=block.meant)
        )
    writes = tuple(_writes(groups))
    return WireDraft(
        status=draft.status,
        http_version=draft.http_version,
        headers=draft.headers,
        framing=draft.framing,
        head_at_ns=draft.head_at_ns,
        writes=writes,
        spans=tuple(spans),
        end=draft.end,
        end_at_ns=max(draft.end_at_ns, writes[-1].at_ns if writes else 0),
        notes=draft.notes,
    )


def _writes(groups: Iterable[Sequence[BlockPart]]) -> Iterator[Write]:
    """Yield a write for each group; no write is before the preceding one."""
    now_ns = 0
    for parts in groups:
        # A write is sent when its last byte is due.
        now_ns = max(now_ns, *(part.at_ns for part in parts))
        yield Write(now_ns, b"".join(part.data for part in parts))


def _blocks(response: Response) -> tuple[Block, ...]:
    body = response.body
    kind = response.header("content-type")
    if kind is None or is_event_stream(kind, anywhere=True):
        borders = block_ends(body)
    else:
        borders = _segment_ends(response)
    if not borders or borders[-1] < len(body):
        borders.append(len(body))
    blocks = []
    start = 0
    cutter = _Cutter(response)
    for end in borders:
        if end > start:
            blocks.append(Block(parts=cutter.take(end)))
            start = end
    return tuple(blocks)


def _segment_ends(response: Response) -> list[int]:
    ends = []
    offset = 0
    for segment in response.segments:
        offset += len(segment.data)
        ends.append(offset)
    return ends


class _Cutter:
    """A reader of a body's bytes up to a border, split as the segments were."""

    def __init__(self, response: Response) -> None:
        self._segments = response.segments
        self._index = 0
        self._inside = 0
        self._offset = 0

    def take(self, end: int) -> tuple[BlockPart, ...]:
        parts = []
        while self._offset < end:
            segment = self._segments[self._index]
            wanted = min(end - self._offset, len(segment.data) - self._inside)
            data = segment.data[self._inside : self._inside + wanted]
            if data:
                parts.append(BlockPart(segment.at_ns, data, self._index))
            self._offset += wanted
            self._inside += wanted
            if self._inside == len(segment.data):
                self._index += 1
                self._inside = 0
        return tuple(parts)
