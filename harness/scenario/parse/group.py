"""The parts of a scenario that make it more than one stream."""

from __future__ import annotations

from typing import Any

from harness.documents.yaml_document import Document
from harness.errors import closest
from harness.scenario.group import Phase, Streams
from harness.scenario.parse.fields import bounds_of

__all__ = ["check_group", "parse_outage", "parse_streams"]

_WORDS = ("ok", "refuse", "reset", "close")
_OF_A_SEQUENCE = ("faults", "attempts", "client", "streams", "outage", "interaction")
_OF_GROUPS = ("max_probes", "recovers_within_ms")


def check_group(document: Document) -> None:
    """Refuse keys that have no meaning beside each other.

    Raises:
        InputError: With line and key.
    """
    data = document.data
    if "sequence" in data:
        for key in _OF_A_SEQUENCE:
            if key in data:
                raise document.error(
                    "where there is a sequence, each exchange has its own", (key,)
                )
    for key in _OF_GROUPS:
        if key in data.get("expect", {}) and "outage" not in data:
            raise document.error("belongs to an outage", ("expect", key))


def parse_streams(document: Document) -> Streams | None:
    """Return how many clients there are, and when they start.

    Raises:
        InputError: With line and key.
    """
    written = document.data.get("streams")
    if written is None:
        return None
    place = ("streams",)
    start: Any = written.get("start", "together")
    if isinstance(start, str) and start != "together":
        raise document.error(
            f"expected together, or {{every_ms: n}}, came {start}", (*place, "start")
        )
    one_connection = written.get("one_connection", False)
    if one_connection and "start" in written:
        raise document.error(
            "on one connection they follow one another", (*place, "start")
        )
    if "abort_ratio" in written and "abort" in document.data.get("client", {}):
        raise document.error(
            "the client leaves anyway: expected abort_ratio or client.abort",
            (*place, "abort_ratio"),
        )
    return Streams(
        count=written["count"],
        every_ms=0.0 if isinstance(start, str) else start["every_ms"],
        canary=written.get("canary", False),
        abort_ratio=written.get("abort_ratio", 0.0),
        one_connection=one_connection,
    )


def parse_outage(document: Document) -> tuple[Phase, ...]:
    """Return what the upstream does by time.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    phases: list[Phase] = []
    for number, written in enumerate(document.data.get("outage", ())):
        place = ("outage", number)
        answer = written["answer"]
        if isinstance(answer, str) and answer not in _WORDS:
            raise document.error(
                f"expected {', '.join(_WORDS)} or an error status, came {answer}",
                (*place, "answer"),
                nearest=closest(answer, _WORDS),
            )
        if phases and written["from_ms"] <= phases[-1].from_ms:
            raise document.error(
                f"expected more than {phases[-1].from_ms:g}, when the phase before it "
                f"begins, came {written['from_ms']:g}",
                (*place, "from_ms"),
            )
        bounds = written.get("upstream_requests")
        phases.append(
            Phase(
                from_ms=written["from_ms"],
                answer=answer,
                upstream_requests=None
                if bounds is None
                else bounds_of(document, (*place, "upstream_requests"), bounds),
            )
        )
    return tuple(phases)
