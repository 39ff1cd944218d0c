"""Interactions from flow files of mitmproxy (``mitmdump -w``).

A flow holds both heads, the whole body as it was coded on the wire, and the times at
which each message began and ended. A body that was streamed is missing, unless
mitmproxy 12 was told to keep it (``store_streamed_bodies``).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from mitmproxy.exceptions import FlowReadException
from mitmproxy.flow import Flow
from mitmproxy.http import Headers as FlowHeaders
from mitmproxy.http import HTTPFlow
from mitmproxy.http import Response as FlowResponse
from mitmproxy.io import FlowReader

from harness.cassette.importers.imported import (
    ImportedFile,
    ImportedInteraction,
    utc_time,
)
from harness.cassette.importers.reconstruction import (
    ReconstructionOptions,
    SourceResponse,
    reconstruct,
)
from harness.cassette.model import EndingKind, Headers, Request
from harness.errors import InputError
from harness.units import NS_PER_S

__all__ = ["KEPT_MAX", "import_flows"]

KEPT_MAX = 512 * 1024 * 1024
"""The most bytes of bodies that are kept from one file; the file may be larger."""

_NO_ANSWER = "requests without an answer"
_NO_BODY = (
    "answers whose body was streamed and not stored (mitmproxy 12 keeps it with"
    " --set store_streamed_bodies=true)"
)
_BROKEN = "answers that broke off, whose body mitmproxy does not keep"
_OTHER = "flows that are not HTTP"


def import_flows(path: Path, *, how: ReconstructionOptions) -> ImportedFile:
    """Read a flow file, flow by flow.

    Args:
        path: The file.
        how: How to invent borders, and times if a flow holds none.

    Raises:
        InputError: It cannot be read, is not a flow file, is one of a newer mitmproxy,
            or its bodies exceed `KEPT_MAX`.
    """
    found: list[ImportedInteraction] = []
    left_out: Counter[str] = Counter()
    kept = 0
    for flow in _flows(path):
        taken = _take(flow, how) if isinstance(flow, HTTPFlow) else _OTHER
        if isinstance(taken, str):
            left_out[taken] += 1
            continue
        found.append(taken)
        interaction = taken.interaction
        kept += len(interaction.request.body) + len(interaction.response.body)
        if kept > KEPT_MAX:
            message = f"expected at most {KEPT_MAX} bytes of bodies, got more"
            raise InputError(message, source=str(path))
    return ImportedFile(
        interactions=tuple(found), program="mitmproxy", left_out=left_out
    )


class _BoundedFile:
    """A file that is never asked for more bytes than it has.

    In the format lengths precede data, and a buffer of a false length can exhaust the
    memory.
    """

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._rest = os.fstat(file.fileno()).st_size

    def peek(self, size: int) -> bytes:
        return self._file.peek(size)

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._rest))
        self._rest -= len(data)
        return data


def _flows(path: Path) -> Iterator[Flow]:
    number = 0
    try:
        with path.open("rb") as file:
            _refuse_json(file, path)
            for flow in FlowReader(cast(BinaryIO, _BoundedFile(file))).stream():
                yield flow
                number += 1
    except InputError:
        raise
    except OSError as error:
        message = f"cannot read: {error.strerror or error}"
        raise InputError(message, source=str(path)) from None
    except Exception as error:  # noqa: BLE001 - bad input raises any, in mitmproxy
        why = error if isinstance(error, FlowReadException) else type(error).__name__
        message = f"expected a flow file, flow {number + 1} cannot be read: {why}"
        raise InputError(message, source=str(path)) from None


def _refuse_json(file: BufferedReader, path: Path) -> None:
    # Mitmproxy would read it as HAR, and lose what its importer does not keep.
    if file.peek(4).removeprefix(b"\xef\xbb\xbf").startswith(b"{"):
        message = "expected a flow file, got JSON: `harness import har` reads HAR"
        raise InputError(message, source=str(path))


def _take(flow: HTTPFlow, how: ReconstructionOptions) -> ImportedInteraction | str:
    """Return the interaction of a flow, or the reason why it has none."""
    asked, answered = flow.request, flow.response
    if flow.websocket is not None:
        return _OTHER
    if answered is None:
        return _NO_ANSWER
    # A body that was streamed is missing; one that was never sent is empty.
    if answered.raw_content is None:
        return _NO_BODY if flow.error is None else _BROKEN
    notes: tuple[str, ...] = ()
    if asked.raw_content is None:
        notes += ("The body of the request was streamed and is not known.",)
    if flow.error is not None:
        notes += (f"mitmproxy says about the end: {flow.error.msg}.",)
    zero_s = asked.timestamp_end or asked.timestamp_start
    held = SourceResponse(
        status=answered.status_code,
        http_version=answered.http_version,
        headers=_headers(answered.headers),
        body=answered.raw_content,
        first_ns=_since(zero_s, answered.timestamp_start),
        last_ns=_since(zero_s, answered.timestamp_end),
        ending=_ending(flow, answered),
        notes=notes,
    )
    request = Request(
        method=asked.method,
        path=asked.data.path.decode("latin-1"),
        headers=_headers(asked.headers),
        body=asked.raw_content or b"",
    )
    host = f"[{asked.host}]" if ":" in asked.host else asked.host
    standard = {"http": 80, "https": 443}.get(asked.scheme)
    port = "" if asked.port == standard else f":{asked.port}"
    return ImportedInteraction(
        interaction=reconstruct(request, held, how),
        at=utc_time(datetime.fromtimestamp(asked.timestamp_start, UTC).isoformat()),
        upstream=f"{asked.scheme}://{host}{port}",
    )


def _since(zero_s: float, at_s: float | None) -> int | None:
    # mitmproxy stamps with wall time, which may have been set back in between.
    return None if at_s is None else max(0, round((at_s - zero_s) * NS_PER_S))


def _ending(flow: HTTPFlow, answered: FlowResponse) -> EndingKind | None:
    if flow.error is None:
        # A stream that was running when the file was written has no end.
        stopped = answered.timestamp_end is None
        return EndingKind.RECORDER_STOPPED if stopped else None
    # The text does not distinguish a reset from a close.
    left = flow.error.msg.startswith("Client disconnected")
    return EndingKind.CLIENT_CLOSED if left else EndingKind.TRUNCATED


def _headers(headers: FlowHeaders) -> Headers:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers.fields
    )
