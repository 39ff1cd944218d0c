"""What the harness asks a dialect; each dialect's package answers.

Callers choose the dialect once a stream, from `harness.dialects.registry`, and know no
path, field, sentinel or event name by themselves. Rules of this interface:

1. Reading never raises: judging a target means reading what it broke.
2. What is asked for each event is a plain method on a value that is JSON already; the
   dialect is not looked up again.
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
"""Id of the grammar's rule, in every dialect, that no event's data is empty."""

MALFORMED_JSON = "malformed-json"
"""Id of the grammar's rule, in every dialect, that the data of events is JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarViolation:
    """One broken rule of a dialect's grammar.

    Attributes:
        rule: The rule's id; ids are stable.
        index: The event that breaks it; the number of events where one is missing.
        detail: What was seen.
    """

    rule: str
    index: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent:
    """A failure as a dialect reports it within a stream.

    Attributes:
        value: The JSON value of the event's data.
        event: The event's type; None: it is not named.
    """

    value: Any
    event: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """Keys of a dialect's JSON, requests too: in lower case, letters and digits only.

    Attributes:
        structure: Whose strings a proxy or a client decides by: kinds, reasons, models.
        tools: Below which a ``name`` is that of a tool; a user's name is text.
        written: Below which all is the model's own, whatever its keys are called.
        tokens: Whose lists of numbers say text.
        indexes: Which number the objects of a stream; as they are spelled.
    """

    structure: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    tokens: frozenset[str] = frozenset()
    indexes: frozenset[str] = frozenset()


class Assembler(Protocol):
    """What adds up the payloads of one stream."""

    def feed(self, payload: Payload) -> None:
        """Add one payload."""

    def message(self) -> Message:
        """Return what the payloads so far add up to."""


class Dialect(ABC):
    """One API by which models are asked to stream.

    Attributes:
        name: What it is called; cassettes have it for a tag.
        path: Where it is asked by default.
        path_endings: How the paths end at which it is spoken.
        end: The data of the event that ends a stream.
        is_complete: Whether its package knows all of it; a stream of another is read as
            far as chat has the same words.
        model_folder: The part of a path behind which the model stands; empty: none.
        fields: The keys of its JSON.
    """

    name: ClassVar[str]
    path: ClassVar[str]
    path_endings: ClassVar[tuple[str, ...]]
    end: ClassVar[str]
    is_complete: ClassVar[bool] = True
    model_folder: ClassVar[str] = ""
    fields: ClassVar[FieldNames] = FieldNames()

    # A dialect has no state: one that went to another process is the same.

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def is_spoken_at(self, path: str) -> bool:
        """Tell whether a request to this path is one of this dialect."""
        return path.partition("?")[0].endswith(self.path_endings)

    @abstractmethod
    def owns(self, value: Any) -> bool:
        """Tell whether the JSON of an event can only be of this dialect."""

    # What is asked, and what is answered.

    @abstractmethod
    def request(self, *, model: str, prompt: str, usage: bool = False) -> Any:
        """Return the JSON of a request for a stream.

        Args:
            model: The model.
            prompt: What its user says.
            usage: Whether it asks for the usage too.
        """

    @abstractmethod
    def answer(self, *, name: str, text: str) -> tuple[bytes, ...]:
        """Return the events of a short right answer.

        Args:
            name: Its model, and a part of its id.
            text: What it says.
        """

    @abstractmethod
    def error(self, message: str, kind: str) -> ErrorEvent:
        """Return a failure in the dialect's own shape; as a body it has the same JSON.

        Args:
            message: What happened, in words.
            kind: The provider's word for it.
        """

    # What one event says.

    @abstractmethod
    def read(self, data: str, event: str = "message") -> Payload:
        """Read the data of one event of this type."""

    @abstractmethod
    def texts(self, value: Any) -> list[Text]:
        """Return the texts of a chunk that are not empty, in their order."""

    @abstractmethod
    def without_texts(self, value: Any) -> str | None:
        """Return what a chunk says beside text, as canonical JSON.

        None: nothing but text, and what every chunk repeats.
        """

    @abstractmethod
    def meaning(self, value: Any) -> EventMeaning:
        """Return all that a chunk says."""

    @abstractmethod
    def identity(self, value: Any) -> Mapping[str, Any]:
        """Return what a chunk calls itself: ``object``, ``model`` and ``id``, as sent.

        Each is None where it is not sent.
        """

    @abstractmethod
    def finishes(self, payload: Payload) -> bool:
        """Tell whether an event says by itself that its whole answer is finished."""

    @abstractmethod
    def usage_counts(self, usage: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
        """Return the counts of a usage with a word for each: ``in``, ``out``."""

    @abstractmethod
    def text_places(self, value: Any) -> Iterator[TextPlace]:
        """Yield where the texts of a chunk stand that are not empty."""

    # What a stream says.

    @abstractmethod
    def assembler(self) -> Assembler:
        """Return what adds up the payloads of one stream."""

    @abstractmethod
    def check(
        self,
        events: Iterable[tuple[str, Payload]],
        *,
        rules: Collection[str] | None = None,
    ) -> list[GrammarViolation]:
        """Return every break of the grammar, in the order of the events.

        Args:
            events: The data of each event and what it was read as.
            rules: Ids of the rules that count; None: all.
        """
