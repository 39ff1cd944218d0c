"""The frames that the recorder sends to the saver on a pipe.

A frame is a head of fixed size (kind, number of the recording, time in nanoseconds,
size) and that many bytes. The bytes of a segment are sent unchanged; the rest is JSON.
A recorder that is killed leaves at most one incomplete frame, which is dropped.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, BinaryIO, NamedTuple

from harness.cassette.model import EndingKind, Headers, Request
from harness.record.recording import RecordingStart

__all__ = [
    "EXIT_LOST",
    "Frame",
    "FrameKind",
    "pack_ending",
    "pack_frame",
    "pack_start",
    "read_ending",
    "read_frames",
    "read_start",
]

EXIT_LOST = 4
"""The saver's exit code if a recording was not saved: evidence is missing."""

_HEAD = struct.Struct(">BIQI")


class FrameKind(IntEnum):
    """The kind of a frame."""

    SETTINGS = 1
    START = 2
    SEGMENT = 3
    ENDING = 4
    STOP = 5
    """The recorder stops normally; an end of the pipe without it means a kill."""


class Frame(NamedTuple):
    """One frame.

    Attributes:
        number: Of the recording; 0: it belongs to none.
        at_ns: Nanoseconds since the end of the request.
        data: The bytes of a segment, or JSON.
    """

    kind: FrameKind
    number: int
    at_ns: int
    data: bytes


def pack_frame(
    kind: FrameKind, number: int = 0, at_ns: int = 0, data: bytes | Any = b""
) -> bytes:
    """Return a frame as bytes; ``data`` of another type is written as JSON."""
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return _HEAD.pack(kind, number, at_ns, len(data)) + data


def read_frames(file: BinaryIO) -> Iterator[Frame]:
    """Yield the frames of a pipe until it ends, each as soon as it is complete."""
    while True:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        kind, number, at_ns, size = _HEAD.unpack(head)
        data = file.read(size)
        if len(data) < size:
            return
        yield Frame(FrameKind(kind), number, at_ns, data)


def pack_start(number: int, start: RecordingStart) -> bytes:
    """Return the frame that begins a recording."""
    request = start.request
    data = {
        "at": start.at,
        "upstream": start.upstream,
        "method": request.method,
        "path": request.path,
        "request_headers": request.headers,
        "body": base64.b64encode(request.body).decode(),
        "status": start.status,
        "http_version": start.http_version,
        "headers": start.headers,
        "notes": start.notes,
    }
    return pack_frame(FrameKind.START, number, 0, data)


def read_start(frame: Frame) -> RecordingStart:
    """Return the start that `pack_start` wrote."""
    data = json.loads(frame.data)
    return RecordingStart(
        at=data["at"],
        upstream=data["upstream"],
        request=Request(
            method=data["method"],
            path=data["path"],
            headers=_headers(data["request_headers"]),
            body=base64.b64decode(data["body"]),
        ),
        status=data["status"],
        http_version=data["http_version"],
        headers=_headers(data["headers"]),
        notes=tuple(data["notes"]),
    )


def pack_ending(
    number: int, at_ns: int, kind: EndingKind, notes: tuple[str, ...]
) -> bytes:
    """Return the frame that ends a recording."""
    return pack_frame(FrameKind.ENDING, number, at_ns, {"kind": kind, "notes": notes})


def read_ending(frame: Frame) -> tuple[EndingKind, tuple[str, ...]]:
    """Return the kind and the notes that `pack_ending` wrote."""
    data = json.loads(frame.data)
    return EndingKind(data["kind"]), tuple(data["notes"])


def _headers(data: list[list[str]]) -> Headers:
    return tuple((name, value) for name, value in data)
