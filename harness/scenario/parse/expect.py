"""Parser of a scenario's demands beyond the oracle, and of its waivers."""

from __future__ import annotations

import re
from datetime import date

from harness.documents.node import Node
from harness.errors import InputError
from harness.scenario.model import Bounds, Expect, ExpectedEnding, Reading, Waiver

__all__ = ["parse_bounds", "parse_expect", "parse_waiver"]


def parse_expect(node: Node) -> Expect:
    """Return the demands beyond the oracle.

    Args:
        node: The ``expect`` of a scenario or an exchange.
    """
    node.at("log").read(_check_pattern)
    bounds = node.at("upstream_requests").read(parse_bounds)
    if not node.is_sound:
        return Expect()
    expect = dict(node.mapping)
    for key in ("text", "tool_calls", "usage"):
        if expect.get(key) in list(Reading):
            expect[key] = Reading(expect[key])
    if "ending" in expect:
        expect["ending"] = ExpectedEnding(expect["ending"])
    if "status" in expect:
        given = expect["status"]
        expect["status"] = tuple(given) if isinstance(given, list) else (given,)
    expect["upstream_requests"] = bounds
    return Expect(**expect)


def _check_pattern(node: Node) -> None:
    try:
        re.compile(node.value or "")
    except re.error as error:
        raise InputError(f"not a regular expression: {error}", at=node) from None


def parse_bounds(node: Node) -> Bounds | None:
    """Return the bounds of a number, or of ``{at_least, at_most}``.

    Raises:
        InputError: No number is between them.
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


def parse_waiver(node: Node, today: date) -> Waiver | None:
    """Return a waiver; None: there is a mistake.

    Args:
        node: The waiver.
        today: A waiver that ended before this day has expired.
    """
    expires = node.at("expires").read(_parse_day, today)
    if not node.is_sound:
        return None
    return Waiver(**{**node.value, "expires": expires})


def _parse_day(node: Node, today: date) -> date | None:
    if node.value is None:
        return None
    try:
        expires = date.fromisoformat(node.value)
    except ValueError as error:
        raise InputError(f"not a day: {error}", at=node) from None
    if expires < today:
        raise InputError(
            f"the waiver expired on {expires}: fix the difference or renew it; "
            f"today is {today}",
            at=node,
        )
    return expires
