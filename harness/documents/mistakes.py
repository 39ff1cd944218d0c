"""A collection of all mistakes of a document, not only the first.

The nodes of a document share one collection. A reader lets each part add what is wrong
with it, and raises all of it together::

    root = load(text, source=source, mistakes=Mistakes())
    with root.mistakes:
        root.check(validator)
    client = root.at("client").read(read_client)
    limits = root.at("limits").read(read_limits)
    root.mistakes.raise_any()
    return Plan(client, limits)

One mistake is reported once: a part in which something is wrong already is not read
again, and a mistyped key counts as the key that it was meant to be.
"""

from __future__ import annotations

from collections import defaultdict
from types import TracebackType

from harness.documents.schema_errors import Path
from harness.errors import InputError, joined

__all__ = ["Mistakes"]


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
            path: Path | None = getattr(one.place, "path", None)
            if one.place is None or path is None:
                continue
            source = one.place.source
            self._wrong.add((source, path))
            self._around.update((source, path[:depth]) for depth in range(len(path)))
            if path and one.nearest is not None:
                self._meant[source, path[:-1]].add(one.nearest)

    def none_in(self, source: str, path: Path) -> bool:
        """Return whether a value is not known to be wrong, nor a part of it.

        What is inside a wrong value is wrong as well.
        """
        return not self._found or not (
            (source, path) in self._around
            or any(
                (source, path[:depth]) in self._wrong for depth in range(len(path) + 1)
            )
        )

    def meant_in(self, source: str, path: Path) -> set[str]:
        """Return the keys that mistyped keys of a mapping are meant to be."""
        return self._meant.get((source, path), set())

    def raise_any(self) -> None:
        """Raise all mistakes that were collected as one error.

        Raises:
            InputError: There is at least one.
        """
        if self._found:
            raise joined(self._found)
