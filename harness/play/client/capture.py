"""Records one answer of a real server, without a proxy in between."""

from __future__ import annotations

from harness.cassette.model import (
    Ending,
    EndingKind,
    Headers,
    Interaction,
    Request,
    Response,
    Segment,
)
from harness.errors import EvidenceError
from harness.judge.evidence.observation import ClientEnd
from harness.play.client.fetch import DEADLINE_S, fetch
from harness.scenario.model import ClientPlan

__all__ = ["capture"]

_KINDS = {
    ClientEnd.COMPLETE: EndingKind.COMPLETE,
    ClientEnd.TRUNCATED: EndingKind.TRUNCATED,
    ClientEnd.RESET: EndingKind.RESET,
    ClientEnd.TIMEOUT: EndingKind.TIMEOUT,
    ClientEnd.CLIENT_CLOSED: EndingKind.CLIENT_CLOSED,
}


async def capture(
    url: str,
    request: Request,
    *,
    plan: ClientPlan | None = None,
    headers: Headers = (),
    deadline_s: float = DEADLINE_S,
) -> Interaction:
    """Ask a server and return request and answer as a cassette holds them.

    A segment holds the bytes of one transfer chunk that one read brought.

    Args:
        url: Base URL of the server; the request's path is appended.
        request: Sent, and kept.
        plan: Whether the client leaves early; None: it reads to the end.
        headers: Sent in addition to those of the request, and not kept: credentials.
        deadline_s: An answer that has not ended by then is kept as timed out.

    Raises:
        EvidenceError: There was no answer that a cassette can hold.
        InputError: The URL or the request cannot be sent.
    """
    exchange = await fetch(
        url, request, plan=plan, headers=headers, deadline_s=deadline_s
    )
    kind = _KINDS.get(exchange.end)
    if kind is None or exchange.status is None or exchange.http_version is None:
        why = f" ({exchange.why})" if exchange.why else ""
        raise EvidenceError(
            f"{url} gave no answer that can be kept: {exchange.end.value}{why}"
        )
    response = Response(
        status=exchange.status,
        http_version=exchange.http_version,
        headers=tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in exchange.headers
        ),
        segments=tuple(
            Segment(at_ns=at_ns, data=data) for at_ns, data in exchange.pieces
        ),
        ending=Ending(at_ns=exchange.end_at_ns, kind=kind),
    )
    return Interaction(request=request, response=response)
