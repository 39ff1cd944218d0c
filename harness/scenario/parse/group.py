"""Scenarios of more than one stream: many clients, sequences, outages."""

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
    """Check that no key makes another one meaningless.

    Args:
        scenario: The scenario.
    """
    keys = scenario.keys
    if "sequence" in keys:
        for key in _OF_A_SEQUENCE:
            if key in scenario.mapping:
                message = "where there is a sequence, each exchange has its own"
                with scenario.mistakes:
                    raise InputError(message, at=scenario.at(key))
    for key in _OF_GROUPS:
        node = scenario.at("expect", key)
        if node.value is not None and "outage" not in keys:
            with node.mistakes:
                raise InputError("belongs to an outage", at=node)


def parse_streams(scenario: Node) -> Streams | None:
    """Return how many clients there are, and when they start; None: one.

    Args:
        scenario: The scenario.
    """
    node = scenario.at("streams")
    if node.value is None or not node.is_sound:
        return None
    streams = node.value
    start: Any = streams.get("start", "together")
    if isinstance(start, str) and start != "together":
        message = f"expected together, or {{every_ms: n}}, got {start}"
        with node.mistakes:
            raise InputError(message, at=node.at("start"))
    one_connection = streams.get("one_connection", False)
    if one_connection and "start" in streams:
        message = "on one connection they follow one another"
        with node.mistakes:
            raise InputError(message, at=node.at("start"))
    if "abort_ratio" in streams and scenario.at("client", "abort").value is not None:
        message = "the client leaves anyway: expected abort_ratio or client.abort"
        with node.mistakes:
            raise InputError(message, at=node.at("abort_ratio"))
    return Streams(
        count=streams["count"],
        every_ms=0.0 if isinstance(start, str) else start["every_ms"],
        canary=streams.get("canary", False),
        abort_ratio=streams.get("abort_ratio", 0.0),
        one_connection=one_connection,
    )


def parse_outage(node: Node) -> tuple[Phase, ...]:
    """Return the phases of an outage; none: the upstream works.

    Args:
        node: The list of phases.
    """
    phases: list[Phase] = []
    for phase in node:
        before = phases[-1] if phases else None
        if phase.is_sound:
            phases.append(_parse_phase(phase, before))
    return tuple(phases)


def _parse_phase(node: Node, before: Phase | None) -> Phase:
    answer, from_ms = node.value["answer"], node.value["from_ms"]
    if isinstance(answer, str) and answer not in _WORDS:
        with node.mistakes:
            raise InputError(
                f"expected {', '.join(_WORDS)} or an error status, got {answer}",
                at=node.at("answer"),
                nearest=closest(answer, _WORDS),
            )
    if before and from_ms <= before.from_ms:
        with node.mistakes:
            raise InputError(
                f"expected more than {before.from_ms:g}, when the phase before it "
                f"begins, got {from_ms:g}",
                at=node.at("from_ms"),
            )
    bounds = node.at("upstream_requests").read(parse_bounds)
    return Phase(from_ms=from_ms, answer=answer, upstream_requests=bounds)
