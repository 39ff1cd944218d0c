"""Names that announce a secret value."""

from __future__ import annotations

import pytest

from harness.privacy.secret_names import (
    is_secret_header,
    is_secret_key,
    is_secret_parameter,
    is_value,
)


@pytest.mark.parametrize(
    "name",
    ["Authorization", "x-api-key", "X-ApiKey", "set-cookie", "X-AuthToken", "sig"],
)
def test_a_word_of_a_name_announces_a_secret(name):
    """Words are split at signs and at capitals; headers and parameters are alike."""
    assert is_secret_header(name)
    assert is_secret_parameter(name)


@pytest.mark.parametrize(
    "name",
    [
        "x-monkey",
        "content-type",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-token-reset",
        "idempotency-key",
        "page-token",
        "sec-websocket-key",
        "Public-Key-Pins",
        "",
    ],
)
def test_other_names_do_not(name):
    """A word within another does not count; limits, pages and caches are harmless."""
    assert not is_secret_header(name)
    assert not is_secret_parameter(name)


@pytest.mark.parametrize(
    "key",
    [
        "api_key",
        "apiKey",
        "openai-api-keys",
        "ACCESS_TOKEN",
        "db_password",
        "secret",
        "clientSecret",
        "connectionString",
    ],
)
def test_keys_that_announce_a_secret(key):
    """Case, signs and a plural do not matter."""
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    ["token", "max_tokens", "key", "secretary", "passwords_policy", "session", ""],
)
def test_other_keys_do_not(key):
    """A key is judged as a whole or by its end."""
    assert not is_secret_key(key)


def test_names_of_the_user_count_too():
    """They are given in lower case and compared as a whole."""
    assert is_secret_header("X-Tenant", {"x-tenant"})
    assert is_secret_parameter("Who", {"who"})
    assert is_secret_key("IBAN", {"iban"})
    assert not is_secret_key("my_iban", {"iban"})


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "123456", "-12", "0.25", "True", "none", "null", "string"),
        *("${API_KEY}", "$KEY", "<your key>", "{key}", "{{ key }}", "***", "____"),
    ],
)
def test_counts_and_placeholders_are_no_values(text):
    """They are left alone under a name that announces a secret."""
    assert not is_value(text)


@pytest.mark.parametrize("text", ["abc", "nulls", "a{key}", "s3cret", "1234567"])
def test_anything_else_is_a_value(text):
    """A single word, and a number longer than a count."""
    assert is_value(text)
