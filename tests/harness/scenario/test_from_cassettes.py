from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Interaction,
    Recorded,
    Request,
    Response,
)
from harness.errors import InputError
from harness.faults.registry import FaultCall
from harness.scenario.from_cassettes import (
    cassette_scenarios,
    parse_fault,
    with_fault,
)
from harness.scenario.model import Expect, Mode

INTERACTION = Interaction(
    request=Request(method="POST", path="/", headers=(), body=b""),
    response=Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(),
        segments=(),
        ending=Ending(at_ns=0, kind=EndingKind.COMPLETE),
    ),
)
CASSETTE = Cassette(
    recorded=Recorded(at=None, by="test", upstream=None),
    tags=("t",),
    interactions=(INTERACTION, INTERACTION),
)
CUT = FaultCall(name="repeat_first", parameters={})
LIVE = FaultCall(name="content_encoding", parameters={})


def test_every_interaction_is_played_whole_and_with_each_fault():
    """The fault is the family; its position tells an interaction of several."""
    scenarios = cassette_scenarios([("c", "c.yaml", CASSETTE)], [CUT, LIVE])
    assert [
        ("whole/c/0", (), 2),
        ("repeat_first/c/0", (CUT,), 2),
        ("content_encoding/c/0", (LIVE,), 1),
        ("whole/c/1", (), 2),
        ("repeat_first/c/1", (CUT,), 2),
        ("content_encoding/c/1", (LIVE,), 1),
    ] == [(one.id, one.all_faults, len(one.modes)) for one in scenarios]
    assert (Mode.LIVE,) == scenarios[2].modes
    alone = replace(CASSETTE, interactions=(INTERACTION,))
    [whole] = cassette_scenarios([("c", "c.yaml", alone)])
    assert ("whole/c", "c.yaml", ("t",)) == (whole.id, whole.source, whole.tags)


def test_one_fault_more_stands_behind_its_own():
    """What was demanded without it is not demanded with it."""
    [scenario, *_] = cassette_scenarios([("c", "c.yaml", CASSETTE)])
    exchange = replace(scenario.exchange, expect=Expect(status=(502,)))
    more = with_fault(with_fault(replace(scenario, exchange=exchange), CUT), LIVE)
    assert "whole/c/0+repeat_first+content_encoding" == more.id
    assert (CUT, LIVE) == more.all_faults
    assert (LIVE,) == more.added
    assert Expect() == more.exchange.expect


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("repeat_frist", "unknown fault 'repeat_frist' .*'repeat_first'"),
        ("repeat_first: {tims: 1}", "--fault: repeat_first.tims: unknown parameter"),
        ("[a, b]", "--fault: expected one fault, such as"),
    ],
)
def test_what_is_no_fault_is_refused(text, message):
    """With the option, the key and the nearest name."""
    with pytest.raises(InputError, match=message):
        parse_fault(text)


def test_a_fault_is_a_name_or_a_name_with_parameters():
    """As a scenario writes it."""
    assert CUT == parse_fault("repeat_first")
    assert FaultCall(name="repeat_first", parameters={"times": 2}) == parse_fault(
        "repeat_first: {times: 2}"
    )
