"""Faults that end an answer too early: within its body, or before its head."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.cuts import CLOSES, cut_body, without_head
from harness.faults.draft.position import (
    Position,
    format_position,
    is_before_head,
    offset_at,
)
from harness.faults.draft.wire import WireDraft
from harness.faults.parameters import Milliseconds
from harness.faults.registry import Layer, fault
from harness.units import NS_PER_MS

__all__ = ["close_at", "close_before_head", "end_at"]

How = Literal["fin", "rst", "half_close"]

_SHOWN = {"fin": "FIN", "rst": "RST", "half_close": "half a FIN", "refuse": "refusal"}


@fault(Layer.SOCKET, example={"at": {"event": 3, "offset": 40}, "how": "fin"})
def close_at(
    draft: WireDraft,
    *,
    at: Position,
    how: How = "fin",
    grace_ms: Milliseconds = 50.0,
) -> WireDraft:
    """Close the connection within the body, or after it but before its framing ends.

    Args:
        draft: The stream.
        at: Where.
        how: The way of closing.

            - ``fin``: FIN.
            - ``rst``: RST.
            - ``half_close``: FIN, but the upstream still reads what the peer sends.
        grace_ms: Time from the last byte to RST, which may discard bytes that the peer
            has not yet read.

    Oracle:
        Both: the bytes before it pass, and the client is told, unless the stream said
        [DONE]. If the close is the end of the body, it looks clean, and only the events
        show whether the answer was finished.
    """
    grace_ns = round(grace_ms * NS_PER_MS) if how == "rst" else 0
    if is_before_head(at):
        return without_head(draft, CLOSES[how], grace_ns).with_note(
            f"closed by {_SHOWN[how]} before the head"
        )
    offset = offset_at(draft, at)
    cut = cut_body(draft, offset)
    return replace(cut, end=CLOSES[how], end_at_ns=cut.end_at_ns + grace_ns).with_note(
        f"closed by {_SHOWN[how]} at {format_position(at)} (byte {offset})"
    )


@fault(Layer.SOCKET, example={"how": "rst"})
def close_before_head(
    draft: WireDraft, *, how: Literal["fin", "rst", "refuse"] = "fin"
) -> WireDraft:
    """Close the connection instead of answering, or refuse it.

    Args:
        draft: The stream.
        how: The way of closing.

            - ``fin``: FIN after the request was read.
            - ``rst``: RST after the request was read.
            - ``refuse``: the connection is refused. Live, such a stream has an upstream
              of its own.

    Oracle:
        Both: an error status, or no answer at all; a retry is correct.
    """
    at_ns = draft.end_at_ns if draft.head_at_ns is None else draft.head_at_ns
    return without_head(draft, CLOSES[how], 0 if how == "refuse" else at_ns).with_note(
        "refused the connection"
        if how == "refuse"
        else f"closed by {how.upper()} before the head"
    )


@fault(Layer.SOCKET, example={"at": {"event": 3, "offset": 40}})
def end_at(draft: WireDraft, *, at: Position) -> WireDraft:
    """Cut the body but end its framing cleanly, so nothing on the wire shows the cut.

    A server that lost the rest does this, and so does a proxy that hides a cut (class
    3).

    Args:
        draft: The stream.
        at: Where.

    Oracle:
        Both: all whole events before the end arrive, and an answer that the upstream
        did not finish does not look finished.
    """
    offset = offset_at(draft, at)
    cut = cut_body(draft, offset)
    return replace(
        cut, end=StreamEnd.COMPLETE, promised_length=draft.promised_length
    ).with_note(f"ended cleanly at {format_position(at)} (byte {offset})")
