"""The output of a target, as a file that grows.

It is a file, not a pipe: nothing has to be read while streams are timed, and a target
that logs much is never held up.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["TargetOutput"]

_TAIL_BYTES = 16_384


class TargetOutput:
    """What a target wrote to its standard output and error.

    Args:
        path: The file, which is made here; None: the output cannot be seen.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            path.touch()

    def mark(self) -> int:
        """Return the present size of the output, for `since`."""
        return 0 if self._path is None else self._path.stat().st_size

    def since(self, mark: int = 0) -> tuple[str, ...]:
        """Return the whole lines written after ``mark``."""
        if self._path is None:
            return ()
        with self._path.open("rb") as file:
            file.seek(mark)
            data = file.read()
        whole, _, _ = data.rpartition(b"\n")
        return tuple(_text(line) for line in whole.split(b"\n")) if whole else ()

    def tail(self, count: int) -> tuple[str, ...]:
        """Return the last lines, an unfinished one included."""
        if self._path is None:
            return ()
        with self._path.open("rb") as file:
            file.seek(max(0, self.mark() - _TAIL_BYTES))
            lines = file.read().splitlines()
        return tuple(_text(line) for line in lines[-count:])


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")
