"""What a scenario demands beyond the oracle, and what it waives."""

from __future__ import annotations

import re
from datetime import date

from harness.documents.node import Node
from harness.errors import InputError
from harness.scenario.model import Bounds, Expect, ExpectedEnding, Reading, Waiver

__all__ = ["parse_bounds", "parse_expect", "parse_waiver"]


def parse_expect(node: Node) -> Expect:
    """Return what is demanded beyond the oracle; nothing where nothing is said.

    Raises:
        InputError: With line and key.
    """
    expect = dict(node.value or {})
    if "log" in expect:
        try:
            re.compile(expect["log"])
        except re.error as error:
            message = f"not a regular expression: {error}"
            raise InputError(message, at=node.at("log")) from None
    for key in ("text", "tool_calls", "usage"):
        if expect.get(key) in list(Reading):
            expect[key] = Reading(expect[key])
    if "ending" in expect:
        expect["ending"] = ExpectedEnding(expect["ending"])
    if "status" in expect:
        given = expect["status"]
        expect["status"] = tuple(given) if isinstance(given, list) else (given,)
    expect["upstream_requests"] = parse_bounds(node.at("upstream_requests"))
    return Expect(**expect)


def parse_bounds(node: Node) -> Bounds | None:
    """Return the bounds that a number, or ``{at_least, at_most}``, stands for.

    Raises:
        InputError: They leave no number.
    """
    match node.value:
        case None:
            return None
        case int(number):
            return Bounds(at_least=number, at_most=number)
    bounds = Bounds(**node.value)
    if bounds.at_most is not None and bounds.at_most < bounds.at_least:
        raise InputError("at_most is below at_least", at=node)
    return bounds


def parse_waiver(node: Node, today: date) -> Waiver:
    """Return a difference that is accepted.

    Args:
        node: A waiver.
        today: The day by which it is held.

    Raises:
        InputError: It has expired, or names no day.
    """
    day = node.at("expires")
    try:
        expires = date.fromisoformat(day.value)
    except ValueError as error:
        raise InputError(f"not a day: {error}", at=day) from None
    if expires < today:
        raise InputError(
            f"the waiver expired on {expires}: mend the difference or renew it; "
            f"today is {today}",
            at=day,
        )
    return Waiver(**{**node.value, "expires": expires})
