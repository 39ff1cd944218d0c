"""The fault of the head: header lines that are missing, repeated, new or malformed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from harness.cassette.model import Headers
from harness.errors import closest
from harness.faults.draft.wire import WireDraft
from harness.faults.errors import FaultError
from harness.faults.parameters import Count
from harness.faults.registry import Layer, fault

__all__ = ["checked_headers", "headers"]

_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FRAMING = frozenset({"content-length", "transfer-encoding"})


@fault(
    Layer.HTTP,
    example={"set": {"x-request-id": "req-1"}, "duplicate": ["content-type"]},
    live_only={"raw_lines": (), "oversized_bytes": ()},
)
def headers(  # noqa: PLR0913 - they are the words of a scenario
    draft: WireDraft,
    *,
    set: Mapping[str, str] | None = None,  # noqa: A002 - the word of a scenario
    remove: list[str] | None = None,
    duplicate: list[str] | None = None,
    raw_lines: list[str] | None = None,
    oversized_bytes: Count | None = None,
) -> WireDraft:
    r"""Change the header lines of the answer.

    Args:
        draft: The stream.
        set: Lines that replace those with the same name.
        remove: Names whose lines are omitted.
        duplicate: Names whose first line is sent twice.
        raw_lines: Lines that are written as they are, right or wrong; in double quotes
            YAML reads ``\n`` (a bare line feed), ``\r``, ``\0``, and ``\r\n`` followed
            by white space (an obsolete fold; RFC 9112, section 5.2).
        oversized_bytes: The length of the value of one more line, ``x-oversized``.

    Oracle:
        Both: type, Retry-After, request ids and limits arrive as sent; headers of the
        upstream's connection do not. A malformed line or a head that is too long may be
        refused with 502; text after a bare CR or a NUL never becomes a header.
    """
    if draft.head_at_ns is None:
        raise FaultError("the upstream closes before the head")
    lines = draft.headers
    done = []
    for name in remove or ():
        lines = _without(lines, name, "remove")
        done.append(f"removed {name}")
    for name, value in checked_headers(set or {}, key="set"):
        lines = tuple(line for line in lines if line[0].lower() != name.lower())
        lines = (*lines, (name, value))
        done.append(f"set {name}")
    for name in duplicate or ():
        lines = _doubled(lines, name)
        done.append(f"sent {name} twice")
    raw = list(_raw(raw_lines or ()))
    done += [f"wrote {line[:60]!r} as it is" for line in raw]
    if oversized_bytes is not None:
        raw.append("x-oversized: " + "o" * oversized_bytes)
        done.append(f"sent a line of {oversized_bytes} bytes")
    if not done:
        raise FaultError(
            "expected one of set, remove, duplicate, raw_lines, oversized_bytes"
        )
    delivery = replace(draft.delivery, raw_lines=(*draft.delivery.raw_lines, *raw))
    return replace(draft, headers=lines, delivery=delivery).with_note(
        "in the head: " + ", ".join(done)
    )


def checked_headers(
    written: Mapping[str, str], *, key: str = "headers"
) -> list[tuple[str, str]]:
    """Return header lines; refuse invalid ones (RFC 9110, section 5).

    Raises:
        FaultError: A name is no token, a value has a control character or is not
            latin-1, or a line is about the framing, which has a fault of its own.
    """
    for name, value in written.items():
        if not _NAME.fullmatch(name):
            raise FaultError(f"{name!r} is not the name of a header", key=key)
        if name.lower() in _FRAMING:
            raise FaultError(f"{name!r} belongs to the fault 'framing'", key=key)
        if not _VALUE.fullmatch(value):
            raise FaultError(
                f"{value!r} is not the value of a header; raw_lines of the fault "
                "'headers' accepts it",
                key=key,
            )
    return list(written.items())


def _without(lines: Headers, name: str, key: str) -> Headers:
    kept = tuple(line for line in lines if line[0].lower() != name.lower())
    if kept == lines:
        raise _missing(lines, name, key)
    return kept


def _doubled(lines: Headers, name: str) -> Headers:
    for place, line in enumerate(lines):
        if line[0].lower() == name.lower():
            return (*lines[: place + 1], line, *lines[place + 1 :])
    raise _missing(lines, name, "duplicate")


def _missing(lines: Headers, name: str, key: str) -> FaultError:
    names = [known for known, _ in lines]
    return FaultError(
        f"the answer has no header {name!r}", key=key, nearest=closest(name, names)
    )


def _raw(lines: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    for line in lines:
        if any(ord(letter) > 0xFF for letter in line):
            raise FaultError(f"expected latin-1 text, got {line!r}", key="raw_lines")
        if "\r\n\r\n" in line or not line or line.startswith("\r\n"):
            raise FaultError(f"{line!r} would end the head", key="raw_lines")
    return tuple(lines)
