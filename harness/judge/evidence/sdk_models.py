"""Models of two clients: an SDK for Python and one for JavaScript.

The same bytes are not the same answer to every client. A *python* client (openai-python
3.54 over httpx) stops at ``[DONE]`` and never sees how the connection ended; a *node*
client (openai-node 6.49 over undici) reads to the end and needs its framing completed.
Both raise at an event that is not JSON, and at an error event. Their decoders differ in
corner cases: a byte order mark, a block with only ``retry`` or ``id``, bytes that are
not UTF-8. All rules were measured, and the tests compare the models with the SDKs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.cassette.model import Framing
from harness.dialects.openai_chat.chunk import choices_of, delta_of, finish_reason_of
from harness.dialects.openai_chat.chunk import text_of as _text_of
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import ChunkStyle
from harness.faults.draft.wire import WireDraft
from harness.judge.evidence.observation import ClientEnd

__all__ = ["ClientView", "SdkModel", "client_view", "direct_view", "join_surrogates"]


class SdkModel(StrEnum):
    """A client that is modelled."""

    PYTHON = "python"
    NODE = "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientView:
    """What a client makes of an answer.

    Attributes:
        text: The text of choice 0 that its caller gets before the end or the error.
        finish: The last finish_reason of choice 0; empty: none.
        error: Why it raises, in a few words; None: it reports success.
    """

    text: str
    finish: str
    error: str | None


class _Raised(Exception):  # noqa: N818 - what a client does, no error of ours
    """The client raises."""


def client_view(
    client: SdkModel,
    *,
    status: int | None,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes,
    end: ClientEnd,
) -> ClientView:
    """Return what a client makes of an answer.

    Args:
        client: The client.
        status: HTTP status; None: no head arrived.
        headers: As they arrived.
        body: With transfer and content coding removed.
        end: How the answer ended on the wire.
    """
    if status is None or status >= 400 or _refuses(client, headers):
        return ClientView(text="", finish="", error="no answer")
    texts: list[str] = []
    finish = ""
    error = None
    try:
        for value in _VALUES[client](body, end):
            for index, choice in choices_of(value):
                if index == 0:
                    texts.append(_text_of(delta_of(choice), "content"))
                    finish = finish_reason_of(choice) or finish
    except _Raised as raised:
        error = str(raised)
    return ClientView(text=join_surrogates("".join(texts)), finish=finish, error=error)


def join_surrogates(text: str) -> str:
    """Return text with surrogate pairs joined, and lone surrogates replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def direct_view(client: SdkModel, wire: WireDraft) -> ClientView | None:
    """Return what a client makes of the upstream's own answer, without a target.

    None: it is sent in a way that is not modelled (a content coding, broken chunks).
    """
    names = {name.lower() for name, _ in wire.headers}
    if names & {"content-encoding", "content-length", "transfer-encoding"}:
        return None
    odd = (
        wire.delivery.coding
        or wire.delivery.chunks != ChunkStyle()
        or any(w.raw for w in wire.writes)
    )
    if odd or wire.end is StreamEnd.REFUSED:
        return None
    body = wire.body
    if wire.promised_length is not None:
        body = body[: wire.promised_length]
    return client_view(
        client,
        status=None if wire.head_at_ns is None else wire.status,
        headers=[
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in (*wire.headers, *(wire.delivery.framing_headers or ()))
        ],
        body=body,
        end=_end_of(wire),
    )


def _end_of(wire: WireDraft) -> ClientEnd:
    length = wire.promised_length
    if length is not None and len(wire.body) >= length:
        return ClientEnd.COMPLETE
    if wire.end is StreamEnd.STALL:
        return ClientEnd.TIMEOUT
    if wire.end is StreamEnd.RESET:
        return ClientEnd.RESET
    if wire.end is StreamEnd.COMPLETE and length is None:
        return ClientEnd.COMPLETE
    clean = wire.framing is Framing.CLOSE and length is None
    return ClientEnd.COMPLETE if clean else ClientEnd.TRUNCATED


def _refuses(client: SdkModel, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the HTTP library rejects the head."""
    names = [name.lower() for name, _ in headers]
    if client is SdkModel.NODE:
        return b"content-length" in names and b"transfer-encoding" in names
    return names.count(b"transfer-encoding") > 1


_BLOCK = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def _python(body: bytes, end: ClientEnd) -> Iterator[Any]:
    """Yield the chunks that openai-python gives its caller."""
    known_id = ""
    for block in _blocks(body):
        data: list[str] = []
        event = ""
        retry = False
        for raw in block.splitlines():
            try:
                line = raw.decode()
            except UnicodeDecodeError:
                raise _Raised("not UTF-8") from None
            if not line:
                # An id is never forgotten, so after one every blank line dispatches.
                if event or data or known_id or retry:
                    text = "\n".join(data)
                    if text.startswith("[DONE]"):
                        return
                    value = _json(text, strict=False)
                    if not isinstance(value, dict):
                        raise _Raised("no object")
                    yield value
                data, event, retry = [], "", False
                continue
            name, value_of = _field(line)
            if name == "data":
                data.append(value_of)
            elif name == "event":
                event = value_of
            elif name == "id" and "\0" not in value_of:
                known_id = value_of
            elif name == "retry" and value_of.isdecimal():
                retry = True
    _check_end(end)


def _node(body: bytes, end: ClientEnd) -> Iterator[Any]:
    """Yield the chunks that openai-node gives its caller."""
    done = False
    for block in _blocks(body.removeprefix(b"\xef\xbb\xbf")):
        data: list[str] = []
        event = ""
        for line in re.split("\r\n|\n|\r", block.decode("utf-8", "replace")):
            if not line:
                if (event or data) and not done:
                    text = "\n".join(data)
                    done = text.startswith("[DONE]")
                    if not done:
                        yield _json(text, strict=True)
                data, event = [], ""
                continue
            name, value_of = _field(line)
            if name == "data":
                data.append(value_of)
            elif name == "event":
                event = value_of
    _check_end(end)


_VALUES: dict[SdkModel, Callable[[bytes, ClientEnd], Iterator[Any]]] = {
    SdkModel.PYTHON: _python,
    SdkModel.NODE: _node,
}


def _blocks(body: bytes) -> Iterator[bytes]:
    """Yield the blocks that end in a blank line; no client dispatches the rest."""
    start = 0
    for found in _BLOCK.finditer(body):
        yield body[start : found.end()]
        start = found.end()


def _field(line: str) -> tuple[str, str]:
    if line.startswith(":"):
        return "", ""
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


def _json(text: str, *, strict: bool) -> Any:
    try:
        value = json.loads(text, parse_constant=_refused if strict else None)
    except ValueError:
        raise _Raised("not JSON") from None
    except RecursionError:
        raise _Raised("nested too deeply") from None
    if isinstance(value, dict) and value.get("error"):
        raise _Raised("an error event")
    return value


def _refused(_name: str) -> Any:
    raise ValueError("JavaScript knows no such number")


def _check_end(end: ClientEnd) -> None:
    if end is ClientEnd.TIMEOUT:
        raise _Raised("no end")
    if end is not ClientEnd.COMPLETE:
        raise _Raised("cut off")
