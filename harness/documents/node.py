"""A value of a document, with its place there, for whoever reads documents.

A reader takes one node and asks it for the nodes inside; an error takes the node that
it is about, which knows file, line and key::

    def read_pause(client: Node) -> Pause:
        pause = client.at("read", "pause")
        if pause.value["after_bytes"] < 0:
            raise InputError("expected no negative number", at=pause.at("after_bytes"))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator

from harness.documents.schema_errors import Path, explain
from harness.errors import InputError
from harness.printable import one_line

__all__ = ["Node", "Origin", "Path"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document was read from, for messages.

    Attributes:
        source: The file's name.
        line: The line that the whole document is; None: it is not one line.
    """

    source: str
    line: int | None = None

    def line_of(self, path: Path) -> int | None:  # noqa: ARG002 - others look there
        """Return the one-based line of the value at a place, where one is known."""
        return self.line


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document and its place there.

    Attributes:
        value: Mappings, lists, text, numbers, booleans and None; None also where
            nothing stands at this place.
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
        """The one-based line, where one is known."""
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
        """The key of a mapping under which the value stands."""
        return str(self.path[-1])

    def at(self, *steps: str | int) -> Node:
        """Return the node at a place inside, whether or not something stands there."""
        value = self.value
        for step in steps:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                value = None
        return Node(value, self.origin, (*self.path, *steps))

    def __iter__(self) -> Iterator[Node]:
        """Yield the nodes of a mapping's values or of a list's entries."""
        inside = self.value or ()
        steps = inside if isinstance(inside, dict) else range(len(inside))
        return (self.at(step) for step in steps)

    def check(self, validator: Draft202012Validator) -> None:
        """Hold the value against a JSON Schema.

        Of several errors an unknown key is told first (a mistyped key is also a missing
        one), missing keys last, and the others in the order of the text.

        Raises:
            InputError: With line, key path and the nearest valid name.
        """
        errors = list(validator.iter_errors(self.value))
        if errors:
            message, path, nearest = explain(self.value, errors)
            raise InputError(message, at=self.at(*path), nearest=nearest)
