"""A cassette from the raw body of an event stream.

Such a file holds bytes and nothing else. Rules for what is invented:

1. Borders and times are those of `harness.cassette.importers.segmentation`.
2. The body ends complete, with its last segment.
3. The request asks for what the answer shows: its model, its usage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.cassette.importers.segmentation import (
    Split,
    borders_of,
    cut_at,
    event_ends,
)
from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Headers,
    Interaction,
    Recorded,
    Request,
    Response,
    Segment,
)
from harness.dialects.openai_chat import PayloadKind, parse_payload
from harness.errors import InputError
from harness.sse import parse

__all__ = ["Dialect", "Split", "SseSource", "import_sse"]


class Dialect(StrEnum):
    """Whose payloads the events carry; the cassette's tag."""

    OPENAI_CHAT = "openai-chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class SseSource:
    """What is known of a stream beside its body, and how to invent the rest.

    Attributes:
        name: The file's name, for messages.
        by: What made the cassette, with its version.
        upstream: Name of the recorded server, if known.
        dialect: Whose payloads the events carry.
        status: HTTP status.
        content_type: Value of the content-type header.
        lengths: Those of the recorded segments, if known; they win over ``split``.
        split: Where to cut; a number cuts after so many bytes.
        first_ns: When the first event comes, after the end of the request.
        pacing_ns: From one event to the next.
        request_body: What was asked, if known.
    """

    name: str
    by: str
    upstream: str | None = None
    dialect: Dialect = Dialect.OPENAI_CHAT
    status: int = 200
    content_type: str = "text/event-stream"
    lengths: tuple[int, ...] | None = None
    split: Split | int = Split.EVENT
    first_ns: int = 100_000_000
    pacing_ns: int = 20_000_000
    request_body: bytes | None = None


def import_sse(body: bytes, source: SseSource) -> Cassette:
    """Return a cassette of one interaction whose response has this body.

    Raises:
        InputError: An event stream without any field or comment, or lengths that do
            not add up to the body.
    """
    is_stream = "text/event-stream" in source.content_type.lower()
    if is_stream and not _FIELD.search(body):
        message = "expected an event stream, came a file without any of its fields"
        raise InputError(message, source=source.name)
    segments = _segments(body, source)
    last_ns = segments[-1].at_ns if segments else source.first_ns
    response = Response(
        status=source.status,
        http_version="HTTP/1.1",
        headers=(
            ("content-type", source.content_type),
            ("transfer-encoding", "chunked"),
        ),
        segments=segments,
        ending=Ending(at_ns=last_ns, kind=EndingKind.COMPLETE),
    )
    return Cassette(
        recorded=Recorded(at=None, by=source.by, upstream=source.upstream),
        tags=(source.dialect.value,),
        interactions=(Interaction(request=_request(body, source), response=response),),
        reconstructed=("times",) if source.lengths else ("times", "borders"),
    )


_FIELD = re.compile(rb"(?:\A|[\r\n])(?:\xef\xbb\xbf)?(?:data|event|id|retry)?:")


def _segments(body: bytes, source: SseSource) -> tuple[Segment, ...]:
    ends = event_ends(body)
    if source.lengths:
        borders: Sequence[int] = _summed(source.lengths, body, source.name)
    else:
        borders = borders_of(body, source.split, ends)
    first_ns, pacing_ns = source.first_ns, source.pacing_ns
    return cut_at(borders, body, ends, first_ns=first_ns, pacing_ns=pacing_ns)


def _summed(lengths: Sequence[int], body: bytes, name: str) -> list[int]:
    ends = []
    end = 0
    for length in lengths:
        end += length
        ends.append(end)
    if end != len(body):
        message = f"expected {end} bytes, as its lengths add up to, came {len(body)}"
        raise InputError(message, source=name)
    return ends


def _request(body: bytes, source: SseSource) -> Request:
    asked = source.request_body
    if asked is None:
        asked = json.dumps(_ask(body), ensure_ascii=False).encode()
    headers: Headers = (
        ("content-type", "application/json"),
        ("content-length", str(len(asked))),
    )
    return Request(
        method="POST", path="/v1/chat/completions", headers=headers, body=asked
    )


def _ask(body: bytes) -> dict[str, Any]:
    chunks = list(_chunks(body))
    models = (chunk.get("model") for chunk in chunks)
    asked: dict[str, Any] = {
        "model": next((m for m in models if isinstance(m, str) and m), "unknown"),
        "messages": [{"role": "user", "content": "(The question was not recorded.)"}],
        "stream": True,
    }
    if any(chunk.get("usage") for chunk in chunks):
        asked["stream_options"] = {"include_usage": True}
    return asked


def _chunks(body: bytes) -> Iterator[dict[str, Any]]:
    for event in parse(body).events:
        payload = parse_payload(event.data, event.event)
        if payload.kind is PayloadKind.CHUNK:
            yield payload.value
