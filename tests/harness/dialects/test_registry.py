from __future__ import annotations

import json
import pickle

import pytest

from harness.dialects.registry import DIALECTS, OPENAI_CHAT, dialect_at, dialect_of
from harness.sse import encode_event, parse

CHUNK = {"choices": []}
START = {"type": "message_start", "message": {}}
CREATED = {"type": "response.created", "response": {}}
CANDIDATE = {"candidates": [{}]}
PING = {"type": "ping"}


def spoken(*values):
    """Return the name of the dialect of a stream of these events."""
    body = b"".join(encode_event(json.dumps(value)) for value in values)
    return dialect_of(parse(body).events).name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "openai-chat"),
        ("/openai/deployments/x/chat/completions?api-version=1", "openai-chat"),
        ("/v1beta/openai/chat/completions", "openai-chat"),
        ("/v1/messages", "anthropic-messages"),
        ("/v1/messages?beta=true", "anthropic-messages"),
        ("/v1/responses", "openai-responses"),
        ("/v1beta/models/g:streamGenerateContent?alt=sse", "gemini"),
        ("/v1/messages/count_tokens", None),
        ("/v1/x?path=/chat/completions", None),
        ("", None),
    ],
)
def test_a_path_tells_the_dialect(path, name):
    """The end of the path decides, its query does not."""
    found = dialect_at(path)

    assert name == (found and found.name)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_every_dialect_is_spoken_at_its_own_path(dialect):
    """And no other is."""
    assert dialect is dialect_at(dialect.path)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([CHUNK, START], "openai-chat"),
        ([START, CHUNK], "anthropic-messages"),
        ([PING, {"type": "message_stop"}], "anthropic-messages"),
        ([CREATED], "openai-responses"),
        ([CANDIDATE], "gemini"),
        ([PING, [1], "x", None], "openai-chat"),
        ([], "openai-chat"),
    ],
)
def test_the_first_event_that_has_an_owner_tells_the_dialect(values, name):
    """What nobody owns counts as chat."""
    assert name == spoken(*values)


def test_broken_events_tell_nothing():
    """Whatever came, a dialect is chosen."""
    body = b'data: {"type":"mess\n\ndata: [DONE]\n\nevent: error\ndata: no\n\n'

    assert OPENAI_CHAT is dialect_of(parse(body).events)


def test_names_are_unique():
    """Cassettes have them for tags."""
    names = [dialect.name for dialect in DIALECTS]

    assert sorted(set(names)) == sorted(names)


def test_a_dialect_is_the_same_in_another_process():
    """Readings that come back from workers compare equal."""
    assert list(DIALECTS) == pickle.loads(pickle.dumps(list(DIALECTS)))
    assert len(DIALECTS) == len(set(DIALECTS))
