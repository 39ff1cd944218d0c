"""One stream by event and by choice, for the rules of the grammar."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from harness.dialects.message import ChoiceDelta, ToolFragment
from harness.dialects.openai_chat.meaning import choice_deltas
from harness.dialects.payload import Payload, PayloadKind

__all__ = ["Timeline"]


class Timeline:
    """A stream up to its sentinel, read once for all rules.

    Attributes:
        length: The number of all events.
        done: Whether the sentinel arrived.
        failed: Whether an error arrived before the sentinel.
        events: Index, data and payload of each event before the sentinel.
        after_done: Index and kind of each event after the sentinel.
    """

    def __init__(self, events: Iterable[tuple[str, Payload]]) -> None:
        held = list(events)
        kinds = [payload.kind for _, payload in held]
        self.length = len(kinds)
        self.done = PayloadKind.END in kinds
        end = kinds.index(PayloadKind.END) if self.done else len(kinds)
        self.failed = PayloadKind.ERROR in kinds[:end]
        self.events = [
            (at, data, payload) for at, (data, payload) in enumerate(held[:end])
        ]
        self.after_done = list(enumerate(kinds))[end + 1 :]

    @cached_property
    def chunks(self) -> list[tuple[int, dict[str, Any]]]:
        """Index and value of each chunk before the sentinel."""
        return [
            (at, payload.value)
            for at, _, payload in self.events
            if payload.kind is PayloadKind.CHUNK
        ]

    @cached_property
    def deltas(self) -> list[tuple[int, ChoiceDelta]]:
        """The parts that chunks add to choices, with the index of the event."""
        return [
            (at, delta) for at, chunk in self.chunks for delta in choice_deltas(chunk)
        ]

    @cached_property
    def calls(self) -> list[tuple[int, int, ToolFragment]]:
        """The fragments of tool calls, with the index of the event and the choice.

        The older ``function_call`` has neither index nor id, and is not among them.
        """
        return [
            (at, delta.choice, fragment)
            for at, delta in self.deltas
            for fragment in delta.tools
            if not fragment.legacy
        ]
