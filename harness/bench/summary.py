"""The figures of a bench: from runs to rows, and to JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.bench.live import MeasuredRun, Spawn
from harness.bench.memory import RelayFigures
from harness.statistics import Ratio, Ruling, nearest_rank, ratio_of, rule
from harness.units import NS_PER_MS, NS_PER_S

__all__ = ["LIMITS", "Row", "live_rows", "relay_rows", "rows_as_json", "rulings"]

LIMITS: Mapping[str, float] = {"CPU per event": 1.20, "memory, peak": 1.30}
"""How much more the candidate may cost, as ratios: what users accept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of every target.

    Attributes:
        values: The median of every target; None: not known.
        ratios: For every target except the first, its ratio to the first.
    """

    name: str
    unit: str
    values: Mapping[str, float | None]
    ratios: Mapping[str, Ratio | None]


def relay_rows(figures: Sequence[RelayFigures]) -> list[Row]:
    """Return the figures of relays alone; their rounds are one spawn."""
    series: list[tuple[str, str, Callable[[RelayFigures], Sequence[float]]]] = [
        ("events per second", "1/s", lambda one: [1e9 / ns for ns in one.wall_ns]),
        ("time per event", "us", lambda one: [ns / 1e3 for ns in one.wall_ns]),
        ("CPU per event", "us", lambda one: [ns / 1e3 for ns in one.cpu_ns]),
        ("to the first text", "us", lambda one: [ns / 1e3 for ns in one.first_ns]),
        ("allocated, peak", "kB", lambda one: [one.peak_bytes / 1e3]),
        ("allocated, kept", "kB", lambda one: [one.kept_bytes / 1e3]),
        ("an open stream", "kB", lambda one: [one.open_bytes / 1e3]),
    ]
    base = figures[0]
    rows = []
    for name, unit, get in series:
        rows.append(
            Row(
                name=name,
                unit=unit,
                values={one.name: statistics.median(get(one)) for one in figures},
                ratios={
                    one.name: _paired_ratio([get(one)], [get(base)])
                    for one in figures[1:]
                },
            )
        )
    return rows


def live_rows(
    spawns: Sequence[Spawn], names: Sequence[str], *, streams: int, paced: bool
) -> list[Row]:
    """Return the figures of live runs.

    Args:
        spawns: What was measured.
        names: The targets; the first is the baseline.
        streams: Streams at the same time.
        paced: Whether events had a pace: then their age at the client says something
            about the target, and events per second do not.
    """
    series: list[tuple[str, str, Callable[[MeasuredRun], float | None]]] = [
        ("CPU per event", "us", _cpu_us),
        ("TTFT p50", "ms", lambda run: _ms(run.result.ttft_ns, 0.5)),
        ("TTFT p99", "ms", lambda run: _ms(run.result.ttft_ns, 0.99)),
        ("memory, idle", "MB", lambda run: _mb(run.idle_bytes)),
        ("memory, peak", "MB", lambda run: _mb(run.peak_bytes)),
    ]
    if paced:
        series[1:1] = [
            ("age of an event p50", "ms", lambda run: _ms(run.result.delay_ns, 0.5)),
            ("age of an event p99", "ms", lambda run: _ms(run.result.delay_ns, 0.99)),
        ]
    else:
        series[0:0] = [
            ("events per second", "1/s", _events_per_s),
            ("time per event", "us", lambda run: 1e6 / _events_per_s(run)),
        ]
    rows = [_live_row(name, unit, get, spawns, names) for name, unit, get in series]
    rows.append(_per_stream(spawns, names, streams))
    return rows


def rulings(rows: Sequence[Row], candidate: str) -> dict[str, tuple[Ratio, Ruling]]:
    """Compare the candidate's ratios with `LIMITS`."""
    found = {}
    for row in rows:
        ratio = row.ratios.get(candidate)
        if row.name in LIMITS and ratio is not None:
            found[row.name] = (ratio, rule(ratio, LIMITS[row.name]))
    return found


def rows_as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows for JSON; an unknown bound is null."""
    return [
        {
            "figure": row.name,
            "unit": row.unit,
            "values": dict(row.values),
            "ratios": {
                name: None
                if ratio is None
                else {
                    "value": ratio.value,
                    "low": ratio.low or None,
                    "high": ratio.high if math.isfinite(ratio.high) else None,
                }
                for name, ratio in row.ratios.items()
            },
        }
        for row in rows
    ]


def _live_row(
    name: str,
    unit: str,
    get: Callable[[MeasuredRun], float | None],
    spawns: Sequence[Spawn],
    names: Sequence[str],
) -> Row:
    by_name = {one: [_values(spawn[one], get) for spawn in spawns] for one in names}
    base = by_name[names[0]]
    return Row(
        name=name,
        unit=unit,
        values={one: _median(found) for one, found in by_name.items()},
        ratios={one: _paired_ratio(by_name[one], base) for one in names[1:]},
    )


def _per_stream(spawns: Sequence[Spawn], names: Sequence[str], streams: int) -> Row:
    """Return what a stream adds: in each spawn, highest peak minus first idle value."""

    def added(runs: Sequence[MeasuredRun]) -> float | None:
        idle, peaks = runs[0].idle_bytes, [run.peak_bytes for run in runs]
        if idle is None or None in peaks:
            return None
        return (max(peak or 0 for peak in peaks) - idle) / streams / 1e3

    values = {one: [added(spawn[one]) for spawn in spawns] for one in names}
    return Row(
        name="memory per stream",
        unit="kB",
        values={one: _median([_known(found)]) for one, found in values.items()},
        ratios=dict.fromkeys(names[1:]),
    )


def _values(
    runs: Sequence[MeasuredRun], get: Callable[[MeasuredRun], float | None]
) -> list[float]:
    return _known([get(run) for run in runs])


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _median(spawns: Sequence[Sequence[float]]) -> float | None:
    found = [value for spawn in spawns for value in spawn]
    return statistics.median(found) if found else None


def _paired_ratio(
    arm: Sequence[Sequence[float]], base: Sequence[Sequence[float]]
) -> Ratio | None:
    """Pair the rounds of two targets; None where one of them has no figure, or zero."""
    spawns = []
    for mine, its in zip(arm, base, strict=True):
        if not mine or len(mine) != len(its) or min(*mine, *its, 1.0) <= 0:
            return None
        spawns.append([one / other for one, other in zip(mine, its, strict=True)])
    return ratio_of(spawns)


def _cpu_us(run: MeasuredRun) -> float | None:
    return None if run.cpu_s is None else run.cpu_s * 1e6 / run.result.events


def _events_per_s(run: MeasuredRun) -> float:
    return run.result.events * NS_PER_S / run.result.wall_ns


def _ms(values: Sequence[int], share: float) -> float:
    return nearest_rank(sorted(values), share) / NS_PER_MS if values else 0.0


def _mb(value: int | None) -> float | None:
    return None if value is None else value / 1e6
