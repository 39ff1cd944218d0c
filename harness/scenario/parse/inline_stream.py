"""Parser of responses that a scenario writes out, in place of a recording."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.cassette.model import (
    Ending,
    EndingKind,
    Framing,
    Headers,
    Request,
    Response,
    Segment,
)
from harness.dialects.registry import OPENAI_CHAT
from harness.documents.node import Node
from harness.errors import InputError
from harness.sse import EVENT_STREAM, encode_comment, encode_event
from harness.units import NS_PER_MS

__all__ = ["DEFAULT_REQUEST", "inline_response", "json_text"]

_ITL_MS = 20.0
"""Time before each event: that of a model with 50 tokens a second."""

_FORMS = ("data", "json", "comment", "raw")
_KEYS = ("stream", "status", "headers", "framing", "ending", "itl_ms")


def json_text(value: Any) -> str:
    """Return JSON as providers write it: no spaces, no escapes for other scripts."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


DEFAULT_REQUEST = Request(
    method="POST",
    path=OPENAI_CHAT.path,
    headers=(("content-type", "application/json"),),
    body=json_text(OPENAI_CHAT.request(model="harness", prompt="hello")).encode(),
)
"""The request of a scenario that has neither recording nor request."""


def inline_response(node: Node) -> Response | None:
    """Make the response that a mapping with a ``stream`` describes.

    Args:
        node: The mapping, as the scenario's schema checks it.

    Returns:
        The response; None: there is a mistake.
    """
    data = node.value
    itl = node.at("itl_ms")
    itl_ms = float(data.get("itl_ms", _ITL_MS)) if itl.is_sound else _ITL_MS
    segments = _segments(node.at("stream"), itl_ms)
    if not all(node.at(key).is_sound for key in _KEYS):
        return None
    total = sum(len(segment.data) for segment in segments)
    return Response(
        status=data.get("status", 200),
        http_version="HTTP/1.1",
        headers=_headers(data, total),
        segments=segments,
        ending=Ending(
            at_ns=segments[-1].at_ns,
            kind=EndingKind(data.get("ending", EndingKind.COMPLETE)),
        ),
    )


def _headers(data: Mapping[str, Any], total: int) -> Headers:
    written = data.get("headers", [["content-type", EVENT_STREAM]])
    headers = tuple((name, value) for name, value in written)
    match Framing(data.get("framing", Framing.CHUNKED)):
        case Framing.CHUNKED:
            return (*headers, ("transfer-encoding", "chunked"))
        case Framing.CONTENT_LENGTH:
            return (*headers, ("content-length", str(total)))
        case Framing.CLOSE:
            return headers


def _segments(stream: Node, itl_ms: float) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    at_ms = 0.0
    for event in stream:
        if not event.is_sound:
            continue
        form = event.value if isinstance(event.value, dict) else {"data": event.value}
        if "at_ms" in form and "gap_ms" in form:
            with event.mistakes:
                raise InputError("expected at_ms or gap_ms, got both", at=event)
        due_ms = float(form.get("at_ms", at_ms + form.get("gap_ms", itl_ms)))
        if due_ms < at_ms:
            message = (
                f"expected at least {at_ms:g}, when the event before it is sent, "
                f"got {due_ms:g}"
            )
            with event.mistakes:
                raise InputError(message, at=event.at("at_ms"))
        at_ms = due_ms
        with event.mistakes:
            data = _encode(event, form)
            segments.append(Segment(at_ns=round(at_ms * NS_PER_MS), data=data))
    return tuple(segments)


def _encode(event: Node, form: Mapping[str, Any]) -> bytes:
    kinds = [kind for kind in _FORMS if kind in form]
    if len(kinds) != 1:
        got = ", ".join(kinds) or "none"
        raise InputError(f"expected one of {', '.join(_FORMS)}, got {got}", at=event)
    if kinds[0] in {"comment", "raw"}:
        for key in ("event", "id"):
            if key in form:
                raise InputError(f"a {kinds[0]} has no {key}", at=event.at(key))
    try:
        match kinds[0]:
            case "comment":
                return encode_comment(form["comment"])
            case "raw":
                return str(form["raw"]).encode()
            case "json":
                text = json_text(form["json"])
            case _:
                text = form["data"]
        return encode_event(text, event=form.get("event"), id=form.get("id"))
    except ValueError as error:
        raise InputError(str(error), at=event) from None
