"""The legacy architecture, frozen.

It behaves exactly as it always did, byte for byte.  Its faults stay: they are what a
comparison with the new architecture has to find, so nothing here may be "fixed".  The
ids are those of the rules in ``docs/design/legacy-architecture.md``.

Known faults:

* C1, C4: lines end at LF only, and only ``data: `` with one space is data.
* C2: what follows the last LF is thrown away, a final ``[DONE]`` too.
* C3: a blank line is never forwarded; every data line becomes an event of its own.
* C6, C7, C8: in the opening a related chunk replaces the one that is held, for good;
  empty text is related to everything, so finish, role and tool calls get lost, and
  legitimate repeats are.
* C9: a cumulative stream arrives at its end, in one piece.
* C10: only the first choice is compared; the others are lost with a replaced chunk.
* C11: what is held when the stream ends is lost.
* C12, C18: a cut, a reset and a timeout look like a clean end.
* C13: all headers are copied, hop-by-hop ones and a stale length too.
* C14: the head waits for the first event that is sent.
* V1-1: a stream that opens without text begins with an empty event.
* V1-2: any other event between two stuttering chunks doubles the text.
* V1-3: after the opening nothing is parsed; broken events reach the client.
* V1-4: ``[DONE]`` ends the stream only when it is spelled exactly, after the opening.
* V1-5: other lines overtake the event that is held, without a blank line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, cast

from proxy.relay import Command, Event, Headers, Relay

__all__ = ["LegacyRelay", "make_relay"]

TIMEOUT = "STREAMING_TIMEOUT_SECONDS"
DEFAULT_TIMEOUT = "900"
"""Seconds that a whole request may take (C18)."""

MAX_DEPTH = 10_000
"""Nesting at which Go's ``encoding/json`` gives up."""

_SLICE_DEPTH = 200
"""Nesting handed to Python's parser in one piece; it recurses, Go's does not."""

_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
_SPACE += "\u2028\u2029\u202f\u205f\u3000"
"""What Go's ``unicode.IsSpace`` accepts; Python's ``str.strip`` takes more."""

_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)

_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def make_relay(
    settings: Mapping[str, str], seed: int, shared: dict[str, Any] | None = None
) -> Relay:
    """Make the legacy relay of one stream.

    Raises:
        ValueError: ``STREAMING_TIMEOUT_SECONDS`` is no positive number.
    """
    # The legacy architecture is not random, and its streams share nothing.
    del seed, shared
    text = settings.get(TIMEOUT, DEFAULT_TIMEOUT)
    try:
        timeout_s = float(text)
    except ValueError:
        timeout_s = math.nan
    if not (0 < timeout_s < math.inf):
        raise ValueError(
            f"{TIMEOUT}: expected a number of seconds above 0, not {text!r}"
        )
    return LegacyRelay(timeout_ns=round(timeout_s * 1e9))


class LegacyRelay:
    """The legacy architecture for one stream.

    Args:
        timeout_ns: How long the whole request may take.
    """

    architecture = "v1"
    """The name of the architecture, for a driver that shows what served a stream."""

    def __init__(self, *, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self._started = False
        self._over = False
        self._head: tuple[int, Headers] | None = None
        self._head_sent = False
        self._partial = bytearray()
        self._stuttering = True
        self._held = b""
        self._held_text = ""

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        """Take one event and return the commands; see :mod:`proxy.relay`."""
        if event[0] == "request":
            return self._begin(now_ns)
        if not self._started:
            raise ValueError(f"{event[0]} before a request")
        if self._over:
            return []
        match event[0]:
            case "data":
                return self._data(event[1])
            case "head":
                self._head = event[1:]
            case "ended":
                return self._ended(event[1])
            case "timer":
                return self._stop(
                    "context deadline exceeded (Client.Timeout or context "
                    "cancellation while reading body)"
                )
            case "client_gone":
                return self._client_gone()
        return []

    def _begin(self, now_ns: int) -> list[Command]:
        if self._started:
            raise ValueError("a second request")
        self._started = True
        return [
            ("log", "debug", "Using legacy streaming architecture (v1)", {}),
            ("connect", 1),
            ("set_timer", "total", now_ns + self._timeout_ns),
        ]

    def _data(self, data: bytes) -> list[Command]:
        if self._head is None:
            raise ValueError("data before a head")
        self._partial += data
        if 10 not in data:  # LF, as a number: membership of bytes is slow
            return []
        *lines, rest = bytes(self._partial).split(b"\n")
        self._partial = bytearray(rest)
        commands: list[Command] = []
        for line in lines:
            self._line(line, commands)
            if self._over:
                break
        return commands

    def _line(self, line: bytes, commands: list[Command]) -> None:
        if not line.startswith(b"data: "):
            if _trim(line.decode("utf-8", "surrogateescape")):
                self._send(line + b"\n", commands)
        elif self._stuttering:
            self._compare(line[6:], commands)
        else:
            self._send(line + b"\n\n", commands)
            if line == b"data: [DONE]":
                self._finish(commands, close_upstream=True)

    def _compare(self, payload: bytes, commands: list[Command]) -> None:
        """Hold, replace or release: C6, and V1-1 where nothing is held."""
        text = _content(payload)
        if text is not None and (not self._held or _related(text, self._held_text)):
            self._held, self._held_text = payload, text
            return
        self._stuttering = False
        self._send(b"data: %b\n\ndata: %b\n\n" % (self._held, payload), commands)
        self._held, self._held_text = b"", ""
        # A [DONE] that ends the opening does not end the stream (V1-4).

    def _send(self, data: bytes, commands: list[Command]) -> None:
        self._send_head(commands)
        commands.append(("send", data))

    def _send_head(self, commands: list[Command]) -> None:
        if self._head is not None and not self._head_sent:
            self._head_sent = True
            commands.append(("send_head", *self._head))

    def _ended(self, kind: str) -> list[Command]:
        if kind != "complete" or self._head is None:
            return self._stop(f"upstream: {kind}", close_upstream=False)
        commands: list[Command] = []
        self._finish(commands, close_upstream=False)
        return commands

    def _stop(self, reason: str, *, close_upstream: bool = True) -> list[Command]:
        """End as the legacy proxy does when reading fails: C12 and C18."""
        if self._head is None:
            commands: list[Command] = [
                ("log", "error", f"Failed to send request: {reason}", {})
            ]
            self._head = (
                500,
                (
                    (b"Content-Type", b"text/plain; charset=utf-8"),
                    (b"X-Content-Type-Options", b"nosniff"),
                ),
            )
            self._send(f"Failed to send request: {reason}\n".encode(), commands)
        else:
            commands = [("log", "error", f"Error reading from upstream: {reason}", {})]
        self._finish(commands, close_upstream=close_upstream)
        return commands

    def _finish(self, commands: list[Command], *, close_upstream: bool) -> None:
        self._over = True
        self._send_head(commands)
        commands.append(("cancel_timer", "total"))
        if close_upstream:
            commands.append(("close_upstream",))
        commands.append(("end",))

    def _client_gone(self) -> list[Command]:
        self._over = True
        return [
            ("log", "error", "Error reading from upstream: context canceled", {}),
            ("cancel_timer", "total"),
            ("close_upstream",),
        ]


def _trim(text: str) -> str:
    return text.strip(_SPACE)


def _related(text: str, held: str) -> bool:
    return text.startswith(held) or held.startswith(text)


def _content(payload: bytes) -> str | None:
    """Return ``choices[0].delta.content`` where it is a string, as Go reads it."""
    # surrogateescape makes one character of each invalid byte; Go makes U+FFFD.
    text = _trim(payload.decode("utf-8", "surrogateescape"))
    try:
        value = _go_json(text)
    except ValueError:
        return None
    for key, kind in (("choices", list), (0, dict), ("delta", dict), ("content", str)):
        try:
            value = value[key]
        except (TypeError, KeyError, IndexError):
            return None
        if not isinstance(value, kind):
            return None
    return cast("str", value).translate(_SURROGATES)


def _go_json(text: str) -> Any:
    """Read JSON as Go's ``json.Unmarshal`` into a map does.

    Raises:
        ValueError: Go refuses it.
    """
    try:
        return _loads(text)
    except RecursionError:
        return _deep_json(text)


def _deep_json(text: str) -> Any:
    """Read JSON that nests too deeply for Python's parser, slice by slice.

    What lies below a slice is cut out, with a number in its place, and read by itself.
    Only the first slice is returned; the others need only be valid.
    """
    outermost, *rest = _slices(text)
    value = _loads(outermost)
    depth = _SLICE_DEPTH
    while rest:
        if depth >= MAX_DEPTH:
            raise ValueError("exceeded max depth")
        below: list[str] = []
        for part in rest:
            outer, *deeper = _slices(part)
            _loads(outer)
            below += deeper
        rest = below
        depth += _SLICE_DEPTH
    return value


def _slices(text: str) -> list[str]:
    """Return the outer levels of ``text``, then each container below them."""
    outer: list[str] = []
    inner: list[str] = []
    depth = start = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == _SLICE_DEPTH + 1:
                outer.append(text[start : token.start()] + " 0 ")
                start = token.start()
        elif token[0] in "]}":
            if depth == _SLICE_DEPTH + 1:
                inner.append(text[start : token.end()])
                start = token.end()
            depth -= 1
    if depth > 0:
        raise ValueError("unexpected end of JSON input")
    outer.append(text[start:])
    return ["".join(outer), *inner]


def _loads(text: str) -> Any:
    return json.loads(
        text, parse_int=_number, parse_float=_number, parse_constant=_refuse
    )


def _number(text: str) -> float:
    # Go reads every number as float64 and refuses what does not fit.
    number = float(text)
    if math.isinf(number):
        raise ValueError("cannot unmarshal number into Go value of type float64")
    return number


def _refuse(name: str) -> Any:
    raise ValueError(f"invalid character in {name}")
