"""Faults of time: the moments at which the head and the writes are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Annotated, Literal

from harness.dialects.openai_chat.chunk_edits import leave_empty_text
from harness.faults.draft.blocks import Meaning, StreamEnd
from harness.faults.draft.cuts import cut_body, split_writes, without_head
from harness.faults.draft.decoded import decode_block
from harness.faults.draft.delivery import Heartbeat
from harness.faults.draft.position import (
    Position,
    format_position,
    is_before_head,
    offset_at,
)
from harness.faults.draft.rewrite import dump_json
from harness.faults.draft.wire import BlockSpan, WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, Count, Milliseconds
from harness.faults.registry import Layer, fault
from harness.units import NS_PER_MS

__all__ = ["first_token_delay", "head_delay", "pace", "stall", "trickle"]

_EVERY = "keepalive_ms"

Every = Annotated[float, AtLeast(1)]
Form = Literal["comment", "bare_colon", "empty_delta"]


@fault(Layer.SOCKET, example={"itl_ms": 20})
def pace(
    draft: WireDraft,
    rng: Random,
    *,
    itl_ms: Milliseconds,
    jitter_ms: Milliseconds = 0.0,
    burst: Count = 1,
) -> WireDraft:
    """Send the writes at an even pace; events that share a write still do.

    `chunking` gives every event a write of its own. The head and the first write keep
    their times, and the end keeps its distance to the last write.

    Args:
        draft: The stream.
        rng: Draws the jitter.
        itl_ms: Average time from one write to the next.
        jitter_ms: Maximum jitter in either direction.
        burst: The number of writes sent together, before a pause for all of them.

    Oracle:
        Both: every event passes when it arrives.
    """
    if len(draft.writes) < 2:
        raise FaultError("the stream has fewer than two writes to pace")
    tail_ns = max(0, draft.end_at_ns - draft.writes[-1].at_ns)
    at_ns = draft.writes[0].at_ns
    writes = [draft.writes[0]]
    for number, write in enumerate(draft.writes[1:], start=1):
        if number % burst == 0:
            gap_ms = max(0.0, itl_ms * burst + rng.uniform(-jitter_ms, jitter_ms))
            at_ns += round(gap_ms * NS_PER_MS)
        writes.append(replace(write, at_ns=at_ns))
    bursts = f", {burst} together" if burst > 1 else ""
    return replace(draft, writes=tuple(writes), end_at_ns=at_ns + tail_ns).with_note(
        f"sent {len(writes)} writes {itl_ms:g} ms apart, jitter {jitter_ms:g} ms"
        + bursts
    )


@fault(Layer.SOCKET, example={"ms": 500})
def head_delay(draft: WireDraft, *, ms: Milliseconds) -> WireDraft:
    """Delay the head and everything after it.

    Args:
        draft: The stream.
        ms: The delay.

    Oracle:
        Both: as sent.
    """
    if draft.head_at_ns is None:
        raise FaultError("the upstream closes before the head")
    delay_ns = round(ms * NS_PER_MS)
    return replace(
        _delayed(draft, 0, delay_ns), head_at_ns=draft.head_at_ns + delay_ns
    ).with_note(f"sent the head {ms:g} ms later")


@fault(Layer.SOCKET, example={"ms": 500})
def first_token_delay(
    draft: WireDraft,
    *,
    ms: Milliseconds,
    keepalive_ms: Every | None = None,
    form: Form = "comment",
) -> WireDraft:
    """Delay the first text and everything after it; the head is sent as before.

    Args:
        draft: The stream; it needs text that is not only white space.
        ms: The delay.
        keepalive_ms: Time between keep-alive messages during the delay; null: none.
        form: The message.

            - ``comment``: a comment with a word in it.
            - ``bare_colon``: an empty comment.
            - ``empty_delta``: a chunk with an empty text.

    Oracle:
        Both: head and comments pass immediately; below its own limits the proxy does
        not cut the stream.
    """
    end = offset_at(draft, {"after": "first_content"})
    start = next(span.start for span in draft.spans if span.end == end)
    return _wait(draft, start, ms, keepalive_ms, form).with_note(
        f"sent the first text {ms:g} ms later{_keepalive_note(keepalive_ms, form)}"
    )


@fault(Layer.SOCKET, example={"at": {"event": 3}, "for_ms": 500})
def stall(
    draft: WireDraft,
    *,
    at: Position,
    for_ms: Milliseconds | Literal["forever"] | None = None,
    keepalive_ms: Every | None = None,
    form: Form = "comment",
) -> WireDraft:
    """Send nothing for a while, or never again, and keep the connection open.

    Args:
        draft: The stream.
        at: Where; between two events if there are keep-alive messages.
        for_ms: How long.

            - ``forever``: until the target or the scenario's deadline ends it; null
              means the same.
        keepalive_ms: Time between keep-alive messages during the stall; null: none.
        form: The message.

            - ``comment``: a comment with a word in it.
            - ``bare_colon``: an empty comment.
            - ``empty_delta``: a chunk with an empty text.

    Oracle:
        Both: the bytes before it pass immediately. After an endless stall a repairing
        proxy reports a failure to the client by its deadline; a transparent one may
        stay open as the upstream does.
    """
    if is_before_head(at):
        return _without_answer(draft, for_ms, keepalive_ms)
    offset = offset_at(draft, at)
    where = (
        f"at {format_position(at)} (byte {offset}){_keepalive_note(keepalive_ms, form)}"
    )
    if isinstance(for_ms, int | float):
        waited = _wait(draft, offset, for_ms, keepalive_ms, form)
        return waited.with_note(f"sent nothing for {for_ms:g} ms {where}")
    cut = replace(cut_body(draft, offset), end=StreamEnd.STALL)
    if keepalive_ms is not None:
        _check_border(draft, offset)
        if draft.delivery.coding is not None:
            raise FaultError("endless messages cannot be compressed", key=_EVERY)
        data = _keepalive_block(draft, form)
        beat = Heartbeat(every_ns=round(keepalive_ms * NS_PER_MS), data=data)
        cut = replace(cut, delivery=replace(cut.delivery, heartbeat=beat))
    return cut.with_note(f"sent nothing ever again {where}")


def _without_answer(
    draft: WireDraft, for_ms: float | str | None, keepalive_ms: float | None
) -> WireDraft:
    """Read the request, and send no head for a while, or never."""
    if keepalive_ms is not None:
        raise FaultError("before the head there can be no message", key=_EVERY)
    if isinstance(for_ms, int | float):
        return head_delay(draft, ms=for_ms)
    return without_head(draft, StreamEnd.STALL, 0).with_note("never sent a head")


@fault(Layer.SOCKET, example={"at": {"event": 3, "offset": 10}, "count": 20})
def trickle(
    draft: WireDraft, *, at: Position, count: Count, gap_ms: Milliseconds = 1000.0
) -> WireDraft:
    """Send some bytes one at a time, as a very slow server does.

    Args:
        draft: The stream.
        at: The first of them.
        count: The number of bytes.
        gap_ms: Time from one byte to the next, and to the write after them.

    Oracle:
        Both: the event passes when it is complete.
    """
    first = offset_at(draft, at)
    size = len(draft.body)
    if first + count > size:
        raise FaultError(f"{size - first} bytes follow, got {count}", key="count")
    gap_ns = round(gap_ms * NS_PER_MS)
    writes = split_writes(split_writes(draft.writes, first), first + count)
    begin, end = _count_before(writes, first), _count_before(writes, first + count)
    slow: list[Write] = []
    due_ns = writes[begin].at_ns
    for write in writes[begin:end]:
        if write.raw:
            raise FaultError("bytes outside the framing cannot trickle")
        for place in range(len(write.data)):
            due_ns = max(due_ns, write.at_ns)
            slow.append(Write(due_ns, write.data[place : place + 1]))
            due_ns += gap_ns
    rest = (replace(write, at_ns=max(write.at_ns, due_ns)) for write in writes[end:])
    return replace(
        draft,
        writes=(*writes[:begin], *slow, *rest),
        end_at_ns=max(draft.end_at_ns, due_ns),
    ).with_note(
        f"sent {count} bytes one at a time, {gap_ms:g} ms apart, from byte {first}"
    )


def _keepalive_note(every_ms: float | None, form: str) -> str:
    if every_ms is None:
        return ""
    return f", except a {form.replace('_', ' ')} every {every_ms:g} ms"


def _wait(
    draft: WireDraft, offset: int, ms: float, every_ms: float | None, form: str
) -> WireDraft:
    writes = split_writes(draft.writes, offset)
    before = _count_before(writes, offset)
    waited = _delayed(replace(draft, writes=writes), before, round(ms * NS_PER_MS))
    if every_ms is None:
        return waited
    _check_border(draft, offset)
    start_ns = writes[before - 1].at_ns if before else draft.head_at_ns or 0
    end_ns = (
        waited.writes[before].at_ns if before < len(waited.writes) else waited.end_at_ns
    )
    every_ns = round(every_ms * NS_PER_MS)
    times = range(start_ns + every_ns, end_ns, every_ns)
    if not times:
        raise FaultError(f"no message fits into {ms:g} ms", key=_EVERY)
    data = _keepalive_block(draft, form)
    return _inserted(waited, before, offset, [(at_ns, data) for at_ns in times])


def _inserted(
    draft: WireDraft, place: int, offset: int, said: list[tuple[int, bytes]]
) -> WireDraft:
    """Insert whole blocks as writes, and as spans with the meaning ``AS_SENT``."""
    new = [
        BlockSpan(
            start=offset + number * len(data),
            end=offset + (number + 1) * len(data),
            meaning=Meaning.AS_SENT,
            meant=b"",
        )
        for number, (_, data) in enumerate(said)
    ]
    more = new[-1].end - offset
    spans = [span for span in draft.spans if span.end <= offset]
    later = [
        replace(span, start=span.start + more, end=span.end + more)
        for span in draft.spans
        if span.end > offset
    ]
    promised = draft.promised_length
    return replace(
        draft,
        writes=(
            *draft.writes[:place],
            *(Write(at_ns, data) for at_ns, data in said),
            *draft.writes[place:],
        ),
        spans=(*spans, *new, *later),
        promised_length=None if promised is None else promised + more,
    )


def _check_border(draft: WireDraft, offset: int) -> None:
    if any(span.start < offset < span.end for span in draft.spans):
        raise FaultError("within an event there can be no message", key="at")


def _keepalive_block(draft: WireDraft, form: str) -> bytes:
    if form != "empty_delta":
        return b":\n\n" if form == "bare_colon" else b": keepalive\n\n"
    for span in draft.spans:
        entry = decode_block(draft.body[span.start : span.end])
        if entry.is_chunk and entry.payload is not None and entry.data is not None:
            value = dict(entry.payload.value)
            leave_empty_text(value)
            text = dump_json(value, like=entry.data)
            return f"data: {text}\n\n".encode()
    raise FaultError("the stream has no chunk to use as a model", key="form")


def _count_before(writes: Sequence[Write], offset: int) -> int:
    """Return the number of writes before a byte of the body, which is a border."""
    position = 0
    for number, write in enumerate(writes):
        if position >= offset:
            return number
        position += 0 if write.raw else len(write.data)
    return len(writes)


def _delayed(draft: WireDraft, first: int, delay_ns: int) -> WireDraft:
    later = tuple(
        replace(write, at_ns=write.at_ns + delay_ns) for write in draft.writes[first:]
    )
    return replace(
        draft,
        writes=(*draft.writes[:first], *later),
        end_at_ns=draft.end_at_ns + delay_ns,
    )
