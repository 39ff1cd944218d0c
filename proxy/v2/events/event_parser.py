r"""Event streams: an incremental parser, and the canonical form of events.

The parser follows the WHATWG standard (HTML, section 9.2.6, "Interpreting an event
stream") and differs where a proxy must:

* Events keep the bytes of their data, and carry the bytes to pass on.  These are
  canonical: LF ends a line, one space follows the colon.  If the upstream writes the
  same form, they are its own bytes.  The lines ``event``, ``id`` and ``retry`` of an
  event precede its data.
* Comments, and lines that the standard ignores, are passed immediately and unchanged:
  they are keep-alives, or the body of an answer that is not an event stream, and a
  client ignores them as well.
* A block without data is not an event.  Its ``id`` and ``retry`` still count, so they
  are items of their own, for the caller to put on the next event; passed on alone, they
  make some clients fail.
* A clean end completes an unfinished event (:meth:`EventParser.finish`).
* The size of an event is limited.

CR and CRLF become LF before the search for lines, which is exact because neither can
occur within a line.  Bytes are read and copied a fixed number of times, whatever the
size of the event and of the reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

__all__ = ["DEFAULT_MAX_EVENT_BYTES", "EventParser", "Item", "encode_event"]

DEFAULT_MAX_EVENT_BYTES = 16 * 1024 * 1024
"""Far above real events (whole images in base64), far below what hurts a process."""

_BOM = b"\xef\xbb\xbf"
_LF = 10
_CR = 13
# As numbers, since ``10 in data`` costs a fifth of ``b"\n" in data``.

Item = (
    tuple[Literal["event"], bytes, bytes, bytes]
    | tuple[Literal["ignored"], bytes]
    | tuple[Literal["fields"], dict[bytes, bytes]]
    | tuple[Literal["too_large"]]
)
"""An item that the parser finds.

``("event", data, raw, head)``: the data, the whole event to pass on, and its lines
other than data.  ``("ignored", raw)``: a comment or an unknown line, or the blank line
after some.  ``("fields", lines)``: ``id`` and ``retry`` of a block without data, by
name.  ``("too_large",)``: an event exceeds the limit; nothing follows.
"""


def encode_event(data: bytes, head: bytes = b"") -> bytes:
    r"""Return an event in canonical form.

    Args:
        data: The data; LF separates its lines.
        head: Lines that precede it, each with its LF.
    """
    return b"%bdata: %b\n\n" % (head, data.replace(b"\n", b"\ndata: "))


class EventParser:
    """Finds events in a stream of bytes.

    Args:
        max_event_bytes: Largest size of an event, all its lines taken together.

    Attributes:
        clean: Whether the next byte begins an event and nothing is pending.
    """

    __slots__ = (
        "_at_start",
        "_block_bytes",
        "_commented",
        "_data",
        "_dead",
        "_fields",
        "_identified",
        "_max",
        "_midway",
        "_partial",
        "_skip_lf",
        "clean",
    )

    def __init__(self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._at_start = True
        self._skip_lf = False
        self._partial = bytearray()
        self._dead = False
        # The block in progress.
        self._data: list[bytes] = []
        self._fields: list[tuple[bytes, bytes]] = []
        self._commented = False
        self._block_bytes = 0
        # Whether an id was passed on; see _blank.
        self._identified = False
        self.clean = False
        # Whether the next byte continues a line.
        self._midway = False

    def feed(self, data: bytes) -> Sequence[Item]:
        """Take the next bytes and return the items that they complete."""
        if self.clean:
            stop = data.find(b"\n")
            if (
                # Most reads: one event of one line of data.
                stop + 2 == len(data)
                and data.startswith(b"data: ")
                and data[stop + 1] == _LF
                and stop <= self._max
                and _CR not in data
            ):
                return (("event", data[6:stop], data, b""),)
        elif self._midway and _LF not in data and _CR not in data:
            # Reads of a few bytes: a piece of a line.
            partial = self._partial
            partial += data
            if self._block_bytes + len(partial) <= self._max:
                return ()
            return self._die()
        return self._feed(data)

    def _feed(self, data: bytes) -> Sequence[Item]:
        if self._skip_lf or _CR in data:
            data = self._unify(data)
        partial = self._partial
        if partial or self._at_start:
            partial += data
            if self._at_start and not self._skip_bom():
                return ()
            if _LF not in data:
                self._midway = True
                return self._check_partial()
            data = bytes(partial)
            partial.clear()
        items = self._scan(data)
        self._midway = bool(partial)
        self.clean = not (
            partial or self._block_bytes or self._commented or self._skip_lf
        )
        return items

    def finish(self) -> Sequence[Item]:
        """Take the clean end of the stream and return the items that it completes."""
        self._at_start = False
        items: list[Item] = []
        if self._partial:
            items = self._scan(bytes(self._partial) + b"\n")
            self._partial.clear()
        if self._data or self._fields:
            self._blank(items)
        return items

    def _unify(self, data: bytes) -> bytes:
        """Replace CR and CRLF by LF; the LF after a CR may be in the next read."""
        if self._skip_lf and data.startswith(b"\n"):
            data = data[1:]
            self._skip_lf = False
        if data:
            self._skip_lf = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _skip_bom(self) -> bool:
        """Drop a byte order mark from the start; return False while it may be one."""
        partial = self._partial
        if len(partial) < len(_BOM) and _BOM.startswith(partial):
            return False
        self._at_start = False
        if partial.startswith(_BOM):
            del partial[: len(_BOM)]
        return True

    def _scan(self, data: bytes) -> list[Item]:
        items: list[Item] = []
        if self._dead:
            return items
        end = len(data)
        at = 0
        while (stop := data.find(b"\n", at)) >= 0:
            if (
                # Most streams: one line of data, and a blank one.
                data.startswith(b"data: ", at)
                and data.startswith(b"\n", stop + 1)
                and not self._block_bytes
                and stop - at <= self._max
            ):
                items.append(("event", data[at + 6 : stop], data[at : stop + 2], b""))
                self._commented = False
                at = stop + 2
                continue
            if not self._line(data[at:stop], items):
                return items
            at = stop + 1
        if at < end:
            self._partial += data[at:]
            items += self._check_partial()
        return items

    def _line(self, line: bytes, items: list[Item]) -> bool:
        """Take a line; return False if it makes the event too large."""
        if not line:
            self._blank(items)
            return True
        if self._block_bytes + len(line) > self._max:
            items += self._die()
            return False
        name, colon, value = line.partition(b":")
        if colon and value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._data.append(value)
        elif _counts(name, value):
            self._fields.append((name, b"%b: %b\n" % (name, value)))
        else:
            self._commented = True
            items.append(("ignored", line + b"\n"))
            return True
        self._block_bytes += len(line)
        return True

    def _blank(self, items: list[Item]) -> None:
        if self._data:
            data = b"\n".join(self._data)
            head = b"".join(line for _, line in self._fields)
            items.append(("event", data, encode_event(data, head), head))
        elif self._fields:
            # A type without data is forgotten; the others count (WHATWG 9.2.6).
            lines = {name: line for name, line in self._fields if name != b"event"}
            if lines:
                items.append(("fields", lines))
        elif self._commented and not self._identified:
            # Once it knows an id, a widely used client takes every blank line for an
            # event, and fails on its empty data.
            items.append(("ignored", b"\n"))
        if self._fields:
            self._identified |= any(name == b"id" for name, _ in self._fields)
            self._fields = []
        self._data = []
        self._commented = False
        self._block_bytes = 0

    def _check_partial(self) -> Sequence[Item]:
        if self._block_bytes + len(self._partial) <= self._max:
            return ()
        return self._die()

    def _die(self) -> Sequence[Item]:
        self._partial.clear()
        self._data, self._fields = [], []
        if self._dead:
            return ()
        self._dead = True
        return (("too_large",),)


def _counts(name: bytes, value: bytes) -> bool:
    """Tell whether a line other than data has a meaning (WHATWG 9.2.6)."""
    if name == b"event":
        return True
    if name == b"id":
        return b"\0" not in value
    return name == b"retry" and value.isdigit()
