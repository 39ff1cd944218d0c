"""A bench for people, as tables for a terminal, and for programs, as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from harness.bench.conclusions import BenchPart, bounds
from harness.bench.summary import Row, rows_as_json
from harness.printable import printable

__all__ = ["bench_as_json", "bench_lines"]


def bench_lines(
    parts: Sequence[BenchPart], machine: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a bench for a terminal.

    Args:
        parts: What was measured.
        machine: Where (`harness.reporting.environment.environment`).
    """
    for part in parts:
        names = list(part.rows[0].values)
        first, *others = names
        headers = ["figure", "unit", *names, *(f"{one}/{first}" for one in others)]
        table = [
            [
                row.name,
                row.unit,
                *(_value(row.values[name]) for name in names),
                *(_ratio(row, name) for name in others),
            ]
            for row in part.rows
        ]
        yield ""
        yield printable(part.title)
        for line in tabulate(table, headers, disable_numparse=True).splitlines():
            yield printable(line)
        for words in part.conclusions.words:
            yield printable(f"  {words}")
    load = machine["load_average"]
    shown = " ".join(f"{one:.2f}" for one in load) if load else "unknown"
    yield ""
    yield (
        f"{machine['python']}, {machine['cores']} cores, load average {shown}; "
        "ratios are medians of paired runs; [bounds] are one-sided, 95 %, over spawns"
    )


def bench_as_json(
    parts: Sequence[BenchPart], machine: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a bench as JSON has it; arguments as above."""
    return {
        "machine": machine,
        "parts": [
            {
                "title": part.title,
                "figures": rows_as_json(part.rows),
                "verdicts": list(part.conclusions.words),
            }
            for part in parts
        ],
    }


def _value(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _ratio(row: Row, name: str) -> str:
    ratio = row.ratios.get(name)
    return "-" if ratio is None else bounds(ratio)
