"""Pickled relays, from which each fork of a play makes its own relay.

It is ``pickle``, but classes and members of enumerations are kept by reference: looking
them up by name would take half of the time of an unpickling.
"""

from __future__ import annotations

import io
import pickle
from enum import Enum
from typing import Any, NamedTuple

__all__ = ["Pickled", "pickled", "unpickled"]


class Pickled(NamedTuple):
    """A value, pickled.

    Attributes:
        data: The bytes.
        references: Classes and members, by the number in the bytes.
    """

    data: bytes
    references: tuple[type | Enum, ...]


def pickled(value: Any) -> Pickled:
    """Pickle a value as it is now.

    Raises:
        Exception: Whatever `pickle` or the value's own methods raise.
    """
    file = io.BytesIO()
    pickler = _Pickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.dump(value)
    return Pickled(file.getvalue(), tuple(pickler.references))


def unpickled(value: Pickled) -> Any:
    """Return a new copy of the value that was pickled."""
    # The bytes are our own, made a moment ago.
    unpickler = pickle.Unpickler(io.BytesIO(value.data))  # noqa: S301 - see above
    # In place of a method, which would be a Python call for each of them.
    unpickler.persistent_load = value.references.__getitem__  # type: ignore[method-assign]
    return unpickler.load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, protocol: int) -> None:
        super().__init__(file, protocol)
        self.references: list[type | Enum] = []
        self._numbers: dict[int, int] = {}

    def persistent_id(self, value: Any) -> int | None:
        if not isinstance(value, type | Enum):
            return None
        # By identity: members of two enumerations may be equal, as numbers are.
        number = self._numbers.setdefault(id(value), len(self.references))
        if number == len(self.references):
            self.references.append(value)
        return number
