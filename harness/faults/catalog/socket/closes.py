"""Faults of where an answer stops: within its body, before its head, too early."""

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
    """Close the connection within the body, or behind it but before its framing ends.

    Args:
        draft: The stream.
        at: Where.
        how: In which way.

            - ``fin``: FIN.
            - ``rst``: RST.
            - ``half_close``: FIN, and what the peer sends is still taken.
        grace_ms: From the last byte to RST, which may discard what was not read yet.

    Oracle:
        Both: what came before passes, and the client is told, unless the stream said
        [DONE]. Where the close is the end of the body it looks clean, and only what was
        said tells whether it was finished.
    """
    grace_ns = round(grace_ms * NS_PER_MS) if how == "rst" else 0
    if is_before_head(at):
        return without_head(draft, CLOSES[how], grace_ns).with_note(
            f"closed by {_SHOWN[how]} before a head"
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
    """Close the connection in place of an answer, or let none come about.

    Args:
        draft: The stream.
        how: In which way.

            - ``fin``: FIN when the request was read.
            - ``rst``: RST when it was.
            - ``refuse``: no connection comes about. Live, such a stream has its
              upstream for itself.

    Oracle:
        Both: a status of failure, or no answer at all; asking again is right.
    """
    at_ns = draft.end_at_ns if draft.head_at_ns is None else draft.head_at_ns
    return without_head(draft, CLOSES[how], 0 if how == "refuse" else at_ns).with_note(
        "refused the connection"
        if how == "refuse"
        else f"closed by {how.upper()} before a head"
    )


@fault(Layer.SOCKET, example={"at": {"event": 3, "offset": 40}})
def end_at(draft: WireDraft, *, at: Position) -> WireDraft:
    """End the body within it, and its framing cleanly: nothing on the wire shows a cut.

    So does a server that lost the rest, and a proxy before it that hides a cut
    (class 3).

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
        cut, end=StreamEnd.COMPLETE, promised_length=draft.promised_length
    ).with_note(f"ended cleanly at {format_position(at)} (byte {offset})")
