"""Models of clients, against what SDKs did; who fares worse through a target."""

from __future__ import annotations

import json

import pytest

from harness.cassette.model import Ending, EndingKind, Request, Response, Segment
from harness.judge.check import judge
from harness.judge.evidence.observation import ClientEnd
from harness.judge.evidence.sdk_models import SdkModel, client_view, direct_view
from harness.judge.limits import virtual_limits
from harness.judge.oracle.oracle import Contract, expectation
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.model import Answer, ExchangePlan, Scenario
from harness.scenario.script import make_script
from scripts.clients.shapes import TABLES, read_shapes

SHAPES = read_shapes(TABLES / "openai.yaml")
SDKS = {SdkModel.PYTHON: "openai-python", SdkModel.NODE: "openai-node"}


@pytest.mark.parametrize("client", SdkModel)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_model_does_what_its_sdk_did(shape, client):
    """Text, finish_reason, and whether it raises: as measured, for each shape."""
    seen = direct_view(client, shape.script.attempts[-1])
    did = shape.directly[SDKS[client]]
    if seen is None:
        assert shape.name in NOT_MODELLED
        return

    assert (seen.text, seen.finish or None) == (did.text, did.finish)
    assert bool(seen.error) == bool(did.error)


NOT_MODELLED = {
    "fin_mid_chunk",
    "bad_chunk_size",
    "gzip_ok",
    "gzip_lie",
    "gzip_unlabelled",
    "gzip_truncated",
}


def test_most_shapes_are_modelled():
    """What is left out is what the models say nothing of: codings, broken chunks."""
    assert len(SHAPES) - len(NOT_MODELLED) >= 70


HELLO = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def seen_by(client, body, end=ClientEnd.COMPLETE):
    """What a client makes of a body."""
    return client_view(client, status=200, headers=(), body=body, end=end)


def test_the_two_disagree_on_the_end():
    """Behind [DONE] one has gone, the other waits."""
    body = HELLO + STOP + DONE
    cut = {client: seen_by(client, body, ClientEnd.TRUNCATED) for client in SdkModel}

    assert cut[SdkModel.PYTHON].error is None
    assert cut[SdkModel.NODE].error == "cut off"


def played(relay, *blocks):
    """The violations of a relay over a stream."""
    segments = tuple(Segment(at_ns=n, data=data) for n, data in enumerate(blocks))
    response = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(
            ("content-type", "text/event-stream"),
            ("transfer-encoding", "chunked"),
        ),
        segments=segments,
        ending=Ending(at_ns=len(blocks), kind=EndingKind.COMPLETE),
    )
    scenario = Scenario(
        id="x/y",
        why="",
        tags=(),
        exchange=ExchangePlan(
            request=Request(
                method="POST", path="/v1/chat/completions", headers=(), body=b"{}"
            ),
            answers=(Answer(response=response, recorded=True),),
        ),
    )
    script = make_script(scenario, 1)
    expected = expectation(script, Contract.REPAIRING, scenario.exchange.expect)
    seen = play_virtual("t", load_relay(relay), script, {})
    return judge(expected, seen, virtual_limits())


ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'


def worse(judgement):
    """Where clients fare worse."""
    return [one.where for one in judgement.violations if one.kind == "client_worse"]


def test_an_empty_event_of_the_target_makes_both_raise():
    """v1 sends one before the role; directly all is well."""
    judgement = played("proxy.v1:make_relay", ROLE, HELLO, STOP, DONE)

    assert worse(judgement) == ["python client", "node client"]
    assert [seen.error for seen in judgement.clients] == ["not JSON", "not JSON"]
    assert worse(played("proxy.v2:make_relay", ROLE, HELLO, STOP, DONE)) == []


@pytest.mark.parametrize(
    "blocks",
    [
        (b"retry: 3000\n\n", HELLO, STOP, DONE),
        (b"\xef\xbb\xbf" + HELLO, HELLO, STOP, DONE),
        (HELLO, b"data: {broken\n\n", STOP, DONE),
        (HELLO, STOP, DONE),
        (HELLO, STOP),
        (HELLO,),
    ],
)
def test_what_hurts_directly_too_is_nobodys_fault(blocks):
    """Quirks of a client, and streams that are broken upstream."""
    assert worse(played("proxy.v2:make_relay", *blocks)) == []


@pytest.mark.parametrize("value", ["NaN", "1e999"])
def test_numbers_that_json_does_not_know(value):
    """Python reads NaN, JavaScript does not; both read what overflows."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "x"}}]}
    body = json.dumps(chunk)[:-1] + f', "n": {value}}}'
    event = f"data: {body}\n\n".encode()

    assert seen_by(SdkModel.PYTHON, event).error is None
    assert bool(seen_by(SdkModel.NODE, event).error) is (value == "NaN")
