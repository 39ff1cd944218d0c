"""From a document to a scenario; every mistake is told with its line and key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

from harness.cassette.model import Cassette, Request
from harness.documents.node import Node
from harness.errors import InputError
from harness.faults.registry import find_live_only
from harness.scenario.model import AbortHow, Answer, ExchangePlan, Mode, Scenario
from harness.scenario.parse.answer import check_answer, parse_answer
from harness.scenario.parse.client import parse_client
from harness.scenario.parse.expect import parse_expect, parse_waiver
from harness.scenario.parse.group import check_group, parse_outage, parse_streams
from harness.scenario.parse.inline_stream import json_text

__all__ = ["check_scenario", "parse_scenario", "scenario_schema"]


@cache
def scenario_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a scenario, as it ships with this package."""
    file = resources.files("harness.scenario").joinpath("scenario.schema.json")
    schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def check_scenario(root: Node) -> None:
    """Refuse a document that is no scenario, before its cassettes are looked for.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    root.check(Draft202012Validator(scenario_schema()))
    parts = (*root.at("attempts"), *root.at("sequence"))
    for node in parts:
        check_answer(node, root, required=False)
    own = [("cassette" in node.value or "stream" in node.value) for node in parts]
    check_answer(root, root, required=not own or not all(own))
    check_group(root)
    if "attempts" in root.value and "faults" in root.value:
        message = "where there are attempts, each has faults of its own"
        raise InputError(message, at=root.at("faults"))


def parse_scenario(
    root: Node, *, cassettes: Mapping[str, Cassette], today: date
) -> Scenario:
    """Make a scenario of a document.

    Args:
        root: As `check_scenario` accepted it.
        cassettes: The recordings that it names, by that name.
        today: The day by which waivers are held.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    data = root.value
    parts = [
        parse_answer(node, root, cassettes)
        for node in (*root.at("attempts"), *root.at("sequence"))
    ]
    whole = []
    if "cassette" in data or "stream" in data:
        whole = [parse_answer(root, root, cassettes)]
    request, _ = (whole or parts)[0]
    answers = tuple(answer for _, answer in parts or whole)
    by_attempt = "attempts" in data
    return Scenario(
        id=data["scenario"],
        why=data["why"].strip(),
        tags=tuple(data.get("tags", ())),
        exchange=ExchangePlan(
            request=_with_changes(request, data.get("request", {})),
            answers=answers if by_attempt else answers[:1],
            client=parse_client(root.at("client")),
            expect=parse_expect(root.at("expect")),
            by_attempt=by_attempt,
        ),
        allow=tuple(parse_waiver(node, today) for node in root.at("allow")),
        streams=parse_streams(root),
        outage=parse_outage(root.at("outage")),
        settings=data.get("settings", {}),
        modes=_modes(root, answers),
        sequence=_sequence(root, parts),
        source=root.source,
    )


def _sequence(
    root: Node, parts: Sequence[tuple[Request, Answer]]
) -> tuple[ExchangePlan, ...]:
    changes = root.value.get("request", {})
    return tuple(
        ExchangePlan(
            request=_with_changes(request, changes),
            answers=(answer,),
            client=parse_client(node.at("client")),
            expect=parse_expect(node.at("expect")),
        )
        for node, (request, answer) in zip(root.at("sequence"), parts, strict=False)
    )


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


def _modes(root: Node, answers: Iterable[Answer]) -> tuple[Mode, ...]:
    """Return the modes asked for; of what virtual time cannot show, live alone."""
    node = root.at("modes")
    modes = tuple(Mode(mode) for mode in (node.value or list(Mode)))
    what = find_live_only(call for answer in answers for call in answer.faults)
    hows = [one.at("client", "abort", "how") for one in (root, *root.at("sequence"))]
    if any(how.value == AbortHow.HALF_CLOSE for how in hows):
        what = "a half-closed socket"
    if what is None:
        return modes
    if node.value and Mode.VIRTUAL in modes:
        raise InputError(f"virtual time cannot show {what}: expected [live]", at=node)
    return (Mode.LIVE,)
