"""Faults of the whole answer: its status, its kind of body, its framing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Annotated, Literal

from harness.cassette.model import Framing
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.catalog.http.heads import checked_headers
from harness.faults.draft.blocks import Meaning, StreamEnd
from harness.faults.draft.wire import BlockSpan, WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast
from harness.faults.registry import Layer, fault
from harness.sse import EVENT_STREAM, encode_event

__all__ = ["body", "framing", "status"]

Code = Annotated[int, AtLeast(200)]

_HTML = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
"""The page of a load balancer that cannot reach the server."""

_BODILESS = frozenset({204, 304})

_TYPES = {"html": "text/html", "json_error": "application/json"}


@fault(Layer.HTTP, example={"code": 429, "retry_after": 1})
def status(
    draft: WireDraft,
    *,
    code: Code,
    body: Literal["json_error", "html", "empty"] = "json_error",
    headers: Mapping[str, str] | None = None,
    retry_after: Annotated[int, AtLeast(0)] | str | None = None,
) -> WireDraft:
    """Answer with another status and a short body instead of the stream.

    Statuses 204 and 304 have no body, and no header that announces one (RFC 9110, 8.6).

    Args:
        draft: The stream.
        code: The status.
        body: The kind of body.

            - ``json_error``: an error object in the form of OpenAI.
            - ``html``: the page of a load balancer.
            - ``empty``: no body.
        headers: More header lines.
        retry_after: Seconds, or a date in the format of HTTP (RFC 9110, 10.2.3).

    Oracle:
        Both: status, body and Retry-After arrive as sent; no header calls the body an
        event stream.
    """
    if code > 599:
        raise FaultError(f"expected 200 to 599, got {code}", key="code")
    if code in _BODILESS:
        body = "empty"
    lines = [("content-type", _TYPES[body])] if body in _TYPES else []
    lines += checked_headers(headers or {})
    if retry_after is not None:
        lines.append(("retry-after", _retry_after(retry_after)))
    whole = _whole(draft, _body(body, code), lines)
    if code in _BODILESS:
        bare = replace(whole.delivery, framing_headers=())
        whole = replace(whole, delivery=bare)
    return replace(whole, status=code).with_note(f"answered {code} with body {body}")


@fault(Layer.HTTP, example={"kind": "html"})
def body(
    draft: WireDraft,
    *,
    kind: Literal["html", "json_error", "empty", "done_only"],
    content_type: str | None = None,
) -> WireDraft:
    """Answer with status 200 and a body that is not a stream of chunks.

    Args:
        draft: The stream.
        kind: The body.

            - ``html``: the page of a load balancer.
            - ``json_error``: an error object in the form of OpenAI.
            - ``empty``: no body.
            - ``done_only``: an event stream with only ``[DONE]``.
        content_type: The content-type in the head. By default the true one, and that
            of an event stream for ``empty`` and ``done_only``.

    Oracle:
        Both: type and body arrive as sent. An event stream that is empty or has only
        [DONE] does not look like a finished answer.
    """
    named = content_type or _TYPES.get(kind, EVENT_STREAM)
    whole = _whole(draft, _body(kind, 500), [("content-type", named)])
    if EVENT_STREAM in named:
        whole = replace(whole, framing=draft.framing)
    return replace(whole, status=200).with_note(
        f"answered 200 {named} with body {kind}"
    )


@fault(
    Layer.HTTP,
    example={"mode": "close"},
    live_only={"mode": ("cl_and_te", "dup_te")},
)
def framing(
    draft: WireDraft,
    *,
    mode: Literal[
        "chunked", "content_length", "close", "http10", "cl_and_te", "dup_te"
    ],
    cl_delta: int = 0,
    keep_open: bool = False,
) -> WireDraft:
    """Mark the end of the body in another way.

    Args:
        draft: The stream.
        mode: How the end is marked.

            - ``chunked``: by transfer chunks.
            - ``content_length``: by a content-length.
            - ``close``: by the close of the connection.
            - ``http10``: by the close of the connection, under HTTP/1.0.
            - ``cl_and_te``: by transfer chunks, with a correct content-length as well,
              as in an attempt at request smuggling (RFC 9112, section 6.1).
            - ``dup_te``: by transfer chunks, with two transfer-encoding headers.
        cl_delta: By how many bytes the content-length is too large. Negative: it is too
            small, and the remaining bytes belong to no answer.
        keep_open: Whether, after too small a content-length, the connection stays open
            with the remaining bytes on it, for the next request.

    Oracle:
        Both: the same body, in a framing of the proxy's own. The client is told of too
        large a content-length; bytes beyond too small a one belong to nobody. Two
        framings may be refused with 502.
    """
    marked = _FRAMINGS[mode]
    length = ("content-length", str(len(draft.body)))
    chunked = ("transfer-encoding", "chunked")
    lines = {"cl_and_te": (length, chunked), "dup_te": (chunked, chunked)}
    draft = replace(
        draft,
        framing=marked,
        http_version="HTTP/1.0" if mode == "http10" else "HTTP/1.1",
        promised_length=None,
        delivery=replace(draft.delivery, framing_headers=lines.get(mode)),
    )
    if keep_open and cl_delta >= 0:
        raise FaultError("only too small a content-length leaves bytes", key=_KEEP)
    if not cl_delta:
        return draft.with_note(f"framed the body by {mode}")
    if marked is not Framing.CONTENT_LENGTH:
        raise FaultError("only a content_length can be wrong", key="mode")
    promised = len(draft.body) + cl_delta
    if promised < 0:
        raise FaultError(f"the body has {len(draft.body)} bytes", key="cl_delta")
    end = draft.end
    if cl_delta > 0 and end is StreamEnd.COMPLETE:
        end = StreamEnd.TRUNCATED
    more = "more" if cl_delta > 0 else "fewer"
    return replace(
        draft,
        promised_length=promised,
        end=end,
        delivery=replace(
            draft.delivery, socket=replace(draft.delivery.socket, dirty=keep_open)
        ),
    ).with_note(f"promised {abs(cl_delta)} bytes {more} than are sent")


_KEEP = "keep_open"
_FRAMINGS = {
    "chunked": Framing.CHUNKED,
    "content_length": Framing.CONTENT_LENGTH,
    "close": Framing.CLOSE,
    "http10": Framing.CLOSE,
    "cl_and_te": Framing.CHUNKED,
    "dup_te": Framing.CHUNKED,
}


def _retry_after(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    try:
        parsedate_to_datetime(value)
    except ValueError:
        raise FaultError(
            "expected seconds or a date such as 'Wed, 21 Oct 2026 07:28:00 GMT', "
            f"got {value!r}",
            key="retry_after",
        ) from None
    return value


def _whole(draft: WireDraft, data: bytes, headers: list[tuple[str, str]]) -> WireDraft:
    """Return the draft with one short answer instead, sent together with its head."""
    at_ns = draft.head_at_ns
    if at_ns is None:
        raise FaultError("the upstream closes before the head")
    span = BlockSpan(start=0, end=len(data), meaning=Meaning.AS_SENT, meant=b"")
    named = {name.lower() for name, _ in headers} | {"content-type"}
    kept = [line for line in draft.headers if line[0].lower() not in named]
    return replace(
        draft,
        http_version="HTTP/1.1",
        headers=(*kept, *headers),
        framing=Framing.CONTENT_LENGTH,
        delivery=replace(draft.delivery, framing_headers=None),
        writes=(Write(at_ns, data),) if data else (),
        spans=(span,) if data else (),
        end=StreamEnd.COMPLETE,
        end_at_ns=at_ns,
        promised_length=None,
    )


def _body(kind: str, code: int) -> bytes:
    if kind == "html":
        return _HTML
    if kind == "done_only":
        return encode_event(OPENAI_CHAT.end)
    if kind == "empty":
        return b""
    kind = "rate_limit_error" if code == 429 else "server_error"
    error = OPENAI_CHAT.error(f"The server answered {code}", kind)
    return json.dumps(error.value).encode()
