"""Faults of one place in a body: a clean end too early, or one border more."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from harness.faults.catalog.socket.cuts import cut_body, split_writes
from harness.faults.draft.position import Position, offset_at, shown_position
from harness.faults.draft.wire import Finish, WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import Milliseconds
from harness.faults.registry import Layer, fault
from harness.units import NS_PER_MS

__all__ = ["border_at", "end_at"]


@fault(Layer.SOCKET, example={"at": {"event": 3, "offset": 40}})
def end_at(draft: WireDraft, *, at: Position) -> WireDraft:
    """End the body within it, and its framing cleanly: nothing on the wire shows a cut.

    So does a server that lost the rest, and a proxy before it that hides a cut
    (`research/FAULTS.md`, class 3).

    Args:
        draft: The stream.
        at: Where.

    Oracle:
        What was whole before the end must arrive, and nothing may look finished that
        the upstream did not finish.
    """
    offset = offset_at(draft, at)
    cut = cut_body(draft, offset)
    return replace(
        cut, finish=Finish.COMPLETE, promised_length=draft.promised_length
    ).noted(f"ended cleanly at {shown_position(at)} (byte {offset})")


@fault(Layer.SOCKET, example={"at": {"event": 3, "offset": 40}, "gap_ms": 5})
def border_at(
    draft: WireDraft,
    *,
    at: Position,
    writes: Literal["recorded", "two"] = "recorded",
    gap_ms: Milliseconds = 0.0,
) -> WireDraft:
    """Part the body at a byte: what stands behind it travels in another write.

    Args:
        draft: The stream.
        at: Where; within the body, or nothing would be parted.
        writes: One border more among the recorded ones, or the whole body in two
            writes, at once when the first was due.
        gap_ms: From the one side to the other; what is late delays what follows. Live,
            writes without a gap may be read as one.

    Oracle:
        Borders mean nothing: the client must get what it gets without.
    """
    offset = offset_at(draft, at)
    size = len(draft.body)
    if not 0 < offset < size:
        raise FaultError(f"expected a byte within the body of {size}, came {offset}")
    parted = draft.writes if writes == "recorded" else _joined(draft.writes)
    gap_ns = round(gap_ms * NS_PER_MS)
    new: list[Write] = []
    position = late_ns = 0
    for write in split_writes(parted, offset):
        if position == offset:
            late_ns = max(write.at_ns, new[-1].at_ns + gap_ns)
        new.append(replace(write, at_ns=max(write.at_ns, late_ns)))
        position += 0 if write.raw else len(write.data)
    finish_ns = draft.finish_at_ns if writes == "recorded" else 0
    return replace(
        draft,
        writes=tuple(new),
        finish_at_ns=max(finish_ns, new[-1].at_ns),
    ).noted(f"parted the body at {shown_position(at)} (byte {offset})")


def _joined(writes: tuple[Write, ...]) -> tuple[Write, ...]:
    if any(write.raw for write in writes):
        raise FaultError("bytes past the framing cannot be joined", key="writes")
    # Not when the last was due: that silence would be longer than any recorded one.
    at_ns = writes[0].at_ns
    return (Write(at_ns, b"".join(write.data for write in writes)),)
