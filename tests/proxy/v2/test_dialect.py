from __future__ import annotations

import json

import pytest

from proxy.v2.dialect import Dialect, Failure


@pytest.mark.parametrize(
    ("target", "dialect"),
    [
        (b"/v1/chat/completions", Dialect.OPENAI),
        (b"/v1/messages", Dialect.ANTHROPIC),
        (b"/v1/responses", Dialect.RESPONSES),
        (b"/v1/responses?x=1", Dialect.RESPONSES),
        (b"/v1/responses/r_1/input_items", Dialect.OPENAI),
        (b"/v1/messages?beta=true", Dialect.ANTHROPIC),
        (b"/v1/messages/count_tokens", Dialect.OPENAI),
        (b"/v1/x?path=/messages", Dialect.OPENAI),
    ],
)
def test_dialect_is_known_by_the_path(target, dialect):
    """A path that ends in /messages is Anthropic's; the query does not count."""
    assert dialect is Dialect.of_target(target)


@pytest.mark.parametrize("failure", Failure)
def test_openai_error_has_type_and_code(failure):
    """Clients of the chat dialect read an error object in a data event."""
    event = Dialect.OPENAI.error_event(failure)

    error = json.loads(event.removeprefix(b"data: "))["error"]
    assert event.endswith(b"}\n\n")
    assert list(error) == ["message", "type", "code"]
    assert ("upstream_error", failure.value) == (error["type"], error["code"])


@pytest.mark.parametrize("failure", Failure)
def test_anthropic_error_is_a_named_event(failure):
    """Clients of the messages dialect read an event of the type error."""
    event = Dialect.ANTHROPIC.error_event(failure)

    value = json.loads(event.removeprefix(b"event: error\ndata: "))
    assert event.endswith(b"}\n\n")
    assert value["type"] == "error"
    assert value["error"]["type"] == "api_error"
    assert value["error"]["message"]


@pytest.mark.parametrize("failure", Failure)
def test_responses_error_is_numbered_and_has_both_shapes(failure):
    """The reference has the code next to the type; SDKs raise on the object."""
    event = Dialect.RESPONSES.error_event(failure, 17)

    value = json.loads(event.removeprefix(b"event: error\ndata: "))
    assert event.endswith(b"}\n\n")
    assert (value["type"], value["sequence_number"]) == ("error", 17)
    assert value["code"] == value["error"]["code"] == failure.value
    assert value["message"] == value["error"]["message"]


def test_error_that_answers_is_the_same_for_both_apis_of_openai():
    """Only events differ."""
    failure = Failure.RESET

    body = Dialect.RESPONSES.error_body(failure)

    assert body == Dialect.OPENAI.error_body(failure)
    assert json.loads(body)["error"]["code"] == "upstream_reset"


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Failure.REFUSED, 502),
        (Failure.RESET, 502),
        (Failure.PROTOCOL_ERROR, 502),
        (Failure.CONNECT_TIMEOUT, 504),
        (Failure.FIRST_BYTE_TIMEOUT, 504),
        (Failure.TOTAL_TIMEOUT, 504),
        (Failure.CIRCUIT_OPEN, 503),
    ],
)
def test_status_tells_what_kind_of_failure_it_was(failure, status):
    """An unreachable upstream, a late one, and an open circuit."""
    assert failure.status == status


def test_every_failure_has_words_of_its_own():
    """No two can be confused."""
    assert len({failure.message for failure in Failure}) == len(Failure)


@pytest.mark.parametrize(
    ("dialect", "kind", "last"),
    [
        (Dialect.ANTHROPIC, "message_stop", True),
        (Dialect.ANTHROPIC, "message_delta", False),
        (Dialect.RESPONSES, "response.completed", True),
        (Dialect.RESPONSES, "response.incomplete", True),
        (Dialect.RESPONSES, "message_stop", False),
        (Dialect.OPENAI, "message_stop", False),
        (Dialect.ANTHROPIC, ["message_stop"], False),
        (Dialect.RESPONSES, {}, False),
    ],
)
def test_last_event_is_known_by_its_type(dialect, kind, last):
    """Each API ends its answers in its own way."""
    assert dialect.is_last({"type": kind}) is last
