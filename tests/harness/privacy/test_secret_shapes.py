"""Secrets that are recognized by their shape."""

from __future__ import annotations

import pytest

from harness.privacy.secret_shapes import find_shapes

# Put together here, so that no scanner takes this file for a leak.
_MIXED = "aB3dE6gH9j"
SHAPES = [
    ("API key", "sk-", "proj-" + _MIXED * 2),
    ("API key", "gs" + "k_", _MIXED * 4),
    ("API key", "r8" + "_", _MIXED * 4),
    ("API key", "lsv2" + "_", "pt_" + _MIXED * 4),
    ("AWS key", "AKI" + "A", "0123456789ABCDEF"),
    ("Google key", "AI" + "za", _MIXED * 3 + "x-_yz"),
    ("GitHub token", "gh" + "s_", _MIXED * 4),
    ("GitHub token", "github" + "_pat_", _MIXED * 3),
    ("GitLab token", "glp" + "at-", _MIXED * 2),
    ("Slack token", "xo" + "xb-", "0123456789-" + _MIXED),
    ("Stripe key", "sk" + "_live_", _MIXED * 2),
    ("SendGrid key", "S" + "G.", "a" * 22 + "." + "b" * 43),
    ("npm token", "np" + "m_", "a1b2" * 9),
    ("Databricks token", "da" + "pi", "0123456789abcdef" * 2),
    ("JSON Web Token", "ey" + "J", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln"),
]


@pytest.mark.parametrize(("kind", "anchor", "rest"), SHAPES)
def test_a_shape_is_found_with_its_borders(kind, anchor, rest):
    """In a sentence, in quotes, and behind an equals sign."""
    secret = anchor + rest
    for before, after in (("it is ", "."), ('"', '"'), ("x=", "&y")):
        found = list(find_shapes(before + secret + after))
        assert (len(before), len(before) + len(secret), kind) in found


@pytest.mark.parametrize(("kind", "anchor", "rest"), SHAPES)
def test_a_shape_does_not_begin_within_a_word(kind, anchor, rest):
    """Nor within base64."""
    for before in ("a", "7", "/", "+", "_"):
        found = [one for one in find_shapes(before + anchor + rest) if one[2] == kind]
        assert [] == [one for one in found if one[0] == 1]


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn",
        "sk-abcdefghijklmnopqrstuvwxyz",
        "AKI" + "A0123456789ABCDEFG",
        "gh" + "p_short",
        "Bearer of good news",
        "Bearer abcdefghijklmnopqrst",
        "https://host:8080/path@x",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU",
    ],
)
def test_words_and_harmless_shapes_are_left_alone(text):
    """A shape must be long and mixed enough."""
    assert [] == list(find_shapes(text))


def test_only_the_group_is_the_secret():
    """The scheme of a bearer token and the user of a URL stay."""
    token = "abcdef0123456789abcdef"
    assert [(7, 29, "bearer token")] == list(find_shapes(f"Bearer {token}"))
    url = "postgres://me:pa55@db/x"
    assert [(14, 18, "password in a URL")] == list(find_shapes(url))


def test_a_private_key_is_found_to_its_end():
    """With line ends as they are, or escaped."""
    for newline in ("\n", r"\n"):
        begin, end = "-----BEGIN RSA PRIVATE" + " KEY-----", "-----END RSA PRIVATE KEY"
        key = f"{begin}{newline}{'MIIEpAIBAAKCAQEA' * 2}{newline}{end}-----"
        assert [(2, 2 + len(key), "private key")] == list(find_shapes(f"a {key} b"))


def test_two_secrets_in_a_row_are_both_found():
    """The search goes on where one ends."""
    one = "gh" + "p_" + _MIXED * 4
    text = f"{one},{one}"
    assert [(0, 44), (45, 89)] == [found[:2] for found in find_shapes(text)]
