"""Faults of the head: header lines that are missing, repeated, foreign or no lines."""

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
        set: Lines that replace those of the same name.
        remove: Names whose lines are left out.
        duplicate: Names whose first line is sent twice.
        raw_lines: Lines that are written as they are, right or wrong; in double quotes
            YAML reads ``\n`` (a bare line feed), ``\r``, ``\0``, and ``\r\n`` with
            white space behind it (an obsolete fold; RFC 9112, section 5.2).
        oversized_bytes: One more line, ``x-oversized``, with a value so long.

    Oracle:
        Both: type, Retry-After, request ids and limits arrive as they were sent; what
        belongs to the upstream's connection does not. A line that is no header line, or
        a head that is too long, may be refused with 502; no header may come of it that
        stands behind a bare CR or a NUL.
    """
    if draft.head_at_ns is None:
        raise FaultError("the upstream closes before a head")
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
        raise FaultError("expected one of set, remove, duplicate and the others")
    delivery = replace(draft.delivery, raw_lines=(*draft.delivery.raw_lines, *raw))
    return replace(draft, headers=lines, delivery=delivery).with_note(
        "in the head: " + ", ".join(done)
    )


def checked_headers(
    written: Mapping[str, str], *, key: str = "headers"
) -> list[tuple[str, str]]:
    """Return header lines, refusing what is none (RFC 9110, section 5).

    Raises:
        FaultError: A name is no token, a value has a control character or is not
            latin-1, or a line tells the framing, which is a fault of its own.
    """
    for name, value in written.items():
        if not _NAME.fullmatch(name):
            raise FaultError(f"not the name of a header: {name!r}", key=key)
        if name.lower() in _FRAMING:
            raise FaultError(
                f"the fault 'framing' tells the framing, came {name!r}", key=key
            )
        if not _VALUE.fullmatch(value):
            raise FaultError(
                f"not a value of a header: {value!r}; raw_lines of the fault 'headers' "
                "takes it",
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
            raise FaultError(f"a head is latin-1, came {line!r}", key="raw_lines")
        if "\r\n\r\n" in line or not line or line.startswith("\r\n"):
            raise FaultError(f"that would end the head: {line!r}", key="raw_lines")
    return tuple(lines)
