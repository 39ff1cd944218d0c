"""A value of a document, with its place there.

A reader takes one node and asks it for the nodes inside; an error takes the node that
it is about, which knows file, line and key::

    def read_pause(client: Node) -> Pause:
        pause = client.at("read", "pause")
        if pause.value["after_bytes"] < 0:
            raise InputError("expected at least 0", at=pause.at("after_bytes"))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from jsonschema import Draft202012Validator

from harness.documents.mistakes import Mistakes
from harness.documents.schema_errors import Path, explain
from harness.errors import InputError, joined
from harness.printable import one_line

__all__ = ["Node", "Origin", "Path"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document was read from, for messages.

    Attributes:
        source: The file's name.
        line: The only line of the document; None: it has several.
        mistakes: What is wrong with the document, as its readers found it.
    """

    source: str
    line: int | None = None
    mistakes: Mistakes = field(default_factory=Mistakes, repr=False, compare=False)

    def line_of(self, path: Path) -> int | None:  # noqa: ARG002 - other origins need it
        """Return the one-based line of a value, where it is known."""
        return self.line


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document and its place there.

    Attributes:
        value: Mappings, lists, text, numbers, booleans and None; None also where
            there is nothing at this place.
        origin: Where the document was read from.
        path: The keys and list positions that lead here from the root.
    """

    value: Any
    origin: Origin = field(repr=False)
    path: Path = ()

    @property
    def source(self) -> str:
        """The file's name, for messages."""
        return self.origin.source

    @property
    def line(self) -> int | None:
        """The one-based line, where it is known."""
        return self.origin.line_of(self.path)

    @property
    def key(self) -> str | None:
        """The path as a person writes it, ``faults[0].pace``; None: the root."""
        parts = []
        for step in self.path:
            if isinstance(step, int):
                parts.append(f"[{step}]")
            else:
                parts.append(f".{one_line(step)}" if parts else one_line(step))
        return "".join(parts) or None

    @property
    def name(self) -> str:
        """The key of the value in its mapping."""
        return str(self.path[-1])

    @property
    def mapping(self) -> dict[str, Any]:
        """The value where it is a mapping, else an empty one."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def mistakes(self) -> Mistakes:
        """The mistakes of the whole document."""
        return self.origin.mistakes

    @property
    def is_sound(self) -> bool:
        """Whether neither the value nor a part of it is known to be wrong."""
        return self.mistakes.none_in(self.source, self.path)

    @property
    def keys(self) -> set[str]:
        """The keys of a mapping, with those that mistyped ones are meant to be."""
        return {*self.mapping, *self.mistakes.meant_in(self.source, self.path)}

    def read(
        self,
        reader: Callable[Concatenate[Node, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return what a reader makes of the node, and collect the error that it raises.

        A node that is missing, or has a known mistake, is not read: the result is None.
        Where this is not of the promised type, there is a mistake, and `raise_any`
        raises before anything is built with the result.
        """
        result: Any = None
        if self.value is not None and self.is_sound:
            with self.mistakes:
                result = reader(self, *args, **kwargs)
        return cast("R", result)

    def at(self, *steps: str | int) -> Node:
        """Return the node at a place inside, whether or not there is a value."""
        value = self.value
        for step in steps:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                value = None
        return Node(value, self.origin, (*self.path, *steps))

    def __iter__(self) -> Iterator[Node]:
        """Yield the nodes of a mapping's values or of a list's entries, else none."""
        match self.value:
            case dict() as steps:
                return map(self.at, steps)
            case list() as entries:
                return map(self.at, range(len(entries)))
        return iter(())

    def check(self, validator: Draft202012Validator) -> None:
        """Check the value by a JSON Schema.

        Raises:
            InputError: With line, key path and the nearest valid name; the others of
                several mistakes are its `others`.
        """
        errors = list(validator.iter_errors(self.value))
        if errors:
            raise joined(
                self.at(*one.path).error(
                    one.message, nearest=one.nearest, missing=one.missing
                )
                for one in explain(self.value, errors)
            )

    def error(
        self, message: str, *, nearest: str | None = None, missing: str | None = None
    ) -> InputError:
        """Return an error about this value.

        Args:
            message: What was expected, and what is there instead.
            nearest: The nearest valid name.
            missing: The key that is missing in this mapping, which is right otherwise.
        """
        error = InputError(message, at=self, nearest=nearest)
        if missing is not None:
            error.place = self.at(missing)
        return error
