"""What an upstream puts on the wire for a script: bytes and their times.

The bytes are written as the script says, right or wrong: a length that does not fit, a
header with a line end in it, a chunk that is none are faults that somebody asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from harness.cassette.model import Framing
from harness.faults.draft import WireDraft, Write

__all__ = ["Send", "answer_head", "keeps_alive", "sends"]


@dataclass(frozen=True, slots=True)
class Send:
    """One send of the upstream.

    Attributes:
        at_ns: When, in nanoseconds since the request was read.
        wire: The bytes for the socket.
        body_length: Body bytes in it; raw writes have none.
        is_head: True for the head, which is no write of the script.
    """

    at_ns: int
    wire: bytes
    body_length: int = 0
    is_head: bool = False


def sends(draft: WireDraft, *, speed: float = 1.0) -> tuple[Send, ...]:
    """Return everything an upstream sends for ``draft``, in order.

    The terminator of a chunked body is not among them: it belongs to the ending.
    Where the script has no head, only its raw writes are sent.

    Args:
        draft: What is played.
        speed: 2.0 plays twice as fast.
    """
    listed = []
    earliest = 0
    if draft.head_at_ns is not None:
        earliest = int(draft.head_at_ns / speed)
        listed.append(Send(earliest, answer_head(draft), is_head=True))
    for write in draft.writes:
        if draft.head_at_ns is None and not write.raw:
            continue
        # A write never overtakes the one before it.
        earliest = max(earliest, int(write.at_ns / speed))
        listed.append(_send(earliest, write, draft.framing))
    return tuple(listed)


def answer_head(draft: WireDraft) -> bytes:
    """Return status line and header lines, with the header that tells the framing."""
    lines = [f"{draft.http_version} {draft.status} {_phrase(draft.status)}"]
    lines += [f"{name}: {value}" for name, value in draft.headers]
    if draft.framing is Framing.CHUNKED:
        lines.append("transfer-encoding: chunked")
    elif draft.framing is Framing.CONTENT_LENGTH:
        lines.append(f"content-length: {_length(draft)}")
    elif draft.http_version != "HTTP/1.0" and not _says_close(draft):
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def keeps_alive(draft: WireDraft) -> bool:
    """Tell whether another answer may follow on the connection after a complete one.

    It may not where FIN is the end of the body, or where the bytes do not fit their
    framing: the next answer would be read as part of this one.
    """
    if draft.head_at_ns is None or any(write.raw for write in draft.writes):
        return False
    if draft.framing is Framing.CLOSE or draft.http_version == "HTTP/1.0":
        return False
    fits = draft.framing is Framing.CHUNKED or _length(draft) == len(draft.body)
    return fits and not _says_close(draft)


def _send(at_ns: int, write: Write, framing: Framing) -> Send:
    if write.raw:
        return Send(at_ns, write.data)
    wire = write.data
    # An empty chunk would be the terminator.
    if framing is Framing.CHUNKED and wire:
        wire = b"%x\r\n%b\r\n" % (len(wire), wire)
    return Send(at_ns, wire, len(write.data))


def _length(draft: WireDraft) -> int:
    return len(draft.body) if draft.promised_length is None else draft.promised_length


def _says_close(draft: WireDraft) -> bool:
    return any(
        name.lower() == "connection" and "close" in value.lower()
        for name, value in draft.headers
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
