"""``harness replay``: recorded answers for any client, timed as recorded."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from random import Random

import click

from harness.cassette.files import find_cassettes, read_cassette
from harness.cassette.model import Ending, Response
from harness.cli.option_groups import GroupedCommand, option
from harness.cli.options import (
    HOW,
    fault_option,
    listen_option,
    parse_listen,
    seed_option,
    speed_option,
)
from harness.cli.param_types import FiniteRange
from harness.errors import InputError
from harness.faults.draft.lowering import draft_response
from harness.faults.draft.wire import WireDraft
from harness.faults.errors import FaultError
from harness.faults.registry import FaultCall, apply_faults
from harness.play.upstream.correlation import ServedRequest
from harness.play.upstream.requests import ReceivedRequest
from harness.play.upstream.server import Upstream
from harness.printable import printable, python_escape
from harness.scenario.from_cassettes import parse_fault
from harness.units import NS_PER_MS

__all__ = ["replay"]

_DEFAULT_LISTEN = "127.0.0.1:8081"


class Timing(StrEnum):
    """The pauses between segments: as recorded, or none."""

    RECORDED = "recorded"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Modifications:
    """How playing differs from the recording."""

    faults: tuple[FaultCall, ...]
    timing: Timing
    seed: int


_EXAMPLES = """\b
Examples:
  harness replay cassettes/mlx --speed 10
  harness replay plain.yaml --fault repeat_first --fault 'close_at: {at: {frac: 0.5}}'
  harness replay plain.yaml --timing none --fault 'stall: {at: {event: 3}}'
"""


@click.command(
    cls=GroupedCommand,
    epilog=_EXAMPLES,
    short_help="Answer any client with recorded answers.",
)
@click.argument("cassettes", nargs=-1, required=True, type=click.Path(path_type=Path))
@fault_option(
    "Break every answer with this fault, such as repeat_first or "
    "'close_at: {at: {frac: 0.5}}' (harness faults). Repeatable: all are applied."
)
@listen_option(_DEFAULT_LISTEN)
@speed_option(
    FiniteRange(min=0.0, min_open=True),
    "2 plays twice as fast, 0.5 half as fast; pauses of faults too.",
)
@option(
    "--timing",
    group=HOW,
    type=click.Choice([timing.value for timing in Timing]),
    default=Timing.RECORDED.value,
    show_default=True,
    help="none: one segment immediately after another; only faults pause.",
)
@seed_option("Seed of what faults leave to chance.")
@option("--once", group=HOW, is_flag=True, help="End when each answer was played once.")
def replay(  # noqa: PLR0913 - one argument for each option
    *,
    cassettes: tuple[Path, ...],
    listen: str,
    speed: float,
    timing: str,
    faults: tuple[str, ...],
    seed: int,
    once: bool,
) -> None:
    """Answer every request with the next recorded answer, as it was recorded.

    CASSETTES are files or folders. The content of a request does not matter: the first
    request gets the first interaction, the next request the next, over and over.
    Pauses, borders and endings are those of the recording; a stream whose end the
    recorder did not see stays open until the client closes. Answers that a fault cannot
    be applied to are left out, and reported.
    """
    host, port = parse_listen(listen)
    changes = _Modifications(
        faults=tuple(parse_fault(fault) for fault in faults),
        timing=Timing(timing),
        seed=seed,
    )
    playlist = _playlist(cassettes, changes)
    asyncio.run(_replay(playlist, host, port, speed=speed, once=once))


class _Playlist:
    """The answers in order; it hands out one per request and knows their names."""

    def __init__(self, answers: list[tuple[str, WireDraft]]) -> None:
        self.answers = answers
        self.handed_out = 0
        self.over = 0
        self.once = False

    def choose(self, _: ReceivedRequest) -> WireDraft | None:
        if self.once and self.handed_out == len(self.answers):
            return None
        self.handed_out += 1
        return self.answers[(self.handed_out - 1) % len(self.answers)][1]

    def name_of(self, draft: WireDraft) -> str:
        return next(name for name, answer in self.answers if answer is draft)

    @property
    def played_out(self) -> bool:
        return self.once and self.over >= len(self.answers)


def _playlist(paths: tuple[Path, ...], changes: _Modifications) -> _Playlist:
    answers = []
    refused = None
    for path in find_cassettes(paths):
        for index, interaction in enumerate(read_cassette(path).interactions):
            name = f"{path}[{index}]"
            try:
                # With its name: another cassette must not change the others' chances.
                seed = f"{changes.seed}:{path.stem}[{index}]"
                answers.append((name, _draft(interaction.response, seed, changes)))
            except FaultError as error:
                refused = FaultError(error.message, source=name, key=error.key)
                click.echo(f"left out {printable(refused, python_escape)}", err=True)
    if refused is not None and not answers:
        raise InputError("nothing is left to play", key="--fault")
    return _Playlist(answers)


def _draft(response: Response, seed: str, changes: _Modifications) -> WireDraft:
    if changes.timing is Timing.NONE:
        response = _without_pauses(response)
    rng = Random(seed)  # noqa: S311 - repeatable, not secret
    return apply_faults(draft_response(response), changes.faults, rng)


def _without_pauses(response: Response) -> Response:
    return replace(
        response,
        segments=tuple(replace(one, at_ns=0) for one in response.segments),
        ending=Ending(at_ns=0, kind=response.ending.kind),
    )


async def _replay(
    playlist: _Playlist, host: str, port: int, *, speed: float, once: bool
) -> None:
    # Lines to print; None ends. Printing may fail (`harness replay … | head`), and must
    # then fail here and not in a callback of the loop.
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lines.put_nowait, None)
    playlist.once = once

    def tell(served: ServedRequest) -> None:
        lines.put_nowait(_line(served, playlist))
        if playlist.played_out:
            lines.put_nowait(None)

    async with Upstream(
        host, port, speed=speed, responder=playlist.choose, on_over=tell
    ) as upstream:
        click.echo(f"listening on {upstream.url}")
        while (line := await lines.get()) is not None:
            click.echo(line)


def _line(served: ServedRequest, playlist: _Playlist) -> str:
    playlist.over += 1
    played, request = served.player, served.request
    left = played.closed_at_ns is not None
    if played.finished:
        how = str(played.draft.end) + (", until the client closed" if left else "")
    else:
        how = "the client closed" if left else "stopped"
    how += "".join(f"; {note}" for note in played.draft.notes)
    count = len(played.sent)
    last_ns = played.sent[-1][0] if played.sent else request.read_at_ns
    return (
        f"{request.method} {printable(request.path, python_escape)}"
        f" <- {printable(playlist.name_of(played.draft), python_escape)}:"
        f" {played.draft.status}, {count} write{'' if count == 1 else 's'},"
        f" {(last_ns - request.read_at_ns) / NS_PER_MS:.0f} ms, {how}"
    )
