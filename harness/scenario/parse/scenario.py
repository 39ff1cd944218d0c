"""From a document to a scenario; every mistake is told with its line and key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from harness.cassette.model import Cassette, Request
from harness.documents.yaml_document import Document, validate
from harness.faults.registry import FaultCall, find_live_only
from harness.scenario.client import AbortHow
from harness.scenario.model import Mode, Scenario, Take, Waiver
from harness.scenario.parse.fields import (
    check_answer,
    parse_answer,
    parse_client,
    parse_expect,
)
from harness.scenario.parse.group import check_group, parse_outage, parse_streams
from harness.scenario.parse.inline_stream import json_text

__all__ = ["check_scenario", "parse_scenario", "scenario_schema"]


@cache
def scenario_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a scenario, as it ships with this package."""
    file = resources.files("harness.scenario").joinpath("scenario.schema.json")
    schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def check_scenario(document: Document) -> None:
    """Refuse a document that is no scenario, before its cassettes are looked for.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    validate(document, scenario_schema())
    data = document.data
    attempts = data.get("attempts", ())
    for number in range(len(attempts)):
        check_answer(document, ("attempts", number), required=False)
    sequence = data.get("sequence", ())
    for number in range(len(sequence)):
        check_answer(document, ("sequence", number), required=False)
    parts = (*attempts, *sequence)
    own = [("cassette" in entry or "stream" in entry) for entry in parts]
    check_answer(document, (), required=not own or not all(own))
    check_group(document)
    if attempts and "faults" in data:
        raise document.error(
            "where there are attempts, each has faults of its own", ("faults",)
        )


def parse_scenario(
    document: Document, *, cassettes: Mapping[str, Cassette], today: date
) -> Scenario:
    """Make a scenario of a document.

    Args:
        document: As `check_scenario` accepted it.
        cassettes: The recordings that it names, by that name.
        today: The day by which waivers are held.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    data = document.data
    attempts = [
        parse_answer(document, ("attempts", number), cassettes)
        for number in range(len(data.get("attempts", ())))
    ]
    exchanges = [
        parse_answer(document, ("sequence", number), cassettes)
        for number in range(len(data.get("sequence", ())))
    ]
    parts = attempts or exchanges
    whole = "cassette" in data or "stream" in data
    request, take = parse_answer(document, (), cassettes) if whole else parts[0]
    if parts:
        take = parts[0][1]
    takes = [part for _, part in parts] or [take]
    faults = tuple(call for one in takes for call in one.faults)
    scenario = Scenario(
        id=data["scenario"],
        why=data["why"].strip(),
        tags=tuple(data.get("tags", ())),
        request=_request(data.get("request", {}), request),
        response=take.response,
        recorded=take.recorded,
        faults=take.faults,
        attempts=tuple(attempt for _, attempt in attempts),
        client=parse_client(document, ()),
        expect=parse_expect(document, ()),
        allow=_waivers(document, today),
        streams=parse_streams(document),
        outage=parse_outage(document),
        settings=data.get("settings", {}),
        modes=_modes(document, faults),
        source=document.source,
    )
    return replace(
        scenario,
        sequence=tuple(
            _exchange(document, number, scenario, asked, answer)
            for number, (asked, answer) in enumerate(exchanges)
        ),
    )


def _exchange(
    document: Document, number: int, whole: Scenario, asked: Request, answer: Take
) -> Scenario:
    place = ("sequence", number)
    return replace(
        whole,
        request=_request(document.data.get("request", {}), asked),
        response=answer.response,
        recorded=answer.recorded,
        faults=answer.faults,
        client=parse_client(document, place),
        expect=parse_expect(document, place),
    )


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


def _modes(document: Document, faults: tuple[FaultCall, ...]) -> tuple[Mode, ...]:
    """Return the modes asked for; of what virtual time cannot show, live alone."""
    written = document.data.get("modes")
    modes = tuple(Mode(mode) for mode in (written or list(Mode)))
    what = find_live_only(faults)
    clients = [document.data, *document.data.get("sequence", ())]
    if any(_leaves_by_half(one.get("client", {})) for one in clients):
        what = "a half-closed socket"
    if what is None:
        return modes
    if written and Mode.VIRTUAL in modes:
        raise document.error(
            f"virtual time cannot show {what}: expected [live]", ("modes",)
        )
    return (Mode.LIVE,)


def _leaves_by_half(client: Mapping[str, Any]) -> bool:
    return bool(client.get("abort", {}).get("how") == AbortHow.HALF_CLOSE)


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
