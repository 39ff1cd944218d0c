from __future__ import annotations

import json

import pytest

from proxy.v2.dialect import Dialect, Failure


@pytest.mark.parametrize(
    ("target", "dialect"),
    [
        (b"/v1/chat/completions", Dialect.OPENAI),
        (b"/v1/messages", Dialect.ANTHROPIC),
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
