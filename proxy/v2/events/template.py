r"""Templates: the bytes that an event shares with the last one, around its text.

Almost all events of a stream differ from the last one in nothing except one text:
``id``, ``model`` and everything else stay.  Once such an event was read and its text is
past its opening, the bytes before and after the text are its *template*.  An event that
begins and ends with these bytes, and has one JSON string between them, is JSON, and
means the same except for that text: it need not be examined.  The comparison costs a
third of reading the event.

The template is trusted only after a test: with another text between the bytes, the
payload must read as the chunk with that text.  A key that occurs twice, or is written
in another way, fails the test.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from proxy.v2.events.content import TEXT_FIELDS

__all__ = ["EventTemplate", "template_of"]

_PROBE = "\u2063 shape \u2063"
"""A text that no payload is likely to hold."""

_TEXTS = {
    name: re.compile(
        rb'"%b"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"' % name.encode(), re.DOTALL
    )
    for name in TEXT_FIELDS
}


class EventTemplate(NamedTuple):
    r"""A template: the bytes around a text, of an event of one line of data.

    Attributes:
        before: From ``data: `` to the quote that opens the text.
        after: From the quote that closes it to the blank line.
    """

    before: bytes
    after: bytes

    def matches(self, event: bytes) -> bool:
        """Tell whether an event matches."""
        before, after = self.before, self.after
        if not (event.startswith(before) and event.endswith(after)):
            return False
        try:
            # Both quotes are included, so this can only be one string.
            orjson.loads(event[len(before) - 1 : len(event) - len(after) + 1])
        except ValueError:
            return False
        return True

    def match_run(self, data: bytes) -> tuple[int, int]:
        """Return how many events at the beginning match, and where they end.

        The end of the template is an event's end: it has a blank line, and no JSON
        string can hold one.
        """
        before, after = self.before, self.after
        opens, closes = len(before) - 1, len(after) - 1
        loads = orjson.loads
        count = at = 0
        try:
            while data.startswith(before, at):
                stop = data.find(after, at + opens + 1)
                if stop < 0:
                    break
                loads(data[at + opens : stop + 1])
                at = stop + 1 + closes
                count += 1
        except ValueError:
            pass
        return count, at


def template_of(
    event: bytes, chunk: Any
) -> tuple[EventTemplate, tuple[int, str]] | None:
    """Return the template of an event, and the choice and field of its text.

    None is returned if it does not have exactly one text.

    Args:
        event: One line of data, in canonical form.
        chunk: Its parsed payload.
    """
    try:
        (choice,) = chunk["choices"]
        delta = choice["delta"]
        (name,) = [name for name in TEXT_FIELDS.intersection(delta) if delta[name]]
        text = delta[name]
    except (KeyError, TypeError, ValueError):
        return None
    found = _TEXTS[name].search(event)
    if found is None or type(text) is not str:
        return None
    before, after = event[: found.start(1)], event[found.end() - 1 :]
    delta[name] = _PROBE
    try:
        same = orjson.loads(before[6:] + _PROBE.encode() + after) == chunk
    except ValueError:
        same = False
    delta[name] = text
    index = choice.get("index")
    key = (index if type(index) is int else 0, name)
    return (EventTemplate(before, after), key) if same else None
