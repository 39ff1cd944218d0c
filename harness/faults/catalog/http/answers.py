"""Faults of the answer as a whole: its status, its kind of body, its framing."""

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
"""What a load balancer says when it cannot reach the server."""

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
    """Answer with another status and a short body, in place of the stream.

    Statuses 204 and 304 have no body, and no header that tells one (RFC 9110, 8.6).

    Args:
        draft: The stream.
        code: The status.
        body: The kind of body.

            - ``json_error``: an error object as of OpenAI.
            - ``html``: the page of a load balancer.
            - ``empty``: nothing.
        headers: More header lines.
        retry_after: Seconds, or a day and time as HTTP writes it (RFC 9110, 10.2.3).

    Oracle:
        Both: status, body and Retry-After arrive as they were sent; nothing calls the
        body an event stream.
    """
    if code > 599:
        raise FaultError(f"expected 200 to 599, came {code}", key="code")
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
    """Answer with status 200 and a body that is no stream of chunks.

    Args:
        draft: The stream.
        kind: The body.

            - ``html``: the page of a load balancer.
            - ``json_error``: an error object as of OpenAI.
            - ``empty``: nothing.
            - ``done_only``: a stream of ``[DONE]`` alone.
        content_type: What the head calls it. By default the truth, and an event stream
            for ``empty`` and ``done_only``.

    Oracle:
        Both: type and body arrive as they were sent. A stream with nothing in it, or
        with [DONE] alone, does not look like an answer that was finished.
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
        mode: How.

            - ``chunked``: by transfer chunks.
            - ``content_length``: by a content-length.
            - ``close``: by the close of the connection.
            - ``http10``: by that, under HTTP/1.0.
            - ``cl_and_te``: by transfer chunks, beside a content-length that is right:
              an attempt at request smuggling looks so (RFC 9112, section 6.1).
            - ``dup_te``: by transfer chunks, told twice.
        cl_delta: So many bytes more than come are promised by the content-length, or
            less: then the rest belongs to no answer.
        keep_open: After too short a content-length the connection stays open with the
            rest on it, for who uses it again.

    Oracle:
        Both: the same body, in a framing of the proxy's own. Of too long a
        content-length the client is told; what is beyond too short a one belongs to
        nobody. Two framings may be refused with 502.
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
        raise FaultError("only too short a content-length leaves bytes", key=_KEEP)
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
    more = "more" if cl_delta > 0 else "less"
    return replace(
        draft,
        promised_length=promised,
        end=end,
        delivery=replace(
            draft.delivery, socket=replace(draft.delivery.socket, dirty=keep_open)
        ),
    ).with_note(f"promised {abs(cl_delta)} bytes {more} than come")


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
            f"came {value!r}",
            key="retry_after",
        ) from None
    return value


def _whole(draft: WireDraft, data: bytes, headers: list[tuple[str, str]]) -> WireDraft:
    """Return the draft with one short answer sent at once, at the time of the head."""
    at_ns = draft.head_at_ns
    if at_ns is None:
        raise FaultError("the upstream closes before a head")
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
