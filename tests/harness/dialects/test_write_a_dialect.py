"""The page docs/write-a-dialect.md: its dialect is read from there, and works."""

from __future__ import annotations

import inspect
import re
import runpy
import types
from pathlib import Path

import pytest

from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Interaction,
    Recorded,
    Request,
    Response,
    Segment,
)
from harness.dialects import registry
from harness.dialects.interface import Dialect
from harness.judge.check import judge
from harness.judge.evidence.reading import read_stream
from harness.judge.limits import Limits
from harness.judge.oracle.oracle import Contract, expectation
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.from_cassettes import cassette_scenarios
from harness.scenario.script import make_script

_PAGE = Path(__file__).parents[3] / "docs" / "write-a-dialect.md"
_CONTRACT = runpy.run_path(str(Path(__file__).with_name("test_interface.py")))
_EVENTS = (
    b'data: {"say":"Hel"}\n\n',
    b'data: {"say":"lo"}\n\n',
    b'data: {"over":"stop"}\n\n',
)


@pytest.fixture
def acme(monkeypatch):
    """The page's dialect, in the registry."""
    [code] = re.findall(
        r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    module = types.ModuleType("acme_dialect")
    exec(code, module.__dict__)
    dialect = module.Acme()
    monkeypatch.setattr(registry, "DIALECTS", (*registry.DIALECTS, dialect))
    return dialect


def _script(events):
    segments = tuple(
        Segment(at_ns=number * 1_000_000, data=data)
        for number, data in enumerate(events, start=1)
    )
    response = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(("content-type", "text/event-stream"),),
        segments=segments,
        ending=Ending(at_ns=segments[-1].at_ns, kind=EndingKind.COMPLETE),
    )
    request = Request(method="POST", path="/v2/talk", headers=(), body=b"{}")
    cassette = Cassette(
        recorded=Recorded(at="2026-01-01T00:00:00Z", by="test", upstream=None),
        tags=("acme",),
        interactions=(Interaction(request=request, response=response),),
    )
    [scenario] = cassette_scenarios([("talk", "talk", cassette)], [])
    return scenario, make_script(scenario, seed=1)


def test_the_dialect_of_the_page_is_chosen_by_path_and_by_events(acme):
    """Its last event finishes an answer, which chat's never do."""
    reading = read_stream(b"".join(_EVENTS))
    cut = read_stream(b"".join(_EVENTS[:2]))
    chat = read_stream(b"".join(_EVENTS), registry.OPENAI_CHAT)

    assert acme is registry.dialect_at("/v2/talk?x=1")
    assert acme is reading.dialect
    assert (True, False, False) == (reading.finished, cut.finished, chat.finished)


@pytest.mark.parametrize(
    ("arrived", "kinds"),
    [
        (_EVENTS, []),
        ((_EVENTS[0], _EVENTS[2]), ["event_lost"]),
        ((*_EVENTS[:2], b'data: {"over":"length"}\n\n'), ["event_lost", "event_added"]),
    ],
)
def test_a_proxy_is_judged_in_the_dialect(acme, arrived, kinds):
    """One that forwards is right, one that loses or changes an event is not."""
    scenario, script = _script(_EVENTS)
    wanted = expectation(script, Contract.TRANSPARENT, scenario.exchange.expect)
    relay = load_relay("tests.planted.relays:passing")
    observed = play_virtual("proxy", relay, _script(arrived)[1], {})
    judgement = judge(wanted, observed, Limits(hold_ms=20))

    assert kinds == [violation.kind.value for violation in judgement.violations]


@pytest.mark.parametrize(
    "name", [name for name in _CONTRACT if name.startswith("test_")]
)
def test_the_dialect_of_the_page_keeps_the_contract_of_all(acme, name):
    """The tests of the interface hold for it."""
    test = _CONTRACT[name]
    values = (
        _CONTRACT["ANYTHING"] if "data" in inspect.signature(test).parameters else ()
    )
    for data in values or (None,):
        test(acme, **({} if data is None else {"data": data}))


def test_the_page_names_every_question_of_the_interface():
    """What a dialect must answer is in its table."""
    table = _PAGE.read_text(encoding="utf-8").partition("## The questions")[2]
    asked = Dialect.__abstractmethods__ | set(Dialect.__annotations__) - {
        "name",
        "end",
        "is_complete",
    }

    assert [] == sorted(name for name in asked if f"`{name}`" not in table)
