"""A user's own rules of redaction."""

from __future__ import annotations

import pytest

from harness.privacy.rules import DEFAULT_RULES, RedactionRules


def test_names_are_kept_in_lower_case():
    """Headers, parameters and keys are compared in any case."""
    rules = RedactionRules(
        headers=frozenset({"X-Tenant"}),
        parameters=frozenset({"Who"}),
        keys=frozenset({"IBAN"}),
    )
    assert {"x-tenant"} == rules.headers
    assert {"who"} == rules.parameters
    assert {"iban"} == rules.keys


def test_every_match_of_every_pattern_is_found():
    """Patterns are searched one after the other."""
    rules = RedactionRules(patterns=(r"c-[0-9]+", r"z+"))
    assert [
        (0, 3, "match of 'c-[0-9]+'"),
        (6, 9, "match of 'c-[0-9]+'"),
        (4, 5, "match of 'z+'"),
    ] == list(rules.find("c-1 z c-2"))


def test_the_first_group_is_the_secret():
    """Text around the group stays."""
    rules = RedactionRules(patterns=(r"pin (\d+)",))
    assert [(4, 8, r"match of 'pin (\\d+)'")] == list(rules.find("pin 1234"))


@pytest.mark.parametrize("text", ["pin ", "no match"])
def test_an_empty_group_is_no_secret(text):
    """Nothing is to be replaced there."""
    assert [] == list(RedactionRules(patterns=(r"pin (\d*)",)).find(text))


@pytest.mark.parametrize(
    ("pattern", "why"),
    [("(", "is not a regular expression: "), ("a*", "matches the empty text")],
)
def test_bad_patterns_are_refused(pattern, why):
    """The message names the pattern."""
    with pytest.raises(ValueError, match=why) as caught:
        RedactionRules(patterns=(pattern,))
    assert str(caught.value).startswith(repr(pattern))


def test_without_rules_nothing_is_found():
    """The default adds nothing."""
    assert [] == list(DEFAULT_RULES.find("sk-0123456789abcdef"))
