from __future__ import annotations

from datetime import date

import pytest

from harness.documents.yaml_document import load
from harness.errors import InputError
from harness.scenario.model import Bounds, Expect, ExpectedEnding, Reading
from harness.scenario.parse.expect import parse_bounds, parse_expect, parse_waiver

TODAY = date(2027, 1, 1)


def collect(parse, node):
    """Return what a parser makes of a node; mistakes are raised."""
    result = parse(node)
    node.mistakes.raise_any()
    return result


def test_what_is_demanded_becomes_a_value():
    """Readings, endings and single statuses are what the model calls them."""
    root = load(
        "{text: as_sent, usage: original, ending: error, status: 502, "
        "upstream_requests: 2}",
        source="s.yaml",
    )
    assert collect(parse_expect, root) == Expect(
        text=Reading.AS_SENT,
        usage=Reading.ORIGINAL,
        ending=ExpectedEnding.ERROR,
        status=(502,),
        upstream_requests=Bounds(at_least=2, at_most=2),
    )
    assert Expect() == collect(parse_expect, root.at("nothing"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", Bounds(at_least=3, at_most=3)),
        ("{at_least: 1}", Bounds(at_least=1)),
        ("{at_most: 4}", Bounds(at_most=4)),
        ("null", None),
    ],
)
def test_bounds_are_a_number_or_two(text, expected):
    """Where nothing is said there are none."""
    assert expected == parse_bounds(load(text, source="s.yaml"))


def test_bounds_that_leave_no_number_are_refused():
    """With line and key."""
    node = load("n: {at_least: 3, at_most: 1}", source="s.yaml").at("n")
    with pytest.raises(InputError, match=r"s.yaml:1: n: at_most is below at_least"):
        parse_bounds(node)


def test_a_waiver_holds_on_its_last_day():
    """And expires the day after."""
    text = "{level: events, reason: r, owner: o, expires: 2027-01-01}"
    node = load(text, source="s.yaml")

    def waiver(today):
        return collect(lambda node: parse_waiver(node, today), node)

    assert TODAY == waiver(TODAY).expires
    with pytest.raises(InputError, match="the waiver expired on 2027-01-01"):
        waiver(date(2027, 1, 2))
