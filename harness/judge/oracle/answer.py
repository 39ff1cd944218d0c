"""The upstream's answer as its reader on the wire sees it."""

from __future__ import annotations

import re

from harness.cassette.model import Framing, Headers
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.coded import coded_body, coded_writes
from harness.faults.draft.wire import WireDraft

__all__ = [
    "hop_by_hop_headers",
    "injected_names",
    "is_labelled",
    "looks_clean",
    "may_refuse",
    "readable_body",
]

_HEAD_MAX = 8 * 1024
"""Above that a server in front may refuse a head: nginx reads 4 or 8 KiB."""

_HOP_BY_HOP = frozenset(
    {"keep-alive", "proxy-connection", "te", "trailer", "upgrade", "connection"}
)
"""RFC 9110, section 7.6.1; transfer-encoding is the framing's."""

_ANYBODYS_OWN = frozenset({"close", "keep-alive"})


def readable_body(wire: WireDraft) -> bytes:
    """Return the body as far as its framing and its content coding can be read.

    After the first byte that is no framing nothing is sure; bytes beyond a promised
    length are not part of the answer.
    """
    if wire.delivery.coding is not None and not is_labelled(wire):
        return coded_body(wire)
    size = 0
    for _, _, length, raw in coded_writes(wire):
        if raw:
            break
        size += length
    if wire.promised_length is not None and wire.delivery.coding is None:
        size = min(size, wire.promised_length)
    return wire.body[:size]


def is_labelled(wire: WireDraft) -> bool:
    """Whether the head names a content coding."""
    return any(name.lower() == "content-encoding" for name, _ in wire.headers)


def looks_clean(wire: WireDraft) -> bool:
    """Whether the end of the upstream's answer looks right to its reader."""
    if any(write.raw for write in wire.writes):
        return False
    coding = wire.delivery.coding
    if coding is not None and coding.cut and is_labelled(wire):
        return False
    if wire.end is StreamEnd.COMPLETE:
        promised = wire.promised_length
        return promised is None or promised <= len(coded_body(wire))
    closed = wire.end in {StreamEnd.TRUNCATED, StreamEnd.HALF_CLOSED}
    return closed and wire.framing is Framing.CLOSE


def may_refuse(wire: WireDraft) -> bool:
    """Whether a 502 is as right as an answer made from this one.

    That is so with two framings (RFC 9112, section 6.3), lines that are no header lines
    (section 5; RFC 9110, section 5.5), a head beyond usual limits, and a coding that
    the body does not have.
    """
    if len(wire.delivery.framing_headers or ()) > 1 or wire.delivery.raw_lines:
        return True
    if wire.delivery.coding is None and is_labelled(wire):
        return True
    return sum(len(name) + len(value) for name, value in wire.headers) > _HEAD_MAX


def injected_names(wire: WireDraft) -> tuple[str, ...]:
    """Return the names that follow a bare CR or a NUL, in lower case.

    A header may follow a bare LF (RFC 9112, section 2.2), but not these.
    """
    parts = [
        part
        for line in wire.delivery.raw_lines
        for part in re.split(r"\r(?!\n)|\0", line)[1:]
    ]
    found = (re.match(r"\s*([-!#$%&'*+.^_`|~0-9A-Za-z]+):", part) for part in parts)
    return tuple(match[1].lower() for match in found if match)


def hop_by_hop_headers(wire: WireDraft) -> Headers:
    """Return the headers that are only for the upstream's direct peer."""
    listed = {
        token.strip().lower()
        for name, value in wire.headers
        if name.lower() == "connection"
        for token in value.split(",")
    }
    names = _HOP_BY_HOP | (listed - _ANYBODYS_OWN)
    return tuple(
        (name.lower(), value.strip())
        for name, value in wire.headers
        if name.lower() in names and value.strip().lower() not in _ANYBODYS_OWN
    )
