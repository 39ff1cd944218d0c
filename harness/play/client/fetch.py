"""The client of the runner: it sends one request and stamps what it reads.

All times count from the moment at which the kernel had the whole request.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from harness.cassette.model import Framing, Headers, Request
from harness.judge.evidence.observation import ClientEnd
from harness.play.client.httpx_backend import PER_CONNECTION, refusal, send_request
from harness.play.client.kept_connection import KeptConnection
from harness.play.client.response_reader import ResponseReader
from harness.play.client.stamped_connection import StampedConnection
from harness.play.stream_token import with_token
from harness.scenario.model import ClientPlan
from harness.units import NS_PER_S

__all__ = ["DEADLINE_S", "Exchange", "fetch"]

DEADLINE_S = 10.0
"""An answer that has not ended this long after its request hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and everything that its connection brought.

    Attributes:
        zero_ns: The zero of the other times, on the client's clock.
        status: HTTP status; None: there was no head.
        http_version: ``HTTP/1.1`` or ``HTTP/1.0``; None: there was no head.
        headers: Header lines as they arrived.
        framing: How the end of the body was marked.
        head_at_ns: When the head was complete.
        reads: Body bytes after transfer decoding, one entry for every socket read that
            brought some.
        pieces: The same, split where a transfer chunk ended inside a read.
        raw: Every socket read as it arrived.
        end: How the answer ended on the wire.
        end_at_ns: When it ended.
        why: The end in words: what was malformed, why it was refused.
        surplus: Bytes after a complete answer, on the same connection.
        reused: True where it used the connection of the exchange before.
    """

    zero_ns: int
    status: int | None
    http_version: str | None
    headers: tuple[tuple[bytes, bytes], ...]
    framing: Framing | None
    head_at_ns: int | None
    reads: tuple[tuple[int, bytes], ...]
    pieces: tuple[tuple[int, bytes], ...]
    raw: tuple[tuple[int, bytes], ...]
    end: ClientEnd
    end_at_ns: int
    why: str | None = None
    surplus: bytes = b""
    reused: bool = False


async def fetch(  # noqa: PLR0913 - all but the first two are options
    url: str,
    request: Request,
    *,
    token: str | None = None,
    plan: ClientPlan | None = None,
    speed: float = 1.0,
    headers: Headers = (),
    deadline_s: float = DEADLINE_S,
    leave_when: Callable[[], Awaitable[None]] | None = None,
    kept: KeptConnection | None = None,
    clock: Callable[[], int] = time.monotonic_ns,
) -> Exchange:
    """Send a request and return all that arrived, however it ended.

    Args:
        url: Base URL of the server; the request's path is appended.
        request: Sent; headers that belong to a connection are written again.
        token: Put into the request to find it again at the upstream (`with_token`).
        plan: What the client does; None: it reads to the end.
        speed: 2.0 divides the plan's times by two, but not the deadline.
        headers: Added; they replace those of the same name.
        deadline_s: Used where the plan has none.
        leave_when: Returns when the upstream has the request, for a client that leaves
            then.
        kept: The connection to use again, and to keep where the answer allows it;
            None: a new one.
        clock: Monotonic nanoseconds.

    Raises:
        InputError: The URL or the request cannot be sent.
    """
    plan = plan or ClientPlan()
    request = _prepared(request, headers)
    if token is not None:
        request = with_token(request, token)
    if plan.deadline_ms is not None:
        deadline_s = plan.deadline_ms / 1000
    abort = plan.abort
    reader = ResponseReader(method=request.method)
    connection = StampedConnection(reader, clock=clock, plan=plan)
    leave_s = (
        abort.after_ms / 1000 / speed if abort and abort.after_ms is not None else None
    )
    started_ns = clock()
    sending = asyncio.ensure_future(send_request(url, request, connection, kept))
    try:
        await asyncio.wait(
            {sending, connection.sent},
            timeout=deadline_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
    except BaseException:
        await _stop(sending, connection, None)
        raise
    try:
        refused = refusal(sending.exception() if sending.done() else None)
        if connection.sent.done():
            spent_s = (clock() - (connection.sent_at_ns or started_ns)) / NS_PER_S
            early = leave_when if abort is not None and abort.before_head else None
            await _wait_until_over(connection, deadline_s - spent_s, leave_s, early)
        if plan.read is not None and plan.read.stops:
            connection.leave()
        return _exchange(connection, started_ns, clock(), refused)
    finally:
        await _stop(sending, connection, kept)


def _prepared(request: Request, extra: Headers) -> Request:
    names = PER_CONNECTION | {name.lower() for name, _ in extra}
    kept = tuple(line for line in request.headers if line[0].lower() not in names)
    return replace(request, headers=(*kept, *extra))


async def _stop(
    sending: asyncio.Future[None],
    connection: StampedConnection,
    kept: KeptConnection | None,
) -> None:
    sending.cancel()
    # `refusal` has read its error already.
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await sending
    if kept is None or not kept.keep(connection):
        await connection.close()


async def _wait_until_over(
    connection: StampedConnection,
    timeout_s: float,
    leave_s: float | None,
    leave_when: Callable[[], Awaitable[None]] | None,
) -> None:
    """Wait until the answer is over, the client left, or the time is up."""
    loop = asyncio.get_running_loop()
    timer = None if leave_s is None else loop.call_later(leave_s, connection.leave)
    leaving = (
        asyncio.ensure_future(_leave_after(leave_when, connection))
        if leave_when
        else None
    )
    try:
        await asyncio.wait({connection.over}, timeout=max(0.0, timeout_s))
    finally:
        if timer is not None:
            timer.cancel()
        if leaving is not None:
            leaving.cancel()


async def _leave_after(
    leave_when: Callable[[], Awaitable[None]], connection: StampedConnection
) -> None:
    await leave_when()
    connection.leave()


def _exchange(
    connection: StampedConnection, started_ns: int, now_ns: int, refused: str | None
) -> Exchange:
    reader = connection.reader
    zero_ns = started_ns if connection.sent_at_ns is None else connection.sent_at_ns
    if refused is not None:
        end, end_ns = ClientEnd.REFUSED, now_ns
    elif connection.left_at_ns is not None:
        end, end_ns = ClientEnd.CLIENT_CLOSED, connection.left_at_ns
    elif reader.end is not None and reader.end_at_ns is not None:
        end, end_ns = reader.end, reader.end_at_ns
    else:
        end, end_ns = ClientEnd.TIMEOUT, now_ns
    pieces = tuple((at_ns - zero_ns, data) for at_ns, data in reader.pieces)
    return Exchange(
        zero_ns=zero_ns,
        status=reader.status,
        http_version=reader.http_version,
        headers=reader.headers,
        framing=reader.framing,
        head_at_ns=None if reader.head_at_ns is None else reader.head_at_ns - zero_ns,
        reads=_joined(pieces),
        pieces=pieces,
        raw=tuple((at_ns - zero_ns, data) for at_ns, data in connection.raw),
        end=end,
        end_at_ns=end_ns - zero_ns,
        why=refused or reader.why,
        surplus=reader.surplus,
        reused=connection.reused,
    )


def _joined(pieces: tuple[tuple[int, bytes], ...]) -> tuple[tuple[int, bytes], ...]:
    """Join the pieces of each read; no two reads have the same time."""
    reads: list[tuple[int, bytes]] = []
    for at_ns, data in pieces:
        if reads and reads[-1][0] == at_ns:
            reads[-1] = (at_ns, reads[-1][1] + data)
        else:
            reads.append((at_ns, data))
    return tuple(reads)
