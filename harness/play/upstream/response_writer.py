"""The bytes that an upstream sends for a script, and their times.

The bytes are as the script says, right or wrong: a length that does not fit, a header
with a line end in it or a malformed chunk are faults of a scenario.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle

from harness.cassette.model import Framing, Headers
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.coded import coded_body, coded_writes
from harness.faults.draft.delivery import SendSizes
from harness.faults.draft.wire import WireDraft

__all__ = [
    "Send",
    "framed",
    "keeps_alive",
    "response_head",
    "sends",
]


@dataclass(frozen=True, slots=True)
class Send:
    """One send of the upstream.

    Attributes:
        at_ns: Nanoseconds since the request was read.
        wire: The bytes for the socket.
        body_length: Bytes of the plain body that these bring; raw writes bring none.
        is_head: True for the head and the end of the body, which are no writes of the
            script.
    """

    at_ns: int
    wire: bytes
    body_length: int = 0
    is_head: bool = False


def sends(draft: WireDraft) -> tuple[tuple[Send, ...], Send]:
    """Return everything that an upstream sends for ``draft``, in order, and its ending.

    The ending has the bytes that complete the body: none where the body is cut, or ends
    by its length. Where the script has no head, only its raw writes are sent.
    """
    listed = _listed(draft)
    last_ns = listed[-1][0].at_ns if listed else 0
    ending = Send(_end_ns(draft, last_ns), _terminator(draft), is_head=True)
    if draft.delivery.send_sizes is None:
        return tuple(send for send, _ in listed), ending
    pieces = list(_cut([*listed, (ending, 0)], draft.delivery.send_sizes))
    if ending.wire:
        return tuple(pieces[:-1]), pieces[-1]
    at_ns = max(ending.at_ns, pieces[-1].at_ns if pieces else 0)
    return tuple(pieces), Send(at_ns, b"", is_head=True)


def response_head(draft: WireDraft) -> bytes:
    """Return the status line and header lines, with the header for the framing."""
    lines = [f"{draft.http_version} {draft.status} {_phrase(draft.status)}"]
    lines += [f"{name}: {value}" for name, value in draft.headers]
    lines += draft.delivery.raw_lines
    lines += [f"{name}: {value}" for name, value in _framing_headers(draft)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def keeps_alive(draft: WireDraft) -> bool:
    """Tell whether another answer may follow on the connection after a complete one.

    It must not where FIN is the end of the body, or where the bytes do not fit their
    framing: the next answer would be read as part of this one. A script may ask for
    exactly that.
    """
    if draft.head_at_ns is None or any(write.raw for write in draft.writes):
        return False
    if draft.framing is Framing.CLOSE or draft.http_version == "HTTP/1.0":
        return False
    if _says_close(draft):
        return False
    dirty, surplus = draft.delivery.socket.dirty, draft.delivery.surplus
    if draft.framing is Framing.CHUNKED:
        return dirty or not surplus
    there, promised = len(coded_body(draft)), _length(draft)
    if there < promised:
        return False
    return dirty or (there == promised and not surplus)


def framed(draft: WireDraft, data: bytes) -> bytes:
    """Return plain bytes of a body as they are on the wire, in a chunk of their own."""
    if draft.framing is not Framing.CHUNKED:
        return data
    return b"%x\r\n%b\r\n" % (len(data), data)


def _listed(draft: WireDraft) -> list[tuple[Send, int]]:
    """Return all sends, each with the start of the plain body in it; -1: none."""
    listed: list[tuple[Send, int]] = []
    earliest = 0
    if draft.head_at_ns is not None:
        earliest = draft.head_at_ns
        listed.append((Send(earliest, response_head(draft), is_head=True), 0))
    for at_ns, wire, length, start in _framed(draft):
        # A write never overtakes the one before it.
        earliest = max(earliest, at_ns)
        listed.append((Send(earliest, wire, length), start))
    return listed


def _framed(draft: WireDraft) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield time, wire bytes, the number of plain bytes in them, and their start."""
    plain = 0 if draft.delivery.coding is None else -1
    chunked = draft.framing is Framing.CHUNKED
    size_end = f"{draft.delivery.chunks.extension}\r\n".encode("latin-1")
    missing = draft.delivery.chunks.missing
    left = len(draft.writes)
    silent = draft.head_at_ns is None
    for at_ns, data, length, raw in coded_writes(draft):
        left -= 1
        if silent and not raw:
            continue
        if raw or not chunked or not data:
            # An empty chunk would be the terminator.
            yield at_ns, data, length, plain
            continue
        open_end = missing if left == 0 else 0
        size = b"%x%b" % (len(data) + open_end, size_end)
        wire = size + data if open_end else b"%b%b\r\n" % (size, data)
        yield at_ns, wire, length, len(size) if plain == 0 else -1


def _cut(listed: Iterable[tuple[Send, int]], sizes: SendSizes) -> Iterator[Send]:
    """Cut sends into pieces; body bytes count with the piece that brings them."""
    lengths = cycle(sizes.sizes)
    free_ns = 0
    for send, start in listed:
        at_ns = max(send.at_ns, free_ns)
        done = 0
        while done < len(send.wire):
            end = min(done + next(lengths), len(send.wire))
            length = _between(send, start, done, end)
            yield Send(at_ns, send.wire[done:end], length, send.is_head)
            done = end
            at_ns += sizes.gap_ns
        free_ns = at_ns


def _between(send: Send, start: int, begin: int, end: int) -> int:
    """Return the number of body bytes of a send between two places in it."""
    if start < 0:
        return send.body_length if end == len(send.wire) else 0
    inside = min(end - start, send.body_length) - max(begin - start, 0)
    return max(0, inside)


def _end_ns(draft: WireDraft, last_ns: int) -> int:
    by_length = draft.framing is Framing.CONTENT_LENGTH
    if by_length and draft.end is StreamEnd.COMPLETE:
        # The last byte is the end: a peer that closes then does not close early.
        return last_ns
    return max(last_ns, draft.end_at_ns)


def _terminator(draft: WireDraft) -> bytes:
    if draft.head_at_ns is None or draft.end is not StreamEnd.COMPLETE:
        return b""
    if draft.framing is not Framing.CHUNKED:
        return draft.delivery.surplus
    lines = draft.delivery.chunks.trailers
    trailers = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return b"0\r\n%b\r\n%b" % (trailers.encode("latin-1"), draft.delivery.surplus)


def _framing_headers(draft: WireDraft) -> Headers:
    if draft.delivery.framing_headers is not None:
        return draft.delivery.framing_headers
    if draft.framing is Framing.CHUNKED:
        return (("transfer-encoding", "chunked"),)
    if draft.framing is Framing.CONTENT_LENGTH:
        return (("content-length", str(_length(draft))),)
    if draft.http_version != "HTTP/1.0" and not _says_close(draft):
        return (("connection", "close"),)
    return ()


def _length(draft: WireDraft) -> int:
    if draft.promised_length is not None:
        return draft.promised_length
    return len(coded_body(draft))


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
