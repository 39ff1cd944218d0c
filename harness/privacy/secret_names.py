"""Names of headers, parameters and JSON keys that announce a secret value.

A header or a query parameter is judged by the words of its name: few with ``token`` or
``key`` carry anything else, and those are listed. A JSON key is judged more strictly,
as a whole or by its end: in log probabilities ``token`` is a piece of text, and
``max_tokens`` is a number.
"""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["is_secret_header", "is_secret_key", "is_secret_parameter", "is_value"]

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SECRET_WORDS = frozenset(
    {
        "apikey",
        "auth",
        "authkey",
        "authorization",
        "bearer",
        "cookie",
        "credential",
        "credentials",
        "jwt",
        "key",
        "passphrase",
        "passwd",
        "password",
        "pwd",
        "secret",
        "session",
        "sessionid",
        "sig",
        "signature",
        "token",
    }
)
# Names with these words are about limits, pages or caches, not about credentials.
_HARMLESS_WORDS = frozenset({"ratelimit", "idempotency", "surrogate", "cache", "page"})
_HARMLESS = frozenset(
    {
        "sec-websocket-key",
        "sec-websocket-accept",
        "next-token",
        "continuation-token",
        "public-key-pins",
        "origin-agent-cluster",
    }
)

_SECRET_KEYS = frozenset(
    {
        "accesskeyid",
        "auth",
        "authorization",
        "connectionstring",
        "cookie",
        "credential",
        "idtoken",
        "proxyauthorization",
        "pwd",
        "secret",
        "setcookie",
        "subscriptionkey",
    }
)
_SECRET_KEY_ENDS = (
    "accesskey",
    "accesstoken",
    "apikey",
    "apisecret",
    "apitoken",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "encryptionkey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "refreshtoken",
    "secretkey",
    "securitytoken",
    "sessiontoken",
    "signingkey",
    "webhooksecret",
)
_NO_LETTERS = re.compile(r"[^a-z0-9]")
# Counts, words of a schema, and placeholders for a secret.
_NO_VALUE = re.compile(
    r"-?[0-9]{0,6}|-?[0-9]*\.[0-9]+|true|false|none|null|string|number|integer|boolean"
    r"|object|array|\$\{?\w+\}?|<[^<>]*>|\{[^{}]*\}|\{\{[^{}]*\}\}|[\W_]*",
    re.IGNORECASE,
)


def is_secret_header(name: str, extra: Collection[str] = ()) -> bool:
    """Tell whether a header's value is a credential.

    Args:
        name: The header's name in any case.
        extra: More names, in lower case.
    """
    return name.lower() in extra or _says_secret(name)


def is_secret_parameter(name: str, extra: Collection[str] = ()) -> bool:
    """Tell whether a query parameter's value is a credential.

    Args:
        name: The parameter's name in any case.
        extra: More names, in lower case.
    """
    return name.lower() in extra or _says_secret(name)


def is_secret_key(name: str, extra: Collection[str] = ()) -> bool:
    """Tell whether the value of a JSON key is a credential.

    Args:
        name: The key; case, ``_`` and ``-`` do not matter.
        extra: More keys, in lower case.
    """
    if name.lower() in extra:
        return True
    plain = _NO_LETTERS.sub("", name.lower()).removesuffix("s")
    return plain in _SECRET_KEYS or plain.endswith(_SECRET_KEY_ENDS)


def is_value(text: str) -> bool:
    """Tell whether a value can be a secret, that is no count and no placeholder."""
    return _NO_VALUE.fullmatch(text) is None


def _says_secret(name: str) -> bool:
    if name.lower() in _HARMLESS:
        return False
    words = {word.lower() for word in _WORD.findall(name)}
    return not words.isdisjoint(_SECRET_WORDS) and words.isdisjoint(_HARMLESS_WORDS)
