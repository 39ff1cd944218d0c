"""The assembly of the chunks of a stream into a message."""

from __future__ import annotations

from typing import Any

from harness.dialects.message import Choice, Message, ToolCall, ToolFragment
from harness.dialects.openai_chat.chunk import (
    choices_of,
    delta_of,
    finish_reason_of,
    text_of,
    tool_fragments,
)
from harness.dialects.openai_chat.texts import delta_texts
from harness.dialects.payload import Payload, PayloadKind

__all__ = ["Assembler"]


class Assembler:
    """An accumulator for the payloads of one stream.

    Deltas and usage of an error payload are not added, since clients raise before they
    read them (openai-python, openai-node).

    Args:
        stop_at_done: Whether reading stops at the sentinel, as in most clients. False
            models clients that read to the end of the body.
    """

    def __init__(self, *, stop_at_done: bool = True) -> None:
        self._stop_at_done = stop_at_done
        self._choices: dict[int, _ChoiceParts] = {}
        self._usage: Any = None
        self._errors: list[Any] = []
        self._done = False
        self._after_done = 0
        self._malformed = 0

    def feed(self, payload: Payload) -> None:
        """Add one payload; unknown payloads are ignored."""
        if self._done:
            self._after_done += 1
            if self._stop_at_done:
                return
        match payload.kind:
            case PayloadKind.CHUNK:
                self._add_chunk(payload.value)
            case PayloadKind.END:
                self._done = True
            case PayloadKind.ERROR:
                self._errors.append(_error_of(payload.value))
            case PayloadKind.MALFORMED:
                self._malformed += 1
            case PayloadKind.OTHER:
                pass

    def message(self) -> Message:
        """Return the message of the payloads so far."""
        return Message(
            choices=tuple(
                self._choices[index].choice(index) for index in sorted(self._choices)
            ),
            usage=self._usage,
            errors=tuple(self._errors),
            done=self._done,
            after_done=self._after_done,
            malformed=self._malformed,
        )

    def _add_chunk(self, value: dict[str, Any]) -> None:
        if value.get("usage") is not None:
            self._usage = value["usage"]
        for index, choice in choices_of(value):
            self._choices.setdefault(index, _ChoiceParts()).add(choice)


class _ChoiceParts:
    """The parts of one choice so far."""

    def __init__(self) -> None:
        self._role = ""
        self._texts: dict[str, list[str]] = {}
        self._heads: dict[int, ToolFragment] = {}
        self._finish_reason: str | None = None

    def add(self, choice: dict[str, Any]) -> None:
        delta = delta_of(choice)
        self._role = self._role or text_of(delta, "role")
        self._finish_reason = finish_reason_of(choice) or self._finish_reason
        for field, text in delta_texts(delta):
            self._texts.setdefault(field, []).append(text)
        for fragment in tool_fragments(delta):
            head = self._heads.get(fragment.index)
            self._heads[fragment.index] = _merge(head, fragment) if head else fragment

    def choice(self, index: int) -> Choice:
        return Choice(
            index=index,
            role=self._role,
            content=self._text("content"),
            reasoning=self._text("reasoning"),
            refusal=self._text("refusal"),
            tool_calls=tuple(self._tool_call(call) for call in sorted(self._heads)),
            finish_reason=self._finish_reason,
        )

    def _text(self, field: str) -> str:
        return _join_surrogates("".join(self._texts.get(field, ())))

    def _tool_call(self, index: int) -> ToolCall:
        head = self._heads[index]
        return ToolCall(
            index=index,
            id=head.id,
            type=head.type,
            name=head.name,
            arguments=self._text(f"tool:{index}"),
        )


def _merge(head: ToolFragment, fragment: ToolFragment) -> ToolFragment:
    """Keep the first value of each; providers repeat id and name, never split them."""
    return ToolFragment(
        index=head.index,
        indexed=head.indexed,
        legacy=head.legacy,
        id=head.id or fragment.id,
        type=head.type or fragment.type,
        name=head.name or fragment.name,
        arguments="",
    )


def _error_of(value: Any) -> Any:
    error = value.get("error") if isinstance(value, dict) else None
    return error or value


def _join_surrogates(text: str) -> str:
    """Join the two halves of a character from two chunks (RFC 8259, section 7).

    Strings of Python keep the halves apart, those of JavaScript do not; a half without
    its other half stays unchanged.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode(
            "utf-16-le", "surrogatepass"
        )
    return text
