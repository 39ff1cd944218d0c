"""Secrets in headers, cookies and request targets."""

from __future__ import annotations

import pytest

from harness.privacy.rules import DEFAULT_RULES, RedactionRules
from harness.privacy.secrets_head import (
    header_secrets,
    redact_header,
    redact_target,
    target_secrets,
)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Authorization", "Bearer abc", ["abc"]),
        ("authorization", "opaque ", ["opaque"]),
        ("Cookie", "a=1; b=two=2; bare", ["1", "two=2", "bare"]),
        ("set-cookie", "sid=x; Path=/", ["x"]),
        ("set-cookie", "", []),
        ("x-api-key", "${KEY}", []),
        ("content-type", "text/plain", []),
    ],
)
def test_a_name_makes_parts_of_a_value_secrets(name, value, expected):
    """Schemes, names of cookies and placeholders are none."""
    assert expected == list(header_secrets(name, value, DEFAULT_RULES))


def test_known_secrets_are_replaced_everywhere():
    """A header that repeats one says nothing by its name."""
    assert "no REDACTED, REDACTED" == redact_header(
        "x-echo", "no abc, abc", DEFAULT_RULES, ["abc"]
    )


def test_spans_that_overlap_are_replaced_once():
    """A value that is a secret by name, by shape and by being known."""
    secret = "sk-" + "aB3dE6gH9j" * 2
    known = [secret, secret[3:], secret[3:9], secret[5:7]]
    assert "REDACTED" == redact_header("x-api-key", secret, DEFAULT_RULES, known)


def test_text_around_a_secret_stays():
    """Also between two of them."""
    rules = RedactionRules(patterns=("[0-9]{4}",))
    assert "a REDACTED b REDACTED c" == redact_header("x", "a 1234 b 5678 c", rules)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1?api_key=abc&stream=true", "/v1?api_key=REDACTED&stream=true"),
        ("/v1?a=1#token=abc", "/v1?a=1#token=REDACTED"),
        ("/v1?%61pi_key=abc", "/v1?%61pi_key=REDACTED"),
        ("https://me:pw1@host/x", "https://me:REDACTED@host/x"),
        ("/v1?page_token=abc", "/v1?page_token=abc"),
        ("/key=abc", "/key=abc"),
    ],
)
def test_a_target_loses_its_credentials(target, expected):
    """Parameters by name, decoded; the password of a URL by its shape."""
    assert expected == redact_target(target)


def test_a_targets_secret_is_known_as_sent_and_decoded():
    """A server repeats it in either form."""
    found = target_secrets("/v1?key=a%2Fb&x=1", DEFAULT_RULES)
    assert {"a%2Fb", "a/b"} == set(found)
