"""The parts of a scenario, wherever in its document they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.cassette.model import Cassette, Interaction, Request
from harness.documents.yaml_document import Document, Path
from harness.errors import InputError
from harness.faults.registry import FaultCall, check_call, find_fault
from harness.scenario.bounds import Bounds
from harness.scenario.client import Abort, AbortHow, ClientPlan, Pause, ReadPlan
from harness.scenario.model import Expect, ExpectedEnding, Reading, Take
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST, at, handmade_response

__all__ = [
    "bounds_of",
    "check_answer",
    "named_cassettes",
    "parse_answer",
    "parse_client",
    "parse_expect",
    "parse_faults",
]

_BESIDE_STREAM = ("status", "headers", "framing", "ending", "itl_ms")
_WHEN = ("after_events", "after_ms", "after_bytes", "before")

Cassettes = Mapping[str, Cassette]
"""The recordings that a scenario names, by that name."""


def named_cassettes(document: Document) -> Iterator[tuple[str, Path]]:
    """Yield every cassette that a scenario names, with its place."""
    places: list[Path] = [()]
    for key in ("attempts", "sequence"):
        places += [(key, number) for number in range(len(document.data.get(key, ())))]
    for place in places:
        name = at(document, place).get("cassette")
        if name is not None:
            yield name, (*place, "cassette")


def check_answer(document: Document, place: Path, *, required: bool) -> None:
    """Refuse a mapping that does not say, or says twice, what the upstream answers.

    Args:
        document: The scenario.
        place: Where the mapping stands.
        required: Whether it must say it at all.

    Raises:
        InputError: With line and key.
    """
    data = at(document, place)
    has_both = "cassette" in data and "stream" in data
    has_none = "cassette" not in data and "stream" not in data
    if has_both or (has_none and required):
        came = "both" if has_both else "none"
        inner = ("stream",) if "stream" in data else ()
        raise document.error(
            f"expected one of cassette and stream, came {came}", (*place, *inner)
        )
    for key in _BESIDE_STREAM:
        if key in data and "stream" not in data:
            raise document.error("belongs to a stream written by hand", (*place, key))
    if "interaction" in data and "cassette" not in data and not _around(document):
        raise document.error("belongs to a cassette", (*place, "interaction"))


def _around(document: Document) -> bool:
    """Whether the document names one cassette for all its parts."""
    return "cassette" in document.data


def parse_answer(
    document: Document, place: Path, cassettes: Cassettes
) -> tuple[Request, Take]:
    """Return what is asked and what the upstream answers.

    A mapping without a cassette and without a stream takes those of the document.

    Raises:
        InputError: With line and key.
    """
    data = at(document, place)
    faults = parse_faults(document, place)
    whole = () if "cassette" not in data and "stream" not in data else place
    answer = at(document, whole)
    if "stream" in answer:
        response = handmade_response(document, whole)
        return DEFAULT_REQUEST, Take(response=response, recorded=False, faults=faults)
    number_at = place if "interaction" in data else whole
    found = _interaction(document, number_at, cassettes[answer["cassette"]])
    take = Take(response=found.response, recorded=True, faults=faults)
    return found.request, take


def _interaction(document: Document, place: Path, cassette: Cassette) -> Interaction:
    number: int = at(document, place).get("interaction", 0)
    count = len(cassette.interactions)
    if number >= count:
        raise document.error(
            f"the cassette has {count} interaction(s), counted from 0; came {number}",
            (*place, "interaction"),
        )
    return cassette.interactions[number]


def parse_faults(document: Document, place: Path) -> tuple[FaultCall, ...]:
    """Return the faults of a mapping, each held against its definition.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    calls = []
    for number, entry in enumerate(at(document, place).get("faults", ())):
        [(name, parameters)] = entry.items()
        here = (*place, "faults", number, name)
        call = FaultCall(name=name, parameters=parameters or {})
        try:
            definition = find_fault(name)
        except InputError as error:
            raise document.error(error.message, here, nearest=error.nearest) from None
        try:
            check_call(definition, call.parameters)
        except InputError as error:
            inner = tuple(error.key.split(".")) if error.key else ()
            raise document.error(
                error.message, (*here, *inner), nearest=error.nearest
            ) from None
        calls.append(call)
    return tuple(calls)


def parse_client(document: Document, place: Path) -> ClientPlan:
    """Return what the client of a mapping does.

    Raises:
        InputError: With line and key.
    """
    here = (*place, "client")
    written = at(document, place).get("client", {})
    return ClientPlan(
        abort=_abort(document, here, written.get("abort")),
        deadline_ms=written.get("deadline_ms"),
        read=_read(document, here, written),
        receive_buffer=written.get("receive_buffer"),
    )


def _abort(document: Document, place: Path, plan: Any) -> Abort | None:
    if plan is None:
        return None
    came = [key for key in _WHEN if key in plan]
    if len(came) != 1:
        told = " and ".join(came) or "none"
        raise document.error(
            f"expected one of {', '.join(_WHEN)}, came {told}", (*place, "abort")
        )
    return Abort(
        after_events=plan.get("after_events"),
        after_ms=plan.get("after_ms"),
        after_bytes=plan.get("after_bytes"),
        before_head="before" in plan,
        how=AbortHow(plan.get("how", AbortHow.RST)),
    )


def _read(
    document: Document, place: Path, client: Mapping[str, Any]
) -> ReadPlan | None:
    plan = client.get("read")
    if plan is None:
        return None
    here = (*place, "read")
    if len(plan) != 1:
        came = " and ".join(plan) or "none"
        raise document.error(
            f"expected one of bytes_per_s and pause, came {came}", here
        )
    if "abort" in client:
        raise document.error("a client that leaves reads what comes, at once", here)
    if "bytes_per_s" in plan:
        return ReadPlan(bytes_per_s=plan["bytes_per_s"])
    pause = plan["pause"]
    if pause["for_ms"] is None and "deadline_ms" not in client:
        raise document.error(
            "a client that never reads again leaves at client.deadline_ms: when?",
            (*here, "pause"),
        )
    return ReadPlan(
        pause=Pause(after_bytes=pause["after_bytes"], for_ms=pause["for_ms"])
    )


def parse_expect(document: Document, place: Path) -> Expect:
    """Return what a mapping demands beyond the oracle.

    Raises:
        InputError: With line and key.
    """
    here = (*place, "expect")
    written = dict(at(document, place).get("expect", {}))
    if "log" in written:
        try:
            re.compile(written["log"])
        except re.error as error:
            raise document.error(
                f"not a regular expression: {error}", (*here, "log")
            ) from None
    for key in ("text", "tool_calls", "usage"):
        if written.get(key) in list(Reading):
            written[key] = Reading(written[key])
    if "ending" in written:
        written["ending"] = ExpectedEnding(written["ending"])
    if "status" in written:
        given = written["status"]
        written["status"] = tuple(given) if isinstance(given, list) else (given,)
    if "upstream_requests" in written:
        written["upstream_requests"] = bounds_of(
            document, (*here, "upstream_requests"), written["upstream_requests"]
        )
    return Expect(**written)


def bounds_of(document: Document, place: Path, written: Any) -> Bounds:
    """Return the bounds that a number, or ``{at_least, at_most}``, stands for.

    Raises:
        InputError: They leave no number.
    """
    if isinstance(written, int):
        return Bounds(at_least=written, at_most=written)
    bounds = Bounds(**written)
    if bounds.at_most is not None and bounds.at_most < bounds.at_least:
        raise document.error("at_most is below at_least", place)
    return bounds
