"""The interface of a dialect: all questions that the harness asks about a provider.

Callers choose the dialect once for each stream, from `harness.dialects.registry`; they
know no path, field, sentinel or event name themselves. Rules of this interface:

1. Reading never raises, since the harness reads what broken targets send.
2. Questions about one event are plain methods on parsed JSON; the dialect is not looked
   up again.
3. Values are the common ones of `harness.dialects.payload` and
   `harness.dialects.message`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from harness.dialects.message import EventMeaning, Message, Text, TextPlace
from harness.dialects.payload import Payload

__all__ = [
    "EMPTY_DATA",
    "MALFORMED_JSON",
    "Assembler",
    "Dialect",
    "ErrorEvent",
    "FieldNames",
    "GrammarViolation",
]

EMPTY_DATA = "empty-data"
"""The id, in every dialect, of the grammar's rule that no event's data is empty."""

MALFORMED_JSON = "malformed-json"
"""The id, in every dialect, of the grammar's rule that the data of events is JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarViolation:
    """One broken rule of a dialect's grammar.

    Attributes:
        rule: The rule's id; ids never change.
        index: The event that breaks it; the number of events if one is missing.
        detail: What was found.
    """

    rule: str
    index: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent:
    """A failure in the form in which a dialect reports it within a stream.

    Attributes:
        value: The JSON value of the event's data.
        event: The event's type. None: the event has no name.
    """

    value: Any
    event: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """Keys in a dialect's JSON, requests included, for redaction and scrubbing.

    They are in lower case, with letters and digits only, except ``indexes``.

    Attributes:
        structure: Keys whose strings control a proxy or client: kinds, reasons, models.
        tools: Keys below which a ``name`` is that of a tool; a user's name is text.
        written: Keys below which everything is the model's own, whatever its keys.
        tokens: Keys whose lists of numbers encode text.
        indexes: Keys that number the objects of a stream, in the original spelling.
    """

    structure: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    tokens: frozenset[str] = frozenset()
    indexes: frozenset[str] = frozenset()


class Assembler(Protocol):
    """An accumulator for the payloads of one stream."""

    def feed(self, payload: Payload) -> None:
        """Add one payload."""

    def message(self) -> Message:
        """Return the message of the payloads so far."""


class Dialect(ABC):
    """One streaming API for models.

    Attributes:
        name: Its name, which is also a tag of cassettes.
        path: The default path of requests.
        path_endings: The endings of all paths of this API.
        end: The data of the event that ends a stream.
        is_complete: Whether the package knows the whole API. If not, its streams are
            read as chat's, as far as the keys are the same.
        model_folder: The part of a path that precedes the model; empty: none.
        fields: The special keys of its JSON.
    """

    name: ClassVar[str]
    path: ClassVar[str]
    path_endings: ClassVar[tuple[str, ...]]
    end: ClassVar[str]
    is_complete: ClassVar[bool] = True
    model_folder: ClassVar[str] = ""
    fields: ClassVar[FieldNames] = FieldNames()

    # A dialect has no state, so a copy in another process is equal.

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def is_spoken_at(self, path: str) -> bool:
        """Return whether a request to this path is one of this dialect."""
        return path.partition("?")[0].endswith(self.path_endings)

    @abstractmethod
    def owns(self, value: Any) -> bool:
        """Return whether the JSON of an event can only belong to this dialect."""

    # Requests and answers.

    @abstractmethod
    def request(self, *, model: str, prompt: str, usage: bool = False) -> Any:
        """Return the JSON of a request for a stream.

        Args:
            model: The model.
            prompt: The text of the user.
            usage: Whether it asks for the usage too.
        """

    @abstractmethod
    def answer(self, *, name: str, text: str) -> tuple[bytes, ...]:
        """Return the events of a short correct answer.

        Args:
            name: Its model, and a part of its id.
            text: Its text.
        """

    @abstractmethod
    def error(self, message: str, kind: str) -> ErrorEvent:
        """Return a failure in the dialect's form; a body has the same JSON.

        Args:
            message: The description of the failure.
            kind: The provider's word for its kind.
        """

    # One event.

    @abstractmethod
    def read(self, data: str, event: str = "message") -> Payload:
        """Read the data of one event of this type."""

    @abstractmethod
    def texts(self, value: Any) -> list[Text]:
        """Return the non-empty texts of a chunk, in order."""

    @abstractmethod
    def without_texts(self, value: Any) -> str | None:
        """Return a chunk without its texts, as canonical JSON.

        None: the chunk has only text, and the keys that every chunk repeats.
        """

    @abstractmethod
    def meaning(self, value: Any) -> EventMeaning:
        """Return the whole meaning of a chunk."""

    @abstractmethod
    def identity(self, value: Any) -> Mapping[str, Any]:
        """Return ``object``, ``model`` and ``id`` of a chunk, as sent.

        Each is None if it is not sent.
        """

    @abstractmethod
    def finishes(self, payload: Payload) -> bool:
        """Return whether an event alone shows that the whole answer is finished."""

    @abstractmethod
    def usage_counts(self, usage: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
        """Return the counts of a usage with a word for each: ``in``, ``out``."""

    @abstractmethod
    def text_places(self, value: Any) -> Iterator[TextPlace]:
        """Yield the places of the non-empty texts of a chunk."""

    # A whole stream.

    @abstractmethod
    def assembler(self) -> Assembler:
        """Return a new accumulator for the payloads of one stream."""

    @abstractmethod
    def check(
        self,
        events: Iterable[tuple[str, Payload]],
        *,
        rules: Collection[str] | None = None,
    ) -> list[GrammarViolation]:
        """Return every break of the grammar, in the order of the events.

        Args:
            events: Data and payload of each event.
            rules: Ids of the rules to check. None: all.
        """
