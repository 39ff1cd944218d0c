"""``harness bench``: what the targets cost, side by side."""

from __future__ import annotations

import asyncio
import json
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from tabulate import tabulate

from harness.bench.live import Spawn, bench_live
from harness.bench.memory import RelayArm, bench_relays
from harness.bench.summary import (
    LIMITS,
    Row,
    live_rows,
    relay_rows,
    rows_as_json,
    rulings,
)
from harness.bench.workload import Workload
from harness.cli.options import config_option
from harness.cli.signals import cancel_on_signals
from harness.config import Config, Target, read_config
from harness.errors import InputError, InterruptedRunError
from harness.play.virtual.relays import load_relay
from harness.printable import printable
from harness.reporting.environment import environment
from harness.statistics import Ratio, Ruling

__all__ = ["bench"]

_CONTROL = "control"
_FULL_RATE = "50x4000"
_PACED = "200x20x4"

_CODES = {Ruling.PASS: 0, Ruling.FAIL: 1, Ruling.INCONCLUSIVE: 3}

_RELAY_EVENTS = 2000
_RELAY_ROUNDS = 15

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?")
_MOST_STREAMS = 5000
_MOST_EVENTS = 50_000_000

_EXAMPLES = """\b
Examples:
  harness bench                               v1 beside v2, about three minutes
  harness bench --memory                      the relays alone, seconds
  harness bench --paced 500x20x60 --spawns 1  500 streams, 20 events/s, a minute
  harness bench --target v1 --target v2 --target nginx --json figures.json

\b
Exit codes:
  0 within the limits   1 above a limit, or events were lost
  2 usage or configuration   3 inconclusive   4 the machine cannot judge now
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _NamedWorkload:
    """A live load with its name in the tables."""

    title: str
    workload: Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class _BenchPart:
    """What one part showed.

    Attributes:
        title: What was done.
        rows: The figures.
        verdicts: What follows for the exit code, in words.
        codes: The exit codes they stand for.
    """

    title: str
    rows: Sequence[Row]
    verdicts: Sequence[str] = ()
    codes: Sequence[int] = ()


@click.command(epilog=_EXAMPLES, short_help="Measure what targets cost, side by side.")
@config_option
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Which, the first being what the others are held against; "
    "default: baseline and candidate. Repeatable.",
)
@click.option("--memory", is_flag=True, help="Only the relays, in this process.")
@click.option(
    "--full-rate",
    is_flag=False,
    flag_value=_FULL_RATE,
    metavar="STREAMSxEVENTS",
    help=f"Live, events as fast as they are taken.  [{_FULL_RATE}]",
)
@click.option(
    "--paced",
    is_flag=False,
    flag_value=_PACED,
    metavar="STREAMSxRATExSECONDS",
    help=f"Live, so many events a second of each stream.  [{_PACED}]",
)
@click.option(
    "--spawns",
    type=click.IntRange(1, 50),
    default=4,
    show_default=True,
    help="Sets of fresh processes; bounds of a ratio need two.",
)
@click.option(
    "--blocks",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Times that each set is run through, forward and backward.",
)
@click.option(
    "--control/--no-control",
    default=True,
    show_default=True,
    help="A second copy of the first target: how far apart equals are.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the figures there as well.",
)
def bench(  # noqa: PLR0913 - one argument for each option
    *,
    config: Path,
    targets: tuple[str, ...],
    memory: bool,
    full_rate: str | None,
    paced: str | None,
    spawns: int,
    blocks: int,
    control: bool,
    json_file: Path | None,
) -> None:
    """Put the same load on every target in turn and tell what each costs.

    Without --memory, --full-rate or --paced: all three.

    In memory: the relays alone, time, CPU and allocations of an event. At full rate:
    events per second, time and CPU of an event, TTFT and memory of the whole process;
    one read holds hundreds of events there, so logic is all that is seen. At a pace,
    as model servers send: how old an event is when the client has it, and what users
    accept is held against CPU (1.20 times the first target's) and memory (1.30).
    Ratios have one-sided 95 % bounds over sets of fresh processes.
    """
    everything = not (memory or full_rate or paced)
    loads = []
    if full_rate or everything:
        loads.append(_full_rate(full_rate or _FULL_RATE))
    if paced or everything:
        loads.append(_paced(paced or _PACED))
    chosen = _targets(read_config(config), targets)
    parts = []
    if memory or everything:
        parts += _memory(chosen, required=memory)
    arms = _with_control(chosen) if control else chosen
    parts += [_live(arms, load, spawns=spawns, blocks=blocks) for load in loads]
    if not parts:
        raise InputError("none of the targets has a relay", key="--memory")
    _print(parts)
    if json_file is not None:
        _write(json_file, parts)
    sys.exit(_exit_code([code for one in parts for code in one.codes]))


def _full_rate(text: str) -> _NamedWorkload:
    parts = _numbers(text, 2)
    if parts is None:
        raise InputError(
            f"expected STREAMSxEVENTS such as {_FULL_RATE}, came {text!r}",
            key="--full-rate",
        )
    workload = Workload(streams=int(parts[0]), events=int(parts[1]), rate=0)
    _check_size(workload, "--full-rate")
    title = f"At full rate: {workload.streams} streams of {workload.events} events"
    return _NamedWorkload(title=title, workload=workload)


def _paced(text: str) -> _NamedWorkload:
    parts = _numbers(text, 3)
    if parts is None:
        raise InputError(
            f"expected STREAMSxRATExSECONDS such as {_PACED}, came {text!r}",
            key="--paced",
        )
    streams, rate, seconds = parts
    events = max(1, round(rate * seconds))
    workload = Workload(streams=int(streams), events=events, rate=rate)
    _check_size(workload, "--paced")
    title = (
        f"At a pace: {workload.streams} streams, {rate:g} events/s each, {seconds:g} s"
    )
    return _NamedWorkload(title=title, workload=workload)


def _numbers(text: str, count: int) -> list[float] | None:
    """Return the numbers of ``AxBxC``, all above 0; None where it is none such."""
    parts = text.split("x")
    if len(parts) != count or not all(map(_NUMBER.fullmatch, parts)):
        return None
    numbers = [float(part) for part in parts]
    return numbers if min(numbers) > 0 else None


def _check_size(workload: Workload, key: str) -> None:
    if workload.streams > _MOST_STREAMS or workload.total > _MOST_EVENTS:
        raise InputError(
            f"expected at most {_MOST_STREAMS} streams and {_MOST_EVENTS} events in "
            f"all, came {workload.streams} and {workload.total}",
            key=key,
        )


def _targets(config: Config, names: tuple[str, ...]) -> list[Target]:
    wanted = names or (config.baseline, config.candidate)
    if len(set(wanted)) < len(wanted):
        raise InputError("a target is named twice", key="--target")
    return [config.target(name) for name in wanted]


def _with_control(targets: Sequence[Target]) -> list[Target]:
    """Add a copy of the first target, where one can be started."""
    first = targets[0]
    names = [target.name for target in targets]
    if first.command is None or first.upstream_listen or len(targets) < 2:
        return [*targets]
    if _CONTROL in names:
        raise InputError(
            f"a target is named {_CONTROL!r} as the copy of the first would be",
            key="--no-control",
        )
    return [*targets, replace(first, name=_CONTROL)]


def _memory(targets: Sequence[Target], *, required: bool) -> list[_BenchPart]:
    arms = [
        RelayArm(
            name=target.name,
            factory=load_relay(target.relay),
            settings=target.relay_settings,
        )
        for target in targets
        if target.relay is not None
    ]
    missing = [target.name for target in targets if target.relay is None]
    if missing and required:
        raise InputError(
            f"target {missing[0]!r} has no relay to run in memory", key="--memory"
        )
    if not arms:
        return []
    figures = bench_relays(arms, events=_RELAY_EVENTS, rounds=_RELAY_ROUNDS)
    return [
        _BenchPart(
            title=f"In memory: the relays alone, {_RELAY_EVENTS} events, "
            f"{_RELAY_ROUNDS} rounds in turn",
            rows=relay_rows(figures),
        )
    ]


def _live(
    targets: Sequence[Target], load: _NamedWorkload, *, spawns: int, blocks: int
) -> _BenchPart:
    found: list[list[Spawn]] = []

    async def drive() -> None:
        with cancel_on_signals():
            found.append(
                await bench_live(
                    targets,
                    load.workload,
                    spawns=spawns,
                    blocks=blocks,
                    on_progress=lambda text: click.echo(printable(text), err=True),
                )
            )

    try:
        asyncio.run(drive())
    except asyncio.CancelledError:
        raise InterruptedRunError from None
    names = [target.name for target in targets]
    rows = live_rows(
        found[0],
        names,
        streams=load.workload.streams,
        paced=bool(load.workload.rate),
    )
    verdicts, codes = _lost(found[0], names)
    if load.workload.rate:
        more, held = _limits(rows, names)
        verdicts, codes = verdicts + more, codes + held
    return _BenchPart(title=load.title, rows=rows, verdicts=verdicts, codes=codes)


def _lost(spawns: Sequence[Spawn], names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Say whether all came: a target that loses events is fast for nothing."""
    words, codes = [], []
    for name in names:
        runs = [run for spawn in spawns for run in spawn[name]]
        lost = sum(run.result.lost for run in runs)
        unfinished = sum(run.result.unfinished for run in runs)
        total = sum(run.result.events for run in runs)
        if lost or unfinished:
            words.append(
                f"{name}: {lost} events lost or out of order, "
                f"{unfinished} streams unfinished"
            )
            codes.append(4 if name in (names[0], _CONTROL) else 1)
        else:
            words.append(f"{name}: {total} events, none lost, every stream finished")
    return words, codes


def _limits(rows: Sequence[Row], names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Hold ratios against their limits, where two equal targets are equal."""
    words, codes = [], []
    for name in reversed(names[1:]):
        for figure, (ratio, ruling) in rulings(rows, name).items():
            limit = LIMITS[figure]
            if name != _CONTROL:
                words.append(
                    f"{figure}, {name}/{names[0]}: {_bounds(ratio)}, "
                    f"limit {limit:.2f}: {ruling}"
                )
                codes.append(_CODES[ruling])
            elif abs(math.log(ratio.value)) > math.log(limit) / 3:
                words.append(
                    f"{figure}: two equal targets differ by {ratio.value:.2f}; "
                    "the machine cannot judge now"
                )
                codes.append(4)
    return words, codes


def _exit_code(codes: Sequence[int]) -> int:
    """Nothing outweighs bad evidence; a proven excess outweighs what is open."""
    return next((code for code in (4, 1, 3) if code in codes), 0)


def _print(parts: Sequence[_BenchPart]) -> None:
    for part in parts:
        known = list(part.rows[0].values)
        others = known[1:]
        headers = ["figure", "unit", *known, *(f"{one}/{known[0]}" for one in others)]
        table = [
            [
                row.name,
                row.unit,
                *(_value(row.values[name]) for name in known),
                *(_ratio(row, name) for name in others),
            ]
            for row in part.rows
        ]
        click.echo(f"\n{part.title}")
        for line in tabulate(table, headers, disable_numparse=True).splitlines():
            click.echo(printable(line))
        for words in part.verdicts:
            click.echo(printable(f"  {words}"))
    facts = environment()
    load = facts["load_average"]
    shown = " ".join(f"{one:.2f}" for one in load) if load else "unknown"
    click.echo(
        f"\n{facts['python']}, {facts['cores']} cores, load average {shown}; "
        "ratios are medians of paired runs; [bounds] are one-sided, 95 %, over spawns"
    )


def _value(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _ratio(row: Row, name: str) -> str:
    ratio = row.ratios.get(name)
    return "-" if ratio is None else _bounds(ratio)


def _bounds(ratio: Ratio) -> str:
    if not ratio.low:
        return f"{ratio.value:.2f}"
    return f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"


def _write(path: Path, parts: Sequence[_BenchPart]) -> None:
    said = {
        "machine": environment(),
        "parts": [
            {
                "title": part.title,
                "figures": rows_as_json(part.rows),
                "verdicts": list(part.verdicts),
            }
            for part in parts
        ],
    }
    try:
        path.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}", key="--json"
        ) from None
