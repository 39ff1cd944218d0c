"""Secrets in bodies, found by key, by shape, and by being known."""

from __future__ import annotations

import pytest

from harness.privacy.rules import DEFAULT_RULES, RedactionRules
from harness.privacy.secrets_body import KNOWN_MIN, BodySecrets, SecretSpan, mask

JSON = "application/json"
STREAM = "text/event-stream"


def masked(body, content_type=JSON, rules=DEFAULT_RULES, known=()):
    """Return a body without its secrets."""
    secrets = BodySecrets(body, content_type, rules)
    secrets.search_known(known)
    return mask(body, secrets.found)


def test_masking_keeps_length_numbers_and_line_ends():
    """A number becomes ones, all else asterisks."""
    body = b'"ab\ncd" 1234'
    spans = [SecretSpan(1, 6, "x"), SecretSpan(8, 12, "x", is_number=True)]
    assert b'"**\n**" 1111' == mask(body, spans)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"password":"abc","x":"abc"}', b'{"password":"***","x":"abc"}'),
        (b'{"a":[{"api_key":"k1x"}]}', b'{"a":[{"api_key":"***"}]}'),
        (b'{"passwords":["ab1","cd1"]}', b'{"passwords":["***","***"]}'),
        (b'{"password":"${PW}"}', b'{"password":"${PW}"}'),
        (b'{"password":12345}', b'{"password":11111}'),
        (b'{"password":123}', b'{"password":123}'),
        (b'{"password":1111}', b'{"password":1111}'),
        (b'{"max_tokens":12345}', b'{"max_tokens":12345}'),
        (rb'{"t":"{\"api_key\": \"ab1\"}"}', rb'{"t":"{\"api_key\": \"***\"}"}'),
        (b"{\"t\":\"{'secret': 'ab1' }\"}", b"{\"t\":\"{'secret': '***' }\"}"),
    ],
)
def test_values_of_keys_that_announce_a_secret(body, expected):
    """At any depth, also in JSON within a text."""
    assert expected == masked(body)


def test_forms_are_searched_by_parameter():
    """Only where the content type says so."""
    body = b"user=me&pass%77ord=ab1&x=1"
    form = "application/x-www-form-urlencoded"
    assert b"user=me&pass%77ord=***&x=1" == masked(body, form)
    assert body == masked(body, "text/plain")


def test_a_secret_cut_between_events_is_found():
    """Its bytes are those of both events."""
    key = "sk-" + "aB3dE6gH9j" * 2
    parts = key[:8].encode(), key[8:].encode()
    body = b'data: {"t":"%b"}\n\ndata: {"t":"%b"}\n\n' % parts
    expected = b'data: {"t":"%b"}\n\ndata: {"t":"%b"}\n\n' % (b"*" * 8, b"*" * 15)
    assert expected == masked(body, STREAM)


def test_known_secrets_are_found_in_raw_and_in_joined_texts():
    """Outside of JSON, and cut between events."""
    body = b': abcdefghijkl\n\ndata: {"t":"abcdef"}\n\ndata: {"t":"ghijkl"}\n\n'
    expected = b': ************\n\ndata: {"t":"******"}\n\ndata: {"t":"******"}\n\n'
    assert expected == masked(body, STREAM, known=["abcdefghijkl"])


def test_a_cumulative_stream_loses_parts_of_a_known_secret():
    """From eight characters on, at the end of a text."""
    body = (
        b'data: {"t":"x abcdefg"}\n\ndata: {"t":"x abcdefgh"}\n\ndata: {"t":"no"}\n\n'
    )
    expected = body.replace(b"abcdefgh", b"********")
    assert expected == masked(body, STREAM, known=["abcdefghijkl"])


def test_long_secrets_become_known():
    """Short ones are words too often, masked ones are none."""
    long, short = "k" * KNOWN_MIN, "k" * (KNOWN_MIN - 1)
    body = b'{"a":{"secret":"%b"},"b":{"secret":"%b"},"c":{"secret":"a***********"}}'
    secrets = BodySecrets(body % (long.encode(), short.encode()), JSON, DEFAULT_RULES)
    assert {long} == secrets.known


def test_rules_of_the_user():
    """Keys, also in a text, and patterns."""
    rules = RedactionRules(keys=frozenset({"iban"}), patterns=("[0-9]{4}",))
    body = b'{"iban":"DE1","t":"say \'iban\': \'DE2\' and 1234"}'
    expected = b'{"iban":"***","t":"say \'iban\': \'***\' and ****"}'
    assert expected == masked(body, rules=rules)
