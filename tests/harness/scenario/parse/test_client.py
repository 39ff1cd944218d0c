from __future__ import annotations

import pytest

from harness.documents.node import Node
from harness.documents.yaml_document import load
from harness.errors import InputError
from harness.scenario.model import Abort, AbortHow, ClientPlan, Pause, ReadPlan
from harness.scenario.parse.client import parse_client


def collect(parse, node):
    """Return what a parser makes of a node; mistakes are raised."""
    result = parse(node)
    node.mistakes.raise_any()
    return result


def client(text: str) -> Node:
    """What a scenario says of its client."""
    return load(f"client: {text}\n", source="s.yaml").at("client")


def test_a_client_of_which_nothing_is_said_just_reads():
    """So does one that the scenario does not name."""
    assert ClientPlan() == collect(parse_client, client("{}"))
    assert ClientPlan() == collect(parse_client, client("{}").at("nothing"))


def test_a_client_reads_and_leaves_as_it_says():
    """Every key becomes a value."""
    text = "{abort: {after_ms: 1, how: fin}, deadline_ms: 5, receive_buffer: 4096}"
    assert collect(parse_client, client(text)) == ClientPlan(
        abort=Abort(after_ms=1, how=AbortHow.FIN), deadline_ms=5, receive_buffer=4096
    )
    text = "{read: {pause: {after_bytes: 9, for_ms: 7}}}"
    pause = Pause(after_bytes=9, for_ms=7)
    assert ReadPlan(pause=pause) == collect(parse_client, client(text)).read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{abort: {}}", "client.abort: expected one of after_events, .*got none"),
        (
            "{abort: {after_ms: 1, before: head}}",
            "client.abort: .*got after_ms and before",
        ),
        ("{read: {}}", "client.read: expected one of .*got none"),
        (
            "{read: {bytes_per_s: 1}, abort: {after_ms: 1}}",
            "client.read: a client that leaves reads everything as it arrives",
        ),
        (
            "{read: {pause: {after_bytes: 1, for_ms: null}}}",
            "client.read.pause: .*leaves at client.deadline_ms",
        ),
    ],
)
def test_a_client_that_cannot_be_is_refused(text, message):
    """With line and key."""
    with pytest.raises(InputError, match=f"^s.yaml:1: {message}"):
        collect(parse_client, client(text))
