"""Finds and replaces the secrets of a head: in headers, cookies, the request target.

Nothing depends on their length, so one word replaces each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, unquote_plus

from harness.privacy.rules import DEFAULT_RULES, RedactionRules
from harness.privacy.secret_names import (
    is_secret_header,
    is_secret_parameter,
    is_value,
)
from harness.privacy.secret_shapes import find_shapes

__all__ = [
    "REDACTED",
    "header_secrets",
    "redact_header",
    "redact_target",
    "target_secrets",
]

REDACTED = "REDACTED"
"""The word that replaces a secret in a header or a query."""

_PARAMETER = re.compile(r"(?<=[?&;#])([^=&;#?]+)=([^&;#]+)")
_SCHEME = re.compile(
    r"(?:(?:Basic|Bearer|Digest|Token|ApiKey|Negotiate)[ \t]+)?(.*\S)\s*",
    re.IGNORECASE,
)
_COOKIE = re.compile(r"(?:^|;)\s*+(?:[^=;]*+=)?+([^;]*[^;\s])")

Span = tuple[int, int]


def redact_header(
    name: str, value: str, rules: RedactionRules, known: Iterable[str] = ()
) -> str:
    """Return a header's value without its credentials.

    The scheme of an authorization stays, and so do the names of cookies.

    Args:
        name: The header's name; it may announce that the whole value is a credential.
        value: The header's value.
        rules: Redacted in addition to what always is.
        known: Secrets to search for.
    """
    spans = [*_header_spans(name, value, rules), *_parameter_spans(value, rules)]
    return _replace(value, [*spans, *_other_spans(value, rules, known)])


def header_secrets(name: str, value: str, rules: RedactionRules) -> Iterator[str]:
    """Yield the parts of a header's value that are secrets by the header's name."""
    for start, end in _header_spans(name, value, rules):
        yield value[start:end]


def redact_target(
    target: str, rules: RedactionRules = DEFAULT_RULES, known: Iterable[str] = ()
) -> str:
    """Return a URL or a request target without the credentials in it.

    Args:
        target: A URL, or a path with its query.
        rules: Redacted in addition to what always is.
        known: Secrets to search for.
    """
    spans = [*_parameter_spans(target, rules), *_other_spans(target, rules, known)]
    return _replace(target, spans)


def target_secrets(target: str, rules: RedactionRules) -> Iterator[str]:
    """Yield the secret values of a query, as sent and percent-decoded."""
    for start, end in _parameter_spans(target, rules):
        yield from {target[start:end], unquote(target[start:end])}


def _header_spans(name: str, value: str, rules: RedactionRules) -> Iterator[Span]:
    lower = name.lower()
    if lower == "cookie":
        yield from (match.span(1) for match in _COOKIE.finditer(value))
    elif lower == "set-cookie":
        # Only the first pair is a cookie; attributes follow (RFC 6265, section 4.1).
        match = _COOKIE.match(value)
        yield from [match.span(1)] if match else []
    elif is_secret_header(name, rules.headers):
        match = _SCHEME.fullmatch(value)
        if match is not None and is_value(match[1]):
            yield match.span(1)


def _parameter_spans(target: str, rules: RedactionRules) -> Iterator[Span]:
    for match in _PARAMETER.finditer(target):
        name = unquote_plus(match[1])
        if is_secret_parameter(name, rules.parameters) and is_value(match[2]):
            yield match.span(2)


def _other_spans(
    text: str, rules: RedactionRules, known: Iterable[str]
) -> Iterator[Span]:
    for start, end, _ in (*find_shapes(text), *rules.find(text)):
        yield start, end
    for secret in known:
        at = text.find(secret)
        while at >= 0:
            yield at, at + len(secret)
            at = text.find(secret, at + len(secret))


def _replace(text: str, spans: list[Span]) -> str:
    """Replace the spans by one word each; spans that overlap count as one."""
    parts = []
    at = 0
    for start, end in sorted(spans):
        if start >= at:
            parts += [text[at:start], REDACTED]
        at = max(at, end)
    return "".join([*parts, text[at:]])
