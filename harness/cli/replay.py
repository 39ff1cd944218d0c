"""``harness replay``: recorded answers for any client, as they were recorded."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from harness.cassette.files import find_cassettes, read_cassette
from harness.config import parse_address
from harness.errors import InputError
from harness.faults.draft import WireDraft, draft_response, lower
from harness.play.escape import escaped
from harness.play.requests import ReceivedRequest
from harness.play.tickets import Served
from harness.play.upstream import Upstream

__all__ = ["replay"]

_DEFAULT_LISTEN = "127.0.0.1:8081"


@click.command()
@click.argument("cassettes", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--listen",
    default=_DEFAULT_LISTEN,
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes a free one.",
)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.0, min_open=True),
    help="2 plays twice as fast.",
)
@click.option("--once", is_flag=True, help="End when each was played once.")
def replay(
    cassettes: tuple[Path, ...], listen: str, speed: float, *, once: bool
) -> None:
    """Answer every request with the next recorded answer, as it was recorded.

    CASSETTES are files or folders. Nothing of a request is looked at: the first one
    gets the first interaction, the next one the next, over and over. Pauses, borders
    and endings are those of the recording; a stream that the recorder did not see end
    stays open until the client closes.
    """
    try:
        host, port = parse_address(listen)
    except ValueError as error:
        raise InputError(str(error), key="--listen") from None
    playlist = _playlist(cassettes)
    asyncio.run(_replay(playlist, host, port, speed=speed, once=once))


class _Playlist:
    """Hands out the answers in turn, and says which one a request got."""

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


def _playlist(paths: tuple[Path, ...]) -> _Playlist:
    answers = []
    for path in find_cassettes(paths):
        for index, interaction in enumerate(read_cassette(path).interactions):
            draft = lower(draft_response(interaction.response))
            answers.append((f"{path}[{index}]", draft))
    return _Playlist(answers)


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

    def tell(served: Served) -> None:
        lines.put_nowait(_line(served, playlist))
        if playlist.played_out:
            lines.put_nowait(None)

    async with Upstream(
        host, port, speed=speed, chooser=playlist.choose, on_over=tell
    ) as upstream:
        click.echo(f"listening on {upstream.url}")
        while (line := await lines.get()) is not None:
            click.echo(line)


def _line(served: Served, playlist: _Playlist) -> str:
    playlist.over += 1
    played, request = served.performance, served.request
    left = played.closed_at_ns is not None
    if played.finished:
        how = str(played.draft.finish) + (", until the client closed" if left else "")
    else:
        how = "the client closed" if left else "stopped"
    count = len(played.sent)
    last_ns = played.sent[-1][0] if played.sent else request.read_at_ns
    return (
        f"{request.method} {escaped(request.path)}"
        f" <- {escaped(playlist.name_of(played.draft))}:"
        f" {played.draft.status}, {count} write{'' if count == 1 else 's'},"
        f" {(last_ns - request.read_at_ns) / 1e6:.0f} ms, {how}"
    )
