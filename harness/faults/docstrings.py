"""The parser of faults' docstrings, which are also the help texts of the faults.

Docstrings are in Google style. A parameter's text may end in a list with one point
(``- ``) for each option; the section ``Oracle:`` says what a correct proxy must do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent

__all__ = ["FaultDoc", "parse_docstring"]

_SECTION = re.compile(r"^(Args|Oracle|Raises|Returns|Yields|Example|Examples):$")
_ITEM = re.compile(r"^(\w+): (.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultDoc:
    """The docstring of a fault, by section.

    Attributes:
        summary: The first line.
        body: The paragraphs after the summary.
        parameters: The lines about each parameter, by name.
        oracle: What a correct proxy must do, in one paragraph.
    """

    summary: str
    body: tuple[str, ...]
    parameters: Mapping[str, tuple[str, ...]]
    oracle: str


def parse_docstring(text: str) -> FaultDoc:
    """Parse a docstring that is already dedented (`inspect.getdoc`)."""
    summary, _, rest = text.partition("\n")
    sections = dict(_sections(rest.splitlines()))
    return FaultDoc(
        summary=summary.strip(),
        body=tuple(_paragraphs(sections.get("", []))),
        parameters=dict(_items(sections.get("Args", []))),
        oracle=" ".join(_paragraphs(sections.get("Oracle", []))),
    )


def _sections(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    title = ""
    held: list[str] = []
    for line in lines:
        if match := _SECTION.match(line):
            yield title, held
            title, held = match[1], []
        else:
            held.append(line)
    yield title, held


def _items(lines: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield name and text of each item; indented lines belong to the item above."""
    name = ""
    held: list[str] = []
    for line in dedent("\n".join(lines)).splitlines():
        match = _ITEM.match(line)
        if match is None:
            held.append(line)
            continue
        if name:
            yield name, tuple(_item_lines(held))
        name, held = match[1].removesuffix("_"), [match[2]]
    if name:
        yield name, tuple(_item_lines(held))


def _item_lines(lines: Sequence[str]) -> Iterator[str]:
    """Yield the text of an item as one line, and each point of its list as one line."""
    yield from _paragraphs([lines[0], *dedent("\n".join(lines[1:])).splitlines()])


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Join the lines of each paragraph; a ``-`` begins a paragraph too."""
    held: list[str] = []
    for line in [*map(str.strip, lines), ""]:
        if held and (not line or line.startswith("- ")):
            yield " ".join(held)
            held = []
        if line:
            held.append(line)
