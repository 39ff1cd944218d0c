"""From a document to a scenario; all mistakes are reported, with line and key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

from harness.cassette.model import Request
from harness.documents.node import Node
from harness.errors import InputError
from harness.faults.registry import find_live_only
from harness.scenario.model import AbortHow, Answer, ExchangePlan, Mode, Scenario
from harness.scenario.parse.answer import FindCassette, check_answer, parse_answer
from harness.scenario.parse.client import parse_client
from harness.scenario.parse.expect import parse_expect, parse_waiver
from harness.scenario.parse.group import check_group, parse_outage, parse_streams
from harness.scenario.parse.inline_stream import json_text

__all__ = ["parse_scenario", "scenario_schema"]

_ANSWERS = {"cassette", "stream"}


@cache
def scenario_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a scenario, as it ships with this package."""
    file = resources.files("harness.scenario").joinpath("scenario.schema.json")
    schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(scenario_schema())


def parse_scenario(
    root: Node,
    *,
    find_cassette: FindCassette,
    today: date,
) -> Scenario:
    """Make a scenario of a document.

    Args:
        root: The document, unchecked.
        find_cassette: Returns a cassette by the name that the scenario gives it.
        today: Waivers that ended before this day have expired.

    Raises:
        InputError: All mistakes, each with line, key and the nearest valid name.
    """
    with root.mistakes:
        root.check(_validator())
    exchanges = list(root.at("sequence"))
    parts = [
        parse_answer(node, root, find_cassette)
        for node in (*root.at("attempts"), *exchanges)
    ]
    whole = None
    if _ANSWERS & root.keys:
        whole = parse_answer(root, root, find_cassette)
    played = [one for one in parts or [whole] if one is not None]
    answers = tuple(answer for _, answer in played)
    plans = [
        (
            parse_client(node.at("client")),
            parse_expect(node.at("expect")),
        )
        for node in (root, *exchanges)
    ]
    waivers = [parse_waiver(node, today) for node in root.at("allow")]
    streams = parse_streams(root)
    outage = parse_outage(root.at("outage"))
    _check_keys(root)
    modes = _parse_modes(root, answers)
    root.mistakes.raise_any()

    data = root.value
    changes = data.get("request", {})
    by_attempt = "attempts" in data
    request, _ = whole or played[0]
    client, expect = plans[0]
    return Scenario(
        id=data["scenario"],
        why=data["why"].strip(),
        tags=tuple(data.get("tags", ())),
        exchange=ExchangePlan(
            request=_with_changes(request, changes),
            answers=answers if by_attempt else answers[:1],
            client=client,
            expect=expect,
            by_attempt=by_attempt,
        ),
        allow=tuple(waiver for waiver in waivers if waiver is not None),
        streams=streams,
        outage=outage,
        settings=data.get("settings", {}),
        modes=modes,
        sequence=tuple(
            ExchangePlan(
                request=_with_changes(request, changes),
                answers=(answer,),
                client=client,
                expect=expect,
            )
            for (request, answer), (client, expect) in zip(
                played, plans[1:], strict=False
            )
        ),
        source=root.source,
    )


def _check_keys(root: Node) -> None:
    """Check which keys of a scenario are there together."""
    parts = (root.at("attempts"), root.at("sequence"))
    nodes = [node for part in parts for node in part]
    for node in nodes:
        check_answer(node, root, required=False)
    # It is not known what a part that is no mapping was meant to say.
    own = [
        not isinstance(node.value, dict) or bool(_ANSWERS & node.keys) for node in nodes
    ]
    required = not all(own) if own else all(node.is_sound for node in parts)
    if isinstance(root.value, dict):
        check_answer(root, root, required=required)
    check_group(root)
    if "attempts" in root.mapping and "faults" in root.mapping:
        message = "where there are attempts, each has faults of its own"
        with root.mistakes:
            raise InputError(message, at=root.at("faults"))


def _with_changes(request: Request, changes: Mapping[str, Any]) -> Request:
    """Return a request with the path and the body that a scenario gives it."""
    request = replace(request, path=changes.get("path", request.path))
    if "body" not in changes:
        return request
    body = changes["body"]
    text = body if isinstance(body, str) else json_text(body)
    # The recorded length is that of another body.
    headers = tuple(
        line for line in request.headers if line[0].lower() != "content-length"
    )
    return replace(request, headers=headers, body=text.encode())


def _parse_modes(root: Node, answers: Iterable[Answer]) -> tuple[Mode, ...]:
    """Return the modes asked for; only live where virtual time cannot show it."""
    node = root.at("modes")
    if not node.is_sound:
        return ()
    modes = tuple(Mode(mode) for mode in (node.value or list(Mode)))
    what = find_live_only(call for answer in answers for call in answer.faults)
    hows = [one.at("client", "abort", "how") for one in (root, *root.at("sequence"))]
    if any(how.value == AbortHow.HALF_CLOSE for how in hows):
        what = "a half-closed socket"
    if what is None:
        return modes
    if node.value and Mode.VIRTUAL in modes:
        message = f"virtual time cannot show {what}: expected [live]"
        with node.mistakes:
            raise InputError(message, at=node)
    return (Mode.LIVE,)
