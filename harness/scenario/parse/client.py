"""What a scenario says that the client does."""

from __future__ import annotations

from harness.documents.node import Node
from harness.errors import InputError
from harness.scenario.model import Abort, AbortHow, ClientPlan, Pause, ReadPlan

__all__ = ["parse_client"]

_WHEN = ("after_events", "after_ms", "after_bytes", "before")


def parse_client(node: Node) -> ClientPlan:
    """Return what the client does; it just reads where nothing is said.

    Raises:
        InputError: With line and key.
    """
    client = node.value or {}
    return ClientPlan(
        abort=_parse_abort(node.at("abort")),
        deadline_ms=client.get("deadline_ms"),
        read=_parse_read(node),
        receive_buffer=client.get("receive_buffer"),
    )


def _parse_abort(node: Node) -> Abort | None:
    if node.value is None:
        return None
    plan = node.value
    came = [key for key in _WHEN if key in plan]
    if len(came) != 1:
        told = " and ".join(came) or "none"
        raise InputError(f"expected one of {', '.join(_WHEN)}, came {told}", at=node)
    return Abort(
        after_events=plan.get("after_events"),
        after_ms=plan.get("after_ms"),
        after_bytes=plan.get("after_bytes"),
        before_head="before" in plan,
        how=AbortHow(plan.get("how", AbortHow.RST)),
    )


def _parse_read(client: Node) -> ReadPlan | None:
    node = client.at("read")
    if node.value is None:
        return None
    plan = node.value
    if len(plan) != 1:
        came = " and ".join(plan) or "none"
        raise InputError(f"expected one of bytes_per_s and pause, came {came}", at=node)
    if "abort" in client.value:
        raise InputError("a client that leaves reads what comes, at once", at=node)
    if "bytes_per_s" in plan:
        return ReadPlan(bytes_per_s=plan["bytes_per_s"])
    pause = plan["pause"]
    if pause["for_ms"] is None and "deadline_ms" not in client.value:
        raise InputError(
            "a client that never reads again leaves at client.deadline_ms: when?",
            at=node.at("pause"),
        )
    return ReadPlan(
        pause=Pause(after_bytes=pause["after_bytes"], for_ms=pause["for_ms"])
    )
