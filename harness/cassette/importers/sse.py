"""A cassette from the raw body of an event stream.

Such a file has bytes and nothing else. The rest is invented by these rules:

1. Borders and times are those of `harness.cassette.importers.segmentation`.
2. The body ends complete, with its last segment.
3. The request asks for the model and the usage that the answer shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

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
from harness.dialects.interface import Dialect
from harness.dialects.payload import PayloadKind
from harness.dialects.registry import OPENAI_CHAT
from harness.errors import InputError
from harness.sse import EVENT_STREAM, is_event_stream, parse

__all__ = ["Split", "SseSource", "import_sse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SseSource:
    """The known facts about a stream besides its body, and how to invent the rest.

    Attributes:
        name: The file's name, for messages.
        by: The program that made the cassette, with its version.
        upstream: Name of the recorded server, if known.
        dialect: The dialect of the events.
        lengths: Those of the recorded segments, if known; they win over ``split``.
        split: Where to cut; a number cuts after that many bytes.
        first_ns: When the first event arrives, after the end of the request.
        pacing_ns: From one event to the next.
        request_body: The body of the request, if known.
    """

    name: str
    by: str
    upstream: str | None = None
    dialect: Dialect = OPENAI_CHAT
    status: int = 200
    content_type: str = EVENT_STREAM
    lengths: tuple[int, ...] | None = None
    split: Split | int = Split.EVENT
    first_ns: int = 100_000_000
    pacing_ns: int = 20_000_000
    request_body: bytes | None = None


def import_sse(body: bytes, source: SseSource) -> Cassette:
    """Return a cassette of one interaction whose response has this body.

    Raises:
        InputError: An event stream has neither a field nor a comment, or the lengths
            do not add up to the body.
    """
    is_stream = is_event_stream(source.content_type, anywhere=True)
    if is_stream and not _FIELD.search(body):
        message = "expected an event stream, got a file without any of its fields"
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
        tags=(source.dialect.name,),
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
        message = f"expected {end} bytes, as its lengths add up to, got {len(body)}"
        raise InputError(message, source=name)
    return ends


def _request(body: bytes, source: SseSource) -> Request:
    asked = source.request_body
    if asked is None:
        asked = _ask(body, source.dialect)
    headers: Headers = (
        ("content-type", "application/json"),
        ("content-length", str(len(asked))),
    )
    return Request(method="POST", path=source.dialect.path, headers=headers, body=asked)


def _ask(body: bytes, dialect: Dialect) -> bytes:
    model, usage = "", False
    for event in parse(body).events:
        payload = dialect.read(event.data, event.event)
        if payload.kind is PayloadKind.CHUNK:
            named = dialect.identity(payload.value)["model"]
            model = model or (named if isinstance(named, str) else "")
            usage = usage or bool(dialect.meaning(payload.value).usage)
    asked = dialect.request(
        model=model or "unknown",
        prompt="(The question was not recorded.)",
        usage=usage,
    )
    return json.dumps(asked, ensure_ascii=False).encode()
