"""One stream, laid out by event and by choice, for the rules of the grammar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.dialects.openai_chat.chunk import (
    ToolFragment,
    choices_of,
    delta_of,
    finish_reason_of,
    tool_fragments,
)
from harness.dialects.openai_chat.deltas import delta_texts
from harness.dialects.openai_chat.payload import Payload, PayloadKind

__all__ = ["Step", "Timeline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one chunk says of one choice.

    Attributes:
        at: Index of the event.
        choice: Index of the choice.
        begins: Whether the delta says anything: the choice is under way.
        fields: The fields of the non-empty texts.
        tools: The fragments of tool calls.
        finish_reason: The finish reason, or the empty string.
    """

    at: int
    choice: int
    begins: bool
    fields: tuple[str, ...]
    tools: tuple[ToolFragment, ...]
    finish_reason: str


class Timeline:
    """A stream up to its sentinel, read once for all rules.

    Attributes:
        length: How many events there are in all.
        done: Whether the sentinel came.
        failed: Whether an error came before it.
        events: Index, data and payload of each event before the sentinel.
        chunks: Index and value of each chunk among them.
        steps: What each chunk says of each choice.
        calls: The fragments of tool calls with their steps, without the older
            ``function_call``, which has neither index nor id.
        after_done: Index and kind of each event after the sentinel.
    """

    def __init__(self, events: Sequence[tuple[str, Payload]]) -> None:
        kinds = [payload.kind for _, payload in events]
        self.length = len(kinds)
        self.done = PayloadKind.DONE in kinds
        end = kinds.index(PayloadKind.DONE) if self.done else len(kinds)
        self.failed = PayloadKind.ERROR in kinds[:end]
        self.events = [
            (at, data, payload) for at, (data, payload) in enumerate(events[:end])
        ]
        self.chunks: list[tuple[int, dict[str, Any]]] = [
            (at, payload.value)
            for at, _, payload in self.events
            if payload.kind is PayloadKind.CHUNK
        ]
        self.steps = [step for at, chunk in self.chunks for step in _steps(at, chunk)]
        self.calls = [
            (step, fragment)
            for step in self.steps
            for fragment in step.tools
            if not fragment.legacy
        ]
        self.after_done = list(enumerate(kinds))[end + 1 :]


def _steps(at: int, chunk: dict[str, Any]) -> Iterator[Step]:
    for index, choice in choices_of(chunk):
        delta = delta_of(choice)
        yield Step(
            at=at,
            choice=index,
            begins=any(value is not None for value in delta.values()),
            fields=tuple(field for field, _ in delta_texts(delta)),
            tools=tuple(tool_fragments(delta)),
            finish_reason=finish_reason_of(choice),
        )
