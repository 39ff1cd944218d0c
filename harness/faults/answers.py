"""Faults of the answer as a whole: its status, its kind of body, its framing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from harness.cassette.model import Framing
from harness.faults.draft import Finish, Meaning, Span, WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast
from harness.faults.registry import Layer, fault

__all__ = ["body", "framing", "status"]

Code = Annotated[int, AtLeast(200)]

_HTML = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
"""What a load balancer says when it cannot reach the server."""

_TYPES = {"html": "text/html", "json_error": "application/json"}


@fault(Layer.HTTP, example={"code": 429, "headers": {"retry-after": "1"}})
def status(
    draft: WireDraft,
    *,
    code: Code,
    body: Literal["json_error", "html", "empty"] = "json_error",
    headers: Mapping[str, str] | None = None,
) -> WireDraft:
    """Answer with another status and a short body, in place of the stream.

    Args:
        draft: The stream.
        code: The status.
        body: The kind of body.
        headers: More header lines.
    """
    if code > 599:
        raise FaultError(f"expected 200 to 599, came {code}", key="code")
    lines = [("content-type", _TYPES[body])] if body in _TYPES else []
    lines += (headers or {}).items()
    whole = _whole(draft, _body(body, code), lines)
    return replace(whole, status=code).noted(f"answered {code} with body {body}")


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
        kind: The body; ``done_only`` is a stream of ``[DONE]`` alone.
        content_type: What the head calls it. By default the truth, and an event stream
            for ``empty`` and ``done_only``.
    """
    named = content_type or _TYPES.get(kind, "text/event-stream")
    whole = _whole(draft, _body(kind, 500), [("content-type", named)])
    if "text/event-stream" in named:
        whole = replace(whole, framing=draft.framing)
    return replace(whole, status=200).noted(f"answered 200 {named} with body {kind}")


@fault(Layer.HTTP, example={"mode": "close"})
def framing(
    draft: WireDraft,
    *,
    mode: Literal["chunked", "content_length", "close", "http10"],
    missing_bytes: Annotated[int, AtLeast(0)] = 0,
) -> WireDraft:
    """Mark the end of the body in another way.

    Args:
        draft: The stream.
        mode: Transfer chunks, a content-length, the close of the connection, or that
            under HTTP/1.0.
        missing_bytes: How many bytes a content-length promises that never come.
    """
    marked = {"http10": Framing.CLOSE}.get(mode) or Framing(mode)
    draft = replace(
        draft,
        framing=marked,
        http_version="HTTP/1.0" if mode == "http10" else "HTTP/1.1",
        promised_length=None,
    )
    if not missing_bytes:
        return draft.noted(f"framed the body by {mode}")
    if marked is not Framing.CONTENT_LENGTH:
        raise FaultError("only a content_length can promise too much", key="mode")
    finish = Finish.TRUNCATED if draft.finish is Finish.COMPLETE else draft.finish
    return replace(
        draft, promised_length=len(draft.body) + missing_bytes, finish=finish
    ).noted(f"promised {missing_bytes} bytes more than come")


def _whole(draft: WireDraft, data: bytes, headers: list[tuple[str, str]]) -> WireDraft:
    """Return the draft with one short answer sent at once, at the time of the head."""
    at_ns = draft.head_at_ns
    if at_ns is None:
        raise FaultError("the upstream closes before a head")
    span = Span(start=0, end=len(data), meaning=Meaning.AS_SENT, meant=b"")
    named = {name.lower() for name, _ in headers} | {"content-type"}
    kept = [line for line in draft.headers if line[0].lower() not in named]
    return replace(
        draft,
        http_version="HTTP/1.1",
        headers=(*kept, *headers),
        framing=Framing.CONTENT_LENGTH,
        writes=(Write(at_ns, data),) if data else (),
        spans=(span,) if data else (),
        finish=Finish.COMPLETE,
        finish_at_ns=at_ns,
        promised_length=None,
    )


def _body(kind: str, code: int) -> bytes:
    if kind == "html":
        return _HTML
    if kind == "done_only":
        return b"data: [DONE]\n\n"
    if kind == "empty":
        return b""
    error = {
        "message": f"The server answered {code}",
        "type": "rate_limit_error" if code == 429 else "server_error",
        "param": None,
        "code": None,
    }
    return json.dumps({"error": error}).encode()
