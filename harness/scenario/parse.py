"""From a document to a scenario; every mistake is told with its line and key."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from harness.cassette.model import Cassette, Interaction, Request
from harness.documents import Document, validate
from harness.errors import InputError
from harness.faults.registry import FaultCall, check_call, find_fault, only_live
from harness.scenario.handmade import DEFAULT_REQUEST, handmade_response, json_text
from harness.scenario.model import (
    Abort,
    AbortHow,
    ClientPlan,
    Expect,
    ExpectedEnding,
    Mode,
    Reading,
    Scenario,
    Waiver,
)

__all__ = ["check_scenario", "parse_scenario", "scenario_schema"]

_BESIDE_STREAM = ("status", "headers", "framing", "ending", "itl_ms")


@cache
def scenario_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a scenario, as it ships with this package."""
    file = resources.files(__package__).joinpath("scenario.schema.json")
    schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def check_scenario(document: Document) -> None:
    """Refuse a document that is no scenario, before its cassette is looked for.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    validate(document, scenario_schema())
    data = document.data
    if ("cassette" in data) is ("stream" in data):
        came = "both" if "cassette" in data else "none"
        place = ("stream",) if "stream" in data else ()
        raise document.error(f"expected one of cassette and stream, came {came}", place)
    for key in _BESIDE_STREAM:
        if key in data and "stream" not in data:
            raise document.error("belongs to a stream written by hand", (key,))
    if "interaction" in data and "cassette" not in data:
        raise document.error("belongs to a cassette", ("interaction",))


def parse_scenario(
    document: Document, *, cassette: Cassette | None, today: date
) -> Scenario:
    """Make a scenario of a document.

    Args:
        document: As `check_scenario` accepted it.
        cassette: The recording that it names; None where it has a stream.
        today: The day by which waivers are held.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    data = document.data
    if cassette is None:
        request, response = DEFAULT_REQUEST, handmade_response(document)
    else:
        interaction = _interaction(document, cassette)
        request, response = interaction.request, interaction.response
    faults = _faults(document)
    return Scenario(
        id=data["scenario"],
        why=data["why"].strip(),
        tags=tuple(data.get("tags", ())),
        request=_request(data.get("request", {}), request),
        response=response,
        recorded=cassette is not None,
        faults=faults,
        client=_client(document),
        expect=_expect(document),
        allow=_waivers(document, today),
        modes=_modes(document, faults),
        source=document.source,
    )


def _interaction(document: Document, cassette: Cassette) -> Interaction:
    number: int = document.data.get("interaction", 0)
    count = len(cassette.interactions)
    if number >= count:
        raise document.error(
            f"the cassette has {count} interaction(s), counted from 0; came {number}",
            ("interaction",),
        )
    return cassette.interactions[number]


def _request(written: Mapping[str, Any], base: Request) -> Request:
    request = replace(base, path=written.get("path", base.path))
    if "body" not in written:
        return request
    body = written["body"]
    text = body if isinstance(body, str) else json_text(body)
    # The recorded length is that of another body.
    headers = tuple(
        line for line in base.headers if line[0].lower() != "content-length"
    )
    return replace(request, headers=headers, body=text.encode())


def _faults(document: Document) -> tuple[FaultCall, ...]:
    calls = []
    for number, entry in enumerate(document.data.get("faults", ())):
        [(name, parameters)] = entry.items()
        place = ("faults", number, name)
        call = FaultCall(name=name, parameters=parameters or {})
        try:
            definition = find_fault(name)
        except InputError as error:
            raise document.error(error.message, place, nearest=error.nearest) from None
        try:
            check_call(definition, call.parameters)
        except InputError as error:
            inner = tuple(error.key.split(".")) if error.key else ()
            raise document.error(
                error.message, (*place, *inner), nearest=error.nearest
            ) from None
        calls.append(call)
    return tuple(calls)


def _modes(document: Document, faults: tuple[FaultCall, ...]) -> tuple[Mode, ...]:
    """Return the modes asked for; of what virtual time cannot show, live alone."""
    written = document.data.get("modes")
    modes = tuple(Mode(mode) for mode in (written or list(Mode)))
    what = only_live(faults)
    if what is None:
        return modes
    if written and Mode.VIRTUAL in modes:
        raise document.error(
            f"virtual time cannot show {what}: expected [live]", ("modes",)
        )
    return (Mode.LIVE,)


def _client(document: Document) -> ClientPlan:
    written = document.data.get("client", {})
    abort = None
    if "abort" in written:
        plan = written["abort"]
        if ("after_events" in plan) is ("after_ms" in plan):
            raise document.error(
                "expected one of after_events and after_ms", ("client", "abort")
            )
        abort = Abort(
            after_events=plan.get("after_events"),
            after_ms=plan.get("after_ms"),
            how=AbortHow(plan.get("how", AbortHow.RST)),
        )
    return ClientPlan(abort=abort, deadline_ms=written.get("deadline_ms"))


def _expect(document: Document) -> Expect:
    written = dict(document.data.get("expect", {}))
    if "log" in written:
        try:
            re.compile(written["log"])
        except re.error as error:
            raise document.error(
                f"not a regular expression: {error}", ("expect", "log")
            ) from None
    for key in ("text", "tool_calls", "usage"):
        if written.get(key) in list(Reading):
            written[key] = Reading(written[key])
    if "ending" in written:
        written["ending"] = ExpectedEnding(written["ending"])
    return Expect(**written)


def _waivers(document: Document, today: date) -> tuple[Waiver, ...]:
    waivers = []
    for number, written in enumerate(document.data.get("allow", ())):
        place = ("allow", number, "expires")
        try:
            expires = date.fromisoformat(written["expires"])
        except ValueError as error:
            raise document.error(f"not a day: {error}", place) from None
        if expires < today:
            raise document.error(
                f"the waiver expired on {expires}: mend the difference or renew it; "
                f"today is {today}",
                place,
            )
        waivers.append(Waiver(**{**written, "expires": expires}))
    return tuple(waivers)
