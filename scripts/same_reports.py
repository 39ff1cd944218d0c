"""Tells whether two reports are equal, apart from prose and measurements.

For changes that must not change behaviour: play the same with the version before and
the version after, and compare the two documents:

    python scripts/same_reports.py before/report.json after/report.json

It reads the documents of ``harness compare``, with or without a sweep, and of
``harness stutter``. These must be equal: verdicts, gates, kinds, severities, places,
figures, counts and bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VOLATILE = "volatile"
"""The key of everything that differs between two equal runs."""

PROSE = frozenset(
    {
        "detail",  # of a gap
        "doubts",  # about stutter detection
        "expected",  # of a violation; its kind, place and figures are compared
        "got",
        "liberties",  # choices of a target, in words
        "notes",  # of faults: their changes
        "reason",
        "reasons",
        "what",
        "why",
        "why_not",
    }
)
"""Keys whose values are sentences for people."""

SHOWN_MAX = 20


def differences(one: Any, two: Any, place: str = "") -> Iterator[str]:
    """Yield every place at which two documents differ, with both values."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted(one.keys() | two.keys()):
            if key in PROSE or key == VOLATILE:
                continue
            if key not in one or key not in two:
                where = "first" if key in one else "second"
                yield f"{place}.{key}: only in the {where}"
            else:
                yield from differences(one[key], two[key], f"{place}.{key}")
    elif isinstance(one, list) and isinstance(two, list):
        if len(one) != len(two):
            yield f"{place}: {len(one)} entries, {len(two)} in the second"
        for index, pair in enumerate(zip(one, two, strict=False)):
            yield from differences(*pair, f"{place}[{named(pair[0], index)}]")
    elif one != two or type(one) is not type(two):
        yield f"{place}: {one!r}, {two!r} in the second"


def named(entry: Any, index: int) -> str:
    """Return the name of a list's entry, such as a scenario's id, or its index."""
    if isinstance(entry, dict) and "id" in entry:
        return " ".join(str(entry[key]) for key in ("id", "mode") if key in entry)
    return str(index)


def leaves(value: Any) -> int:
    """Return the number of values in a document that are compared."""
    if isinstance(value, dict):
        kept = (value[key] for key in value if key not in PROSE and key != VOLATILE)
        return sum(map(leaves, kept))
    return sum(map(leaves, value)) if isinstance(value, list) else 1


def main(first: str, second: str) -> int:
    """Compare two files; return 0 if they are equal, or else 1."""
    one, two = (json.loads(Path(path).read_bytes()) for path in (first, second))
    found = list(differences(one, two))
    for line in found[:SHOWN_MAX]:
        print(line)
    if found:
        print(f"{len(found)} differences")
        return 1
    print(f"equal: {leaves(one)} values")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
