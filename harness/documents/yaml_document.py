"""YAML documents that know the line of each value.

Every file that a person writes (scenario, cassette, configuration) is read here, and
every mistake is reported the same way: file, line, key, what was expected, what it got.

The reader accepts the part of YAML 1.2 that JSON can say as well: mappings with text as
keys, lists, text, finite numbers, true, false, null. So ``off`` and ``2027-06-30`` are
text and ``1e3`` is a number, unlike in YAML 1.1. Repeated keys, tags and aliases are
refused; an alias can make a small file a huge value.

The text is read event by event: the composer of the C loader recurses, and 200,000
opening brackets end the interpreter (measured with PyYAML 6.0.3).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from harness.documents.mistakes import Mistakes
from harness.documents.node import Node, Origin
from harness.documents.schema_errors import Path, shown
from harness.errors import InputError
from harness.printable import cut, one_line

__all__ = ["Document", "load"]

_DEPTH_MAX = 100
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# YAML 1.2.2, section 10.3 (core schema), without octal, hex, infinity and NaN.
_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Origin):
    """A YAML text that knows the line of each of its values."""

    text: str = field(repr=False)
    _lines: dict[Path, int] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def line_of(self, path: Path) -> int | None:
        """Return the one-based line of a value, or of the nearest value around it.

        The line of a mapping's value is that of its key. The text is read again for
        the first call, which only errors make.

        Args:
            path: Where the value is; it may lead on to a value that is missing.

        Returns:
            The line; None if the document is empty.
        """
        if not self._lines:
            for place, line in _places(_events(self.text, self.source)):
                self._lines[place] = line
        around = (path[:depth] for depth in range(len(path), -1, -1))
        return next((self._lines[at] for at in around if at in self._lines), None)


def load(text: str, *, source: str, mistakes: Mistakes | None = None) -> Node:
    """Read a YAML text.

    Args:
        text: One YAML document.
        source: The file's name, for messages.
        mistakes: Gets the keys that are there twice, so that the rest of the file is
            checked as well; None: they are raised.

    Returns:
        The root.

    Raises:
        InputError: The text is empty or not YAML, repeats a key, or has tags, aliases,
            or keys that are not text.
    """
    found = Mistakes() if mistakes is None else mistakes
    builder = _Builder(source, found)
    complete = False
    with found:
        for event in _events(text, source):
            builder.take(event)
        if not builder.root:
            raise InputError("expected a YAML document, got nothing", source=source)
        complete = True
    if mistakes is None or not complete:
        found.raise_any()
    return Node(builder.root[0], Document(source=source, text=text, mistakes=found))


def _events(text: str, source: str) -> Iterator[yaml.Event]:
    """Yield the events of one document; broken YAML becomes an `InputError`."""
    documents = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                message = "expected one YAML document, got a second one"
                raise InputError(message, source=source, line=_line(event))
            yield event
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        parts = (error.context, error.problem)
        message = "not YAML: " + ", ".join(part for part in parts if part)
        if "nesting depth" in message:
            # A limit of newer versions of libyaml, which looks ahead of the events.
            message = f"nested deeper than {_DEPTH_MAX} levels"
        line = mark.line + 1 if mark else None
        raise InputError(cut(message, 200), source=source, line=line) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise _unreadable(text, source, error) from None


# What a YAML text may hold (YAML 1.2.2, section 5.1), as PyYAML reads it.
_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def _unreadable(text: str, source: str, error: Exception) -> InputError:
    found = _FORBIDDEN.search(text)
    if not found:
        return InputError(cut(f"not YAML: {error}", 200), source=source)
    line = text.count("\n", 0, found.start()) + 1
    message = (
        f"not YAML: the character U+{ord(found[0]):04X} must be escaped, in "
        "double quotes"
    )
    return InputError(message, source=source, line=line)


class _Builder:
    """Builds the value of a document from its events, without recursion."""

    def __init__(self, source: str, mistakes: Mistakes) -> None:
        self.root: list[Any] = []
        self._source = source
        self._mistakes = mistakes
        self._inside: list[Any] = [self.root]
        # The key that waits for its value, for each mapping that is open.
        self._keys: list[str | None] = [None]

    def take(self, event: yaml.Event) -> None:
        """Read the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open(event, {})
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open(event, [])
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._inside.pop()
            self._keys.pop()
        elif isinstance(event, yaml.AliasEvent):
            message = "aliases (*name) are not supported: write the value out"
            raise self._error(event, message)

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        self._check_tag(event)
        inside = self._inside[-1]
        if isinstance(inside, list):
            inside.append(_scalar(event))
        elif (key := self._keys[-1]) is None:
            if event.value in inside:
                key = one_line(event.value)
                self._mistakes.add(self._error(event, "the key is there twice", key))
            self._keys[-1] = event.value
            inside[event.value] = None
        else:
            inside[key] = _scalar(event)
            self._keys[-1] = None

    def _open(self, event: yaml.CollectionStartEvent, value: Any) -> None:
        self._check_tag(event)
        if len(self._inside) > _DEPTH_MAX:
            raise self._error(event, f"nested deeper than {_DEPTH_MAX} levels")
        inside = self._inside[-1]
        if isinstance(inside, list):
            inside.append(value)
        elif (key := self._keys[-1]) is None:
            message = "expected text as key, got a list or a mapping"
            raise self._error(event, message)
        else:
            inside[key] = value
            self._keys[-1] = None
        self._inside.append(value)
        self._keys.append(None)

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            raise self._error(event, f"tags are not supported, got {shown(event.tag)}")

    def _error(
        self, event: yaml.Event, message: str, key: str | None = None
    ) -> InputError:
        line = _line(event)
        return InputError(message, source=self._source, line=line, key=key)


def _line(event: yaml.Event) -> int | None:
    mark = event.start_mark
    return mark.line + 1 if mark else None


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = event.value
    if not event.implicit[0]:  # quoted, or a block
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _places(events: Iterable[yaml.Event]) -> Iterator[tuple[Path, int]]:
    """Yield every value's path and line, in the order of the text."""
    steps: list[str | int] = []  # into each open container
    mappings: list[bool] = []
    key_line: int | None = None
    for event in events:
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            steps.pop()
            mappings.pop()
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            line = _line(event) or 0
            if mappings and mappings[-1] and key_line is None:
                steps[-1] = event.value if isinstance(event, yaml.ScalarEvent) else ""
                key_line = line
                continue
            if mappings and not mappings[-1]:
                steps[-1] = int(steps[-1]) + 1
            yield tuple(steps), key_line or line
            key_line = None
            if isinstance(event, yaml.CollectionStartEvent):
                steps.append(-1)
                mappings.append(isinstance(event, yaml.MappingStartEvent))
