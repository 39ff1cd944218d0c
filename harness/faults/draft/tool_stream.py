"""The tool calls of a draft, with their fragments by call and by block."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from harness.dialects.openai_chat.tool_edits import (
    CallKey,
    Fragment,
    arguments_of,
    calls_in,
    without_calls,
)
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import DecodedBlock
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import rewrite_json
from harness.faults.errors import FaultError

__all__ = ["ToolStream"]


class ToolStream:
    """The tool calls of a draft, by call and by block.

    Attributes:
        draft: The stream.
        decoded: The decoded blocks of the draft.
        places: The numbers of the blocks with fragments of calls.
        arguments: The joined arguments of every call.
        firsts: The block where each call begins.
        lasts: The block of each call's last fragment with arguments.
    """

    def __init__(self, draft: EventDraft, decoded: Sequence[DecodedBlock]) -> None:
        self.draft = draft
        self.decoded = decoded
        self.places = [place for place, entry in enumerate(decoded) if entry.has_tool]
        self.firsts: dict[CallKey, int] = {}
        self.lasts: dict[CallKey, int] = {}
        parts: dict[CallKey, list[str]] = {}
        for place in self.places:
            for key, call in self.calls(place):
                self.firsts.setdefault(key, place)
                parts.setdefault(key, []).append(arguments_of(call))
                if parts[key][-1]:
                    self.lasts[key] = place
        self.arguments = {key: "".join(texts) for key, texts in parts.items()}

    def calls(self, place: int) -> list[tuple[CallKey, Fragment]]:
        """Return the fragments in a block."""
        payload = self.decoded[place].payload
        return list(calls_in(payload.value)) if payload else []

    def has_other_content(self, place: int) -> bool:
        """Return whether a block has more than fragments of calls."""
        entry = self.decoded[place]
        more = entry.has_finish or entry.has_usage or entry.texts or entry.has_role
        return bool(more)

    def drop(self, edit: Edit, place: int) -> None:
        """Remove the fragments of a block, or the block if it has nothing else."""
        if self.has_other_content(place):
            edit.change(place, partial(rewrite_json, change=without_calls))
        else:
            edit.drop(place)

    def require_two_calls(self) -> None:
        """Refuse a stream in which no choice has two calls."""
        choices = [choice for choice, _ in self.firsts]
        if len(set(choices)) == len(choices):
            raise FaultError("expected two tool calls, got one", key="mode")
