"""Relays that are wrong about stutter on purpose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Event = tuple[Any, ...]
Command = tuple[Any, ...]


class PassThrough:
    """Forwards everything and repairs nothing."""

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        """Forward."""
        if event[0] == "request":
            return [("connect", 1)]
        if event[0] == "head":
            return [("send_head", event[1], event[2])]
        if event[0] == "data":
            return [("send", self.change(event[1]))]
        return [("end",)]

    def change(self, data: bytes) -> bytes:
        """Change nothing."""
        return data


class EatAllRepeats(PassThrough):
    """Drops every event whose text is that of the one before, meant or not."""

    def __init__(self) -> None:
        self.rest = b""
        self.last = ""

    def change(self, data: bytes) -> bytes:
        """Keep the events that do not repeat."""
        *blocks, self.rest = (self.rest + data).split(b"\n\n")
        return b"".join(block + b"\n\n" for block in blocks if not self.repeats(block))

    def repeats(self, block: bytes) -> bool:
        """Whether a block has the same text as the one before."""
        try:
            value = json.loads(block.removeprefix(b"data: "))
            text = value["choices"][0]["delta"].get("content")
        except (ValueError, LookupError, AttributeError, TypeError):
            return False
        again = bool(text) and text == self.last
        self.last = text or self.last
        return again


def pass_through(settings: Mapping[str, str], seed: int) -> PassThrough:
    """Make one."""
    return PassThrough()


def eat_all_repeats(settings: Mapping[str, str], seed: int) -> EatAllRepeats:
    """Make one."""
    return EatAllRepeats()
