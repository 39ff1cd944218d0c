"""Writes the results of the SDKs as a page for people: docs/clients.md."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.reporting.escaping import code_span
from scripts.clients.reading import READ_TIMEOUT_S, Grade, grade, worse
from scripts.clients.shapes import Shape
from scripts.clients.testbed import DIRECTLY, PATIENCE_S, WAYS, Readings

__all__ = ["Column", "page", "worse_ones"]

_TEXT_MAX = 24

_HEAD = """\
# What clients experience

<!-- Written by `python -m scripts.clients`; do not edit. -->

Clients that many programs are built on read {shapes} shapes of an answer from the replaying upstream: directly, and through both architectures of the reference proxy, each in a process of its own.
The clients do not retry, and give up after {timeout:g} s; the proxies wait {patience:g} s for an upstream, including retries.
`tests/e2e/clients` checks two things.
Directly, an SDK does what the tables in `tests/data/clients` say; these were measured separately, on other servers, so the shapes are those that clients really meet.
Through v2 it never does worse than directly.

`python -m scripts.clients` measures again and writes this page; the clients in JavaScript need Node.js and `npm install --prefix scripts/clients/node`.

Measured on {date} with Python {python}: {versions}.

## How well a client is served

From best to worst; a reported failure is better than a silent one, because a success must be worth something.

| Grade | Meaning |
| --- | --- |
| right | no error, and everything that the server meant: text, tool calls, finish_reason |
| told | an error, and before it only what was meant, in order |
| hang | the same, but the client's own timeout had to end it |
| garbled | an error, and before it something that the server did not mean |
| silent | no error and no finish_reason, and something is missing, perhaps only the end |
| false | no error, a finish_reason, and something is missing or wrong |

*Worse* is a lower grade, or less text with the same grade; a changed status; a request that the SDK would have retried and now does not; loss of the server's error message.
A stream that the server did not finish is never right.
"""  # noqa: E501 - prose, one sentence a line

_REPEATS = """\
## Requests that reach the upstream

SDKs retry by themselves, and so does v2; the retries multiply.
Here {version} retries as it does by default, up to twice, and v2 also up to twice; `STREAMING_RETRIES=0` leaves retries to the SDK.
If a kept connection closes in place of an answer, it may have been stale; then the proxy makes the attempt once more, on a new connection.
After the head no retry is allowed: text would arrive twice, and be paid for twice.

"""  # noqa: E501 - as above

_WORDS = {way: f"through {way}" for way in WAYS} | {DIRECTLY: "directly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The results of one SDK.

    Attributes:
        sdk: Its name in the tables.
        version: Its name and version.
        shapes: The shapes that it read.
        readings: Its reading of each shape by each way.
    """

    sdk: str
    version: str
    shapes: Sequence[Shape]
    readings: Readings

    def grade(self, shape: Shape, way: str) -> Grade:
        """Return the grade of its reading of a shape by one way."""
        return grade(self.readings[shape.name][way], shape.meant_for(self.sdk))

    def why_worse(self, shape: Shape, way: str) -> str | None:
        """Return why it did worse by one way than directly; None: it did not."""
        read = self.readings[shape.name]
        return worse(read[way], read[DIRECTLY], shape.meant_for(self.sdk))


def page(columns: Sequence[Column], repeats: Column) -> str:
    """Return the page as Markdown.

    Args:
        columns: Results of the SDKs.
        repeats: Results of a client that retries.
    """
    parts = [
        _HEAD.format(
            shapes=len({shape.name for column in columns for shape in column.shapes}),
            timeout=READ_TIMEOUT_S,
            patience=PATIENCE_S,
            date=datetime.now(UTC).date(),
            python=".".join(str(part) for part in sys.version_info[:3]),
            versions=", ".join(column.version for column in columns),
        ),
        _grades(columns),
        _requests(repeats),
    ]
    parts += [_matrix(column) for column in columns]
    return "\n".join(parts)


def worse_ones(columns: Sequence[Column], way: str) -> list[str]:
    """Return a line for each shape with which a client does worse than directly.

    Shapes that the table excuses are left out.

    Args:
        columns: Results of the SDKs.
        way: Name of the way.
    """
    return [
        f"{column.version}: {shape.name} through {way}: {why}"
        for column in columns
        for shape in column.shapes
        if (why := column.why_worse(shape, way)) is not None
        and column.sdk not in shape.excused
    ]


def _grades(columns: Sequence[Column]) -> str:
    order = sorted(Grade, reverse=True)
    rows = []
    for column in columns:
        for way in WAYS:
            count = Counter(column.grade(shape, way) for shape in column.shapes)
            compared = _compared(column, way) if way != DIRECTLY else ("", "")
            counted = [count[one] or "." for one in order]
            rows.append([column.version, _WORDS[way], *counted, *compared])
    heads = ["client", "way", *(one.name.lower() for one in order), "better", "worse"]
    return "## In numbers\n\n" + _table(rows, heads)


def _requests(repeats: Column) -> str:
    rows = [
        [
            f"`{shape.name}` {shape.what}",
            *(repeats.readings[shape.name][way].requests for way in WAYS),
        ]
        for shape in repeats.shapes
    ]
    heads = ["shape", *(_WORDS[way] for way in WAYS)]
    return _REPEATS.format(version=repeats.version) + _table(rows, heads)


def _compared(column: Column, way: str) -> tuple[int, int]:
    """Return the numbers of shapes with better and worse readings than directly."""
    better = sum(
        column.grade(shape, way) > column.grade(shape, DIRECTLY)
        for shape in column.shapes
    )
    worse = sum(column.why_worse(shape, way) is not None for shape in column.shapes)
    return better, worse


def _matrix(column: Column) -> str:
    rows = [
        [f"`{shape.name}` {shape.what}", *(_cell(column, shape, way) for way in WAYS)]
        for shape in column.shapes
    ]
    heads = ["shape", *(_WORDS[way] for way in WAYS)]
    excuses = [
        f"- `{shape.name}`: {shape.excused[column.sdk]}\n"
        for shape in column.shapes
        if column.sdk in shape.excused
    ]
    listed = "\nWorse on purpose:\n\n" + "".join(excuses) if excuses else ""
    return f"## {column.version}\n\n{_table(rows, heads)}{listed}"


def _cell(column: Column, shape: Shape, way: str) -> str:
    graded = column.grade(shape, way)
    if graded is Grade.RIGHT:
        return "right"
    reading = column.readings[shape.name][way]
    read = reading.text or " ".join(reading.tools.values())
    cut = read if len(read) <= _TEXT_MAX else f"{read[:_TEXT_MAX]}…"
    words = [
        graded.name.lower(),
        code_span(cut) if cut else "no text",
        reading.finish or "",
        reading.error or "",
    ]
    cell = ", ".join(word for word in words if word)
    why = column.why_worse(shape, way) if way != DIRECTLY else None
    return cell if why is None else f"{cell}<br>**worse**: {why}"


def _table(rows: Sequence[Sequence[object]], heads: Sequence[str]) -> str:
    # Not padded: one longer cell would change every line of the page.
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
