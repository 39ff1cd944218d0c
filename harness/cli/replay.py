"""``harness replay``: recorded answers for any client, as they were recorded."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import click

from harness.cassette.files import find_cassettes, read_cassette
from harness.config import parse_address
from harness.errors import InputError
from harness.faults.draft import Finish, WireDraft, draft_response, lower
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
    if not answers:
        names = ", ".join(map(str, paths))
        raise InputError(f"there is no cassette in {names}")
    return _Playlist(answers)


async def _replay(
    playlist: _Playlist, host: str, port: int, *, speed: float, once: bool
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    playlist.once = once
    upstream = Upstream(
        host,
        port,
        speed=speed,
        chooser=playlist.choose,
        on_over=_teller(playlist, stop.set),
    )
    async with upstream:
        click.echo(f"listening on {upstream.url}")
        await stop.wait()
        # What was written last is on its way; let the peer close first where it does.
        if playlist.played_out:
            await asyncio.sleep(0.05)


def _teller(
    playlist: _Playlist, when_played_out: Callable[[], None]
) -> Callable[[Served], None]:
    def tell(served: Served) -> None:
        playlist.over += 1
        played = served.performance
        if played.finished:
            how = str(played.draft.finish)
        elif played.closed_at_ns is not None:
            how = "the client closed"
        else:
            how = "stopped"
        if played.draft.finish is Finish.STALL and played.closed_at_ns is not None:
            how = "stall, until the client closed"
        last_ns = played.sent[-1][0] if played.sent else served.request.read_at_ns
        click.echo(
            f"{served.request.method} {escaped(served.request.path)}"
            f" <- {escaped(playlist.name_of(played.draft))}:"
            f" {played.draft.status}, {len(played.sent)} writes,"
            f" {(last_ns - served.request.read_at_ns) / 1e6:.0f} ms, {how}"
        )
        if playlist.played_out:
            when_played_out()

    return tell
