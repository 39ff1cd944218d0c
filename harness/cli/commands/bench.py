"""``harness bench``: the cost of the targets, side by side."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from harness.bench.conclusions import (
    CONTROL,
    BenchPart,
    exit_code,
    judge_limits,
    judge_losses,
)
from harness.bench.live import Spawn, bench_live
from harness.bench.memory import RelayArm, bench_relays
from harness.bench.render import bench_as_json, bench_lines
from harness.bench.summary import live_rows, relay_rows
from harness.bench.workload import Workload
from harness.cli.option_groups import GroupedCommand, option
from harness.cli.options import HOW, OUTPUT, PLAYED, config_option, target_option
from harness.cli.signals import cancel_on_signals
from harness.config import Config, Target, read_config
from harness.errors import InputError, InterruptedRunError
from harness.play.virtual.relays import load_relay
from harness.printable import printable
from harness.reporting.environment import environment

__all__ = ["bench"]

_FULL_RATE = "50x4000"
_PACED = "200x20x4"

_RELAY_EVENTS = 2000
_RELAY_ROUNDS = 15

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?")
_MOST_STREAMS = 5000
_MOST_EVENTS = 50_000_000

_EXAMPLES = """\b
Examples:
  harness bench                               v1 beside v2, about three minutes
  harness bench --memory                      only the relays, seconds
  harness bench --paced 500x20x60 --spawns 1  500 streams, 20 events/s, a minute
  harness bench --target v1 --target v2 --target nginx --json figures.json

\b
Exit codes:
  0 within the limits   1 above a limit, or events were lost
  2 usage or configuration   3 inconclusive   4 the machine cannot judge now
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _NamedWorkload:
    """A live load with its title in the tables."""

    title: str
    workload: Workload


@click.command(
    cls=GroupedCommand,
    epilog=_EXAMPLES,
    short_help="Measure what targets cost, side by side.",
)
@option(
    "--memory", group=PLAYED, is_flag=True, help="Only the relays, in this process."
)
@option(
    "--full-rate",
    group=PLAYED,
    is_flag=False,
    flag_value=_FULL_RATE,
    metavar="STREAMSxEVENTS",
    help=f"Live, events as fast as the target takes them.  [{_FULL_RATE}]",
)
@option(
    "--paced",
    group=PLAYED,
    is_flag=False,
    flag_value=_PACED,
    metavar="STREAMSxRATExSECONDS",
    help=f"Live, RATE events a second in each stream.  [{_PACED}]",
)
@config_option
@target_option(
    "NAME",
    "A target; the first one is what the others are compared with. Repeatable.  "
    "[default: baseline and candidate]",
)
@option(
    "--control/--no-control",
    group=HOW,
    default=True,
    show_default=True,
    help="Measure a second copy of the first target: how far apart equals are.",
)
@option(
    "--spawns",
    group=HOW,
    type=click.IntRange(1, 50),
    default=4,
    show_default=True,
    help="Number of sets of fresh processes; bounds of a ratio need two.",
)
@option(
    "--blocks",
    group=HOW,
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="How many times each set is run through, forward and backward.",
)
@option(
    "--json",
    "json_file",
    group=OUTPUT,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the figures to this file.",
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
    """Put the same load on each target, one after another, and measure what it costs.

    Without --memory, --full-rate or --paced: all three.

    In memory: only the relays; time, CPU and allocations per event. At full rate:
    events per second, time and CPU per event, TTFT and memory of the whole process;
    one read holds hundreds of events there, so this shows little but logic. At a pace,
    as model servers send: the age of an event when the client has it; CPU and memory
    are compared with what users accept, 1.20 and 1.30 times the first target's.
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
    for line in bench_lines(parts, environment()):
        click.echo(line)
    if json_file is not None:
        _write(json_file, parts)
    sys.exit(exit_code(parts))


def _full_rate(text: str) -> _NamedWorkload:
    parts = _numbers(text, 2)
    if parts is None:
        raise InputError(
            f"expected STREAMSxEVENTS such as {_FULL_RATE}, got {text!r}",
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
            f"expected STREAMSxRATExSECONDS such as {_PACED}, got {text!r}",
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
    """Return the numbers of ``AxBxC``, all above 0; None if it is no such text."""
    parts = text.split("x")
    if len(parts) != count or not all(map(_NUMBER.fullmatch, parts)):
        return None
    numbers = [float(part) for part in parts]
    return numbers if min(numbers) > 0 else None


def _check_size(workload: Workload, key: str) -> None:
    if workload.streams > _MOST_STREAMS or workload.total > _MOST_EVENTS:
        raise InputError(
            f"expected at most {_MOST_STREAMS} streams and {_MOST_EVENTS} events in "
            f"all, got {workload.streams} and {workload.total}",
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
    if CONTROL in names:
        raise InputError(
            f"a target is named {CONTROL!r} as the copy of the first would be",
            key="--no-control",
        )
    return [*targets, replace(first, name=CONTROL)]


def _memory(targets: Sequence[Target], *, required: bool) -> list[BenchPart]:
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
        BenchPart(
            title=f"In memory: the relays alone, {_RELAY_EVENTS} events, "
            f"{_RELAY_ROUNDS} rounds in turn",
            rows=relay_rows(figures),
        )
    ]


def _live(
    targets: Sequence[Target], load: _NamedWorkload, *, spawns: int, blocks: int
) -> BenchPart:
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
    conclusions = judge_losses(found[0], names)
    if load.workload.rate:
        conclusions += judge_limits(rows, names)
    return BenchPart(title=load.title, rows=rows, conclusions=conclusions)


def _write(path: Path, parts: Sequence[BenchPart]) -> None:
    said = bench_as_json(parts, environment())
    try:
        path.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}", key="--json"
        ) from None
