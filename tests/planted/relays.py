"""Relays that are wrong on purpose: v2 with one defect each.

They test the judge: each must turn the gate red, with a finding that names its defect.
They wrap the real v2 and change its commands, as a bug in it would.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from proxy.v2 import make_relay as make_v2

Command = tuple[Any, ...]
Event = tuple[Any, ...]


class Wrapped:
    """v2, its commands changed by ``change(relay, event, commands)``."""

    def __init__(self, settings: Mapping[str, str], seed: int, change: Any) -> None:
        self.inner = make_v2(settings, seed)
        self.change = change
        self.memory: dict[str, Any] = {}

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        return self.change(self.memory, event, self.inner.handle(now_ns, event))


def planted(change: Any) -> Callable[[Mapping[str, str], int], Wrapped]:
    """Return a relay factory with that defect."""

    def make_relay(settings: Mapping[str, str], seed: int) -> Wrapped:
        return Wrapped(settings, seed, change)

    return make_relay


def _drop_last_delta(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Hold one text event back always, and lose it at the end."""
    kept: list[Command] = []
    for command in commands:
        if command[0] == "send" and re.search(rb'"content": ?"[^"]', command[1]):
            waiting = memory.pop("held", None)
            if waiting:
                kept.append(waiting)
            memory["held"] = command
        elif command[0] == "send" and b"[DONE]" in command[1]:
            memory.pop("held", None)
            kept.append(command)
        else:
            kept.append(command)
    return kept


def _swallow_error(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Keep every error event from the client."""
    return [
        command
        for command in commands
        if not (command[0] == "send" and b'"error"' in command[1])
    ]


def _hold_to_end(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Hold everything back until the end."""
    held: list[Command] = memory.setdefault("held", [])
    kept: list[Command] = []
    for command in commands:
        if command[0] in {"send_head", "send"}:
            held.append(command)
            continue
        if command[0] in {"end", "abort"}:
            kept += held
            held.clear()
        kept.append(command)
    return kept


def _clean_cut(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """End a cut stream cleanly, with the sentinel, as if it were complete."""
    if ("abort",) not in commands:
        return commands
    kept = [
        command
        for command in commands
        if not (command[0] == "send" and b'"error"' in command[1])
    ]
    position = kept.index(("abort",))
    return [
        *kept[:position],
        ("send", b"data: [DONE]\n\n"),
        ("end",),
        *kept[position + 1 :],
    ]


def _clean_cut_silent(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """End a cut stream cleanly and silently."""
    return [
        ("end",) if command == ("abort",) else command
        for command in commands
        if not (command[0] == "send" and b'"error"' in command[1])
    ]


def _double_delta(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Send the third text event twice."""
    kept: list[Command] = []
    for command in commands:
        kept.append(command)
        if command[0] == "send" and b'"content"' in command[1]:
            memory["count"] = memory.get("count", 0) + 1
            if memory["count"] == 3:
                kept.append(command)
    return kept


def _swap_tool_index(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Give every tool call the index 0."""
    return [
        (
            "send",
            re.sub(
                rb'("tool_calls": ?\[\{[^]]*?"index": ?)\d+', rb"\g<1>0", command[1]
            ),
        )
        if command[0] == "send"
        else command
        for command in commands
    ]


def _lose_usage(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Drop every event that carries usage."""
    return [
        command
        for command in commands
        if not (command[0] == "send" and re.search(rb'"usage": ?\{', command[1]))
    ]


def _strip_comments(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Keep comments from the client."""
    return [
        command
        for command in commands
        if not (command[0] == "send" and command[1].startswith(b":"))
    ]


def _keep_upstream(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Keep reading the upstream when the client has left."""
    return [command for command in commands if command[0] != "close_upstream"]


def _crash_late(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Raise in mid stream."""
    if event[0] == "data":
        memory["count"] = memory.get("count", 0) + 1
        if memory["count"] == 4:
            raise RuntimeError("planted")
    return commands


def _after_done(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Send an event after the sentinel."""
    kept: list[Command] = []
    for command in commands:
        kept.append(command)
        if command[0] == "send" and b"[DONE]" in command[1]:
            kept.append(("send", b'data: {"choices":[]}\n\n'))
    return kept


def _two_requests(
    memory: dict[str, Any], event: Event, commands: list[Command]
) -> list[Command]:
    """Ask the upstream twice."""
    return [
        *commands,
        *[("connect", 2) for command in commands if command[0] == "connect"],
    ]


drop_last_delta = planted(_drop_last_delta)
swallow_error = planted(_swallow_error)
hold_to_end = planted(_hold_to_end)
clean_cut = planted(_clean_cut)
clean_cut_silent = planted(_clean_cut_silent)
double_delta = planted(_double_delta)
swap_tool_index = planted(_swap_tool_index)
lose_usage = planted(_lose_usage)
strip_comments = planted(_strip_comments)
keep_upstream = planted(_keep_upstream)
crash_late = planted(_crash_late)
after_done = planted(_after_done)
two_requests = planted(_two_requests)
unchanged = planted(lambda memory, event, commands: commands)


class Passing:
    """Forwards everything: right for every stream that is right."""

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        name = event[0]
        if name == "request":
            return [("connect", 1)]
        if name == "head":
            return [("send_head", *event[1:])]
        if name == "data":
            return [("send", event[1])]
        if name == "ended":
            return [("end",) if event[1] == "complete" else ("abort",)]
        return [("close_upstream",)]


def passing(settings: Mapping[str, str], seed: int) -> Passing:
    """Make a relay that only forwards."""
    return Passing()


class Retrying(Passing):
    """Retries where nothing arrived or the server was too busy: right, if in time.

    Args:
        wait_ns: Pause before a retry.
        late: Whether it also retries after content, which is wrong.
    """

    def __init__(self, wait_ns: int = 0, *, late: bool = False) -> None:
        self.wait_ns = wait_ns
        self.late = late
        self.attempt = 1
        self.head_sent = False
        self.last = False

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        name = event[0]
        if name == "timer":
            self.attempt += 1
            return [("connect", self.attempt)]
        busy = name == "head" and event[1] in {429, 503}
        nothing = name == "ended" and event[1] != "complete"
        if self.attempt < 3 and (busy or nothing) and (self.late or not self.head_sent):
            wait = [("set_timer", "retry", now_ns + self.wait_ns)]
            return [("close_upstream",), *wait]
        if name == "head":
            if self.head_sent:
                return []
            self.head_sent = True
        if name == "ended" and not self.head_sent:
            return [("send_head", 502, ()), ("end",)]
        return super().handle(now_ns, event)


def retrying(settings: Mapping[str, str], seed: int) -> Retrying:
    """Make a relay that retries in time, after a second."""
    return Retrying(1_000_000_000)


def retrying_at_once(settings: Mapping[str, str], seed: int) -> Retrying:
    """Make a relay that retries immediately."""
    return Retrying()


def retrying_late(settings: Mapping[str, str], seed: int) -> Retrying:
    """Make a relay that retries when the client already has text."""
    return Retrying(1_000_000, late=True)


class CrossTalking(Passing):
    """Mixes streams: the last piece of one goes to another."""

    def __init__(self, shared: dict[str, Any], *, head: bool) -> None:
        self.shared = shared
        self.head = head
        self.count = 0

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        if event[0] == "head":
            other = self.shared.setdefault("head", event)
            return super().handle(now_ns, other if self.head else event)
        if event[0] == "data" and not self.head:
            self.count += 1
            last = self.shared.get("last", event)
            self.shared["last"] = event
            if self.count == 4:
                return super().handle(now_ns, last)
        return super().handle(now_ns, event)


def cross_talk(settings: Mapping[str, str], seed: int, shared: Any) -> CrossTalking:
    """Make a relay that sends a piece of another stream in place of its own."""
    return CrossTalking(shared, head=False)


def cross_talk_head(
    settings: Mapping[str, str], seed: int, shared: Any
) -> CrossTalking:
    """Make a relay that sends the head of another stream."""
    return CrossTalking(shared, head=True)


class Circuit(Passing):
    """A circuit breaker over three failures, open for a second, with one probe.

    Args:
        shared: Holds its state.
        defect: ``herd`` lets everybody probe, ``misfire`` counts clients that leave,
            ``wedge`` never closes again; empty: it is right.
    """

    def __init__(self, shared: dict[str, Any], defect: str = "") -> None:
        self.state = shared.setdefault(
            "circuit", {"failures": 0, "opened": None, "probing": False}
        )
        self.defect = defect
        self.probe = False

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        state = self.state
        if event[0] == "request" and state["opened"] is not None:
            half_open = now_ns >= state["opened"] + 1_000_000_000
            busy = state["probing"] and self.defect != "herd"
            if not half_open or busy or self.defect == "wedge":
                return [("send_head", 503, ()), ("send", b"{}"), ("end",)]
            state["probing"] = self.probe = True
        if event[0] == "head":
            self._count(now_ns, failed=event[1] >= 500)
        if event[0] == "client_gone" and self.defect == "misfire":
            self._count(now_ns, failed=True)
        return super().handle(now_ns, event)

    def _count(self, now_ns: int, *, failed: bool) -> None:
        state = self.state
        if self.probe:
            state["probing"] = self.probe = False
        if failed or self.defect != "misfire":
            state["failures"] = state["failures"] + 1 if failed else 0
        if not failed:
            state["opened"] = None
        elif state["failures"] >= 3:
            state["opened"] = now_ns


def _circuit(defect: str) -> Callable[..., Circuit]:
    def make_relay(settings: Mapping[str, str], seed: int, shared: Any) -> Circuit:
        return Circuit(shared, defect)

    return make_relay


circuit = _circuit("")
circuit_herd = _circuit("herd")
circuit_misfire = _circuit("misfire")
circuit_wedge = _circuit("wedge")


class Appending(Passing):
    """Adds data at a clean end.

    Args:
        words: The bytes to add.
    """

    def __init__(self, words: bytes) -> None:
        self.words = words

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        commands = super().handle(now_ns, event)
        more = [("send", self.words)] if ("end",) in commands else []
        return [*more, *commands]


def tells_of_every_end(settings: Mapping[str, str], seed: int) -> Appending:
    """Make a relay that reports every end as a failure."""
    return Appending(b'data: {"error":{"message":"it ended","type":"proxy"}}\n\n')


def adds_done(settings: Mapping[str, str], seed: int) -> Appending:
    """Make a relay that adds the sentinel."""
    return Appending(b"data: [DONE]\n\n")
