from __future__ import annotations

import pytest

from harness.documents.node import Node
from harness.documents.yaml_document import load
from harness.errors import InputError
from harness.scenario.model import Abort, AbortHow, ClientPlan, Pause, ReadPlan
from harness.scenario.parse.client import parse_client


def client(text: str) -> Node:
    """What a scenario says of its client."""
    return load(f"client: {text}\n", source="s.yaml").at("client")


def test_a_client_of_which_nothing_is_said_just_reads():
    """So does one that the scenario does not name."""
    assert ClientPlan() == parse_client(client("{}"))
    assert ClientPlan() == parse_client(client("{}").at("nothing"))


def test_a_client_reads_and_leaves_as_it_says():
    """Every key becomes a value."""
    text = "{abort: {after_ms: 1, how: fin}, deadline_ms: 5, receive_buffer: 4096}"
    assert parse_client(client(text)) == ClientPlan(
        abort=Abort(after_ms=1, how=AbortHow.FIN), deadline_ms=5, receive_buffer=4096
    )
    text = "{read: {pause: {after_bytes: 9, for_ms: 7}}}"
    pause = Pause(after_bytes=9, for_ms=7)
    assert ReadPlan(pause=pause) == parse_client(client(text)).read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{abort: {}}", "client.abort: expected one of after_events, .*came none"),
        (
            "{abort: {after_ms: 1, before: head}}",
            "client.abort: .*came after_ms and before",
        ),
        ("{read: {}}", "client.read: expected one of .*came none"),
        (
            "{read: {bytes_per_s: 1}, abort: {after_ms: 1}}",
            "client.read: a client that leaves reads what comes, at once",
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
        parse_client(client(text))
