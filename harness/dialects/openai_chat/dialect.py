"""The complete dialect of chat completions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from harness.dialects.interface import (
    Dialect,
    ErrorEvent,
    FieldNames,
    GrammarViolation,
)
from harness.dialects.message import EventMeaning, Text, TextPlace
from harness.dialects.openai_chat.assemble import Assembler
from harness.dialects.openai_chat.grammar import check
from harness.dialects.openai_chat.meaning import meaning_of, without_texts
from harness.dialects.openai_chat.payload import SENTINEL, parse_payload
from harness.dialects.openai_chat.samples import answer_of, error_of, request_of
from harness.dialects.openai_chat.texts import text_deltas, text_places
from harness.dialects.payload import Payload

__all__ = ["OpenAIChat"]


class OpenAIChat(Dialect):
    """The chat completions of OpenAI, with the variants of other providers."""

    name: ClassVar[str] = "openai-chat"
    path: ClassVar[str] = "/v1/chat/completions"
    path_endings: ClassVar[tuple[str, ...]] = ("/chat/completions",)
    end: ClassVar[str] = SENTINEL
    model_folder: ClassVar[str] = "deployments"  # Azure
    fields: ClassVar[FieldNames] = FieldNames(
        structure=frozenset(
            {
                "created",
                "detail",
                "effort",
                "encodingformat",
                "finishreason",
                "format",
                "modalities",
                "model",
                "nativefinishreason",
                "object",
                "provider",
                "reasoningeffort",
                "required",
                "role",
                "servicetier",
                "toolchoice",
                "type",
                "verbosity",
            }
        ),
        tools=frozenset(
            {
                "function",
                "functioncall",
                "functions",
                "toolcall",
                "toolcalls",
                "toolchoice",
                "tools",
            }
        ),
        written=frozenset({"arguments", "metadata"}),
        tokens=frozenset({"bytes", "prompttokenids", "tokenids", "tokens"}),
        indexes=frozenset({"index"}),
    )

    def owns(self, value: Any) -> bool:
        """Return whether an object has choices."""
        return isinstance(value, dict) and "choices" in value

    def request(self, *, model: str, prompt: str, usage: bool = False) -> Any:
        """Return the JSON of a request for a stream."""
        return request_of(model, prompt, usage=usage)

    def answer(self, *, name: str, text: str) -> tuple[bytes, ...]:
        """Return the events of a short correct answer."""
        return answer_of(name, text)

    def error(self, message: str, kind: str) -> ErrorEvent:
        """Return an error object."""
        return ErrorEvent(value=error_of(message, kind))

    def read(self, data: str, event: str = "message") -> Payload:
        """Read the data of one event of this type."""
        return parse_payload(data, event)

    def texts(self, value: Any) -> list[Text]:
        """Return the non-empty texts of a chunk, in order."""
        return text_deltas(value)

    def without_texts(self, value: Any) -> str | None:
        """Return a chunk without its texts, as canonical JSON."""
        return without_texts(value)

    def meaning(self, value: Any) -> EventMeaning:
        """Return the whole meaning of a chunk."""
        return meaning_of(value)

    def identity(self, value: Any) -> Mapping[str, Any]:
        """Return ``object``, ``model`` and ``id`` of a chunk."""
        return {name: value.get(name) for name in ("object", "model", "id")}

    def finishes(self, payload: Payload) -> bool:  # noqa: ARG002 - choices finish
        """Return False: choices finish one by one, never the whole answer at once."""
        return False

    def usage_counts(self, usage: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
        """Return the tokens of the prompt and of the answer."""
        names = {"prompt_tokens": "in", "completion_tokens": "out"}
        return [(name, usage[key]) for key, name in names.items() if key in usage]

    def text_places(self, value: Any) -> Iterator[TextPlace]:
        """Yield the places of the non-empty texts of a chunk."""
        return text_places(value)

    def assembler(self) -> Assembler:
        """Return an accumulator that stops at the sentinel."""
        return Assembler()

    def check(
        self,
        events: Iterable[tuple[str, Payload]],
        *,
        rules: Collection[str] | None = None,
    ) -> list[GrammarViolation]:
        """Return every break of the grammar, in the order of the events."""
        return check(events, rules)
