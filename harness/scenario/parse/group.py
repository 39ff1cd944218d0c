"""What makes a scenario more than one stream."""

from __future__ import annotations

from typing import Any

from harness.documents.node import Node
from harness.errors import InputError, closest
from harness.scenario.model import Phase, Streams
from harness.scenario.parse.expect import parse_bounds

__all__ = ["check_group", "parse_outage", "parse_streams"]

_WORDS = ("ok", "refuse", "reset", "close")
_OF_A_SEQUENCE = ("faults", "attempts", "client", "streams", "outage", "interaction")
_OF_GROUPS = ("max_probes", "recovers_within_ms")


def check_group(scenario: Node) -> None:
    """Refuse keys that have no meaning beside each other.

    Raises:
        InputError: With line and key.
    """
    if "sequence" in scenario.value:
        for key in _OF_A_SEQUENCE:
            if key in scenario.value:
                message = "where there is a sequence, each exchange has its own"
                raise InputError(message, at=scenario.at(key))
    for key in _OF_GROUPS:
        node = scenario.at("expect", key)
        if node.value is not None and "outage" not in scenario.value:
            raise InputError("belongs to an outage", at=node)


def parse_streams(scenario: Node) -> Streams | None:
    """Return how many clients there are, and when they start.

    Raises:
        InputError: With line and key.
    """
    node = scenario.at("streams")
    if node.value is None:
        return None
    streams = node.value
    start: Any = streams.get("start", "together")
    if isinstance(start, str) and start != "together":
        message = f"expected together, or {{every_ms: n}}, came {start}"
        raise InputError(message, at=node.at("start"))
    one_connection = streams.get("one_connection", False)
    if one_connection and "start" in streams:
        raise InputError(
            "on one connection they follow one another", at=node.at("start")
        )
    if "abort_ratio" in streams and scenario.at("client", "abort").value is not None:
        raise InputError(
            "the client leaves anyway: expected abort_ratio or client.abort",
            at=node.at("abort_ratio"),
        )
    return Streams(
        count=streams["count"],
        every_ms=0.0 if isinstance(start, str) else start["every_ms"],
        canary=streams.get("canary", False),
        abort_ratio=streams.get("abort_ratio", 0.0),
        one_connection=one_connection,
    )


def parse_outage(node: Node) -> tuple[Phase, ...]:
    """Return what the upstream does by time; nothing: it works.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    phases: list[Phase] = []
    for phase in node:
        answer, from_ms = phase.value["answer"], phase.value["from_ms"]
        if isinstance(answer, str) and answer not in _WORDS:
            raise InputError(
                f"expected {', '.join(_WORDS)} or an error status, came {answer}",
                at=phase.at("answer"),
                nearest=closest(answer, _WORDS),
            )
        if phases and from_ms <= phases[-1].from_ms:
            raise InputError(
                f"expected more than {phases[-1].from_ms:g}, when the phase before it "
                f"begins, came {from_ms:g}",
                at=phase.at("from_ms"),
            )
        bounds = parse_bounds(phase.at("upstream_requests"))
        phases.append(Phase(from_ms=from_ms, answer=answer, upstream_requests=bounds))
    return tuple(phases)
