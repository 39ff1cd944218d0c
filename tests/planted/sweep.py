"""Relays that are right on whole streams, and wrong or stubborn in a sweep."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from proxy.v2 import make_relay as make_v2

Event = tuple[Any, ...]
Command = tuple[Any, ...]


class Changed:
    """v2 with its input changed."""

    def __init__(self, settings: Mapping[str, str], seed: int) -> None:
        self.inner = make_v2(settings, seed)

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        """Give v2 the changed event."""
        return self.inner.handle(now_ns, self.change(event))

    def change(self, event: Event) -> Event:
        """Change nothing."""
        return event


class ByRead(Changed):
    """Mistakes every read for whole lines, and drops a partial first one."""

    def change(self, event: Event) -> Event:
        """Drop what begins within a line."""
        if event[0] == "data" and not event[1].startswith((b"data", b"\n", b":")):
            rest = event[1].partition(b"\n")[2]
            return ("data", rest or b"\n")
        return event


class ResetIsEnd(Changed):
    """Mistakes a reset for the end."""

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        """End the answer as if it were whole."""
        if event == ("ended", "reset"):
            return [("end",)]
        return super().handle(now_ns, event)


class NotCopyable(Changed):
    """Holds a value that cannot be copied."""

    def __init__(self, settings: Mapping[str, str], seed: int) -> None:
        super().__init__(settings, seed)
        self.lock = threading.Lock()


class ExternalMemory(Changed):
    """Keeps its memory outside of itself, where it is not copied."""

    memory: dict[str, int] = {}  # noqa: RUF012 - the defect

    def __init__(self, settings: Mapping[str, str], seed: int) -> None:
        super().__init__(settings, seed)
        self.memory["pieces"] = 0

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        """Send the number of pieces at the end."""
        commands = super().handle(now_ns, event)
        if event[0] == "data":
            self.memory["pieces"] += 1
        if event[0] == "ended":
            said = b": %d pieces\n\n" % self.memory["pieces"]
            at = next(
                (n for n, one in enumerate(commands) if one[0] in {"end", "abort"}),
                len(commands),
            )
            commands = [*commands[:at], ("send", said), *commands[at:]]
        return commands


by_read = ByRead
reset_is_end = ResetIsEnd
cannot_be_kept = NotCopyable
remembers_elsewhere = ExternalMemory
