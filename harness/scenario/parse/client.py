"""Parser of a scenario's client: when it leaves, how it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.documents.node import Node
from harness.errors import InputError
from harness.scenario.model import Abort, AbortHow, ClientPlan, Pause, ReadPlan

__all__ = ["parse_client"]

_WHEN = ("after_events", "after_ms", "after_bytes", "before")


def parse_client(node: Node) -> ClientPlan:
    """Return the behaviour of the client; without a plan, it just reads.

    Args:
        node: The ``client`` of a scenario or an exchange.
    """
    return ClientPlan(
        abort=node.at("abort").read(_parse_abort),
        deadline_ms=node.mapping.get("deadline_ms"),
        read=node.at("read").read(_parse_read, node.mapping),
        receive_buffer=node.mapping.get("receive_buffer"),
    )


def _parse_abort(node: Node) -> Abort | None:
    if node.value is None:
        return None
    plan = node.value
    given = [key for key in _WHEN if key in plan]
    if len(given) != 1:
        got = " and ".join(given) or "none"
        raise InputError(f"expected one of {', '.join(_WHEN)}, got {got}", at=node)
    return Abort(
        after_events=plan.get("after_events"),
        after_ms=plan.get("after_ms"),
        after_bytes=plan.get("after_bytes"),
        before_head="before" in plan,
        how=AbortHow(plan.get("how", AbortHow.RST)),
    )


def _parse_read(node: Node, client: Mapping[str, Any]) -> ReadPlan | None:
    if node.value is None:
        return None
    plan = node.value
    if len(plan) != 1:
        got = " and ".join(plan) or "none"
        raise InputError(f"expected one of bytes_per_s and pause, got {got}", at=node)
    if "abort" in client:
        message = "a client that leaves reads everything as it arrives"
        raise InputError(message, at=node)
    if "bytes_per_s" in plan:
        return ReadPlan(bytes_per_s=plan["bytes_per_s"])
    pause = plan["pause"]
    if pause["for_ms"] is None and "deadline_ms" not in client:
        raise InputError(
            "a client that never reads again leaves at client.deadline_ms, "
            "which is missing",
            at=node.at("pause"),
        )
    return ReadPlan(
        pause=Pause(after_bytes=pause["after_bytes"], for_ms=pause["for_ms"])
    )
