"""A collection of all mistakes of a document, not only the first.

A reader of a document collects what is wrong with each part, and raises it together::

    mistakes = Mistakes()
    root = load(text, source=source, mistakes=mistakes)
    with mistakes:
        root.check(validator)
    client = mistakes.read(root.at("client"), read_client)
    limits = mistakes.read(root.at("limits"), read_limits)
    mistakes.raise_any()
    return Plan(client, limits)

One mistake is reported once: a part in which something is wrong already is not read
again, and a mistyped key counts as the key that it was meant to be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from harness.documents.node import Node, Path
from harness.errors import InputError, joined

__all__ = ["Mistakes"]

P = ParamSpec("P")
R = TypeVar("R")


class Mistakes:
    """A collection of the mistakes of one document or of several."""

    def __init__(self) -> None:
        self._found: list[InputError] = []
        # Source and path of the values that are wrong, and of those around them.
        self._wrong: set[tuple[str, Path]] = set()
        self._around: set[tuple[str, Path]] = set()
        self._meant: defaultdict[tuple[str, Path], set[str]] = defaultdict(set)

    def __enter__(self) -> None:
        """Collect the error that the block raises."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, InputError):
            return False
        self.add(error)
        return True

    def add(self, error: InputError) -> None:
        """Collect an error, and the others that it carries."""
        for one in error.all:
            self._found.append(one)
            if not isinstance(one.place, Node):
                continue
            source, path = one.place.source, one.place.path
            self._wrong.add((source, path))
            self._around.update((source, path[:depth]) for depth in range(len(path)))
            if path and one.nearest is not None:
                self._meant[source, path[:-1]].add(one.nearest)

    def none_in(self, node: Node) -> bool:
        """Return whether a value is not known to be wrong, nor a part of it.

        What is inside a wrong value is wrong as well.
        """
        source, path = node.source, node.path
        return not self._found or not (
            (source, path) in self._around
            or any(
                (source, path[:depth]) in self._wrong for depth in range(len(path) + 1)
            )
        )

    def keys(self, node: Node) -> set[str]:
        """Return the keys of a mapping, with those that mistyped ones are meant to be.

        A value that is no mapping has none.
        """
        return {*node.mapping, *self._meant.get((node.source, node.path), ())}

    def read(
        self,
        node: Node,
        reader: Callable[Concatenate[Node, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return what a reader makes of a node, and collect the error that it raises.

        A node that is missing, or has a known mistake, is not read: the result is None.
        Where this is not of the promised type, there is a mistake, and `raise_any`
        raises before anything is built with the result.
        """
        result: Any = None
        if node.value is not None and self.none_in(node):
            with self:
                result = reader(node, *args, **kwargs)
        return cast("R", result)

    def raise_any(self) -> None:
        """Raise all mistakes that were collected as one error.

        Raises:
            InputError: There is at least one.
        """
        if self._found:
            raise joined(self._found)
