"""Secrets that are recognized by their shape, anywhere.

A shape must be too long and too mixed to be a word: a false finding would change bytes
that carry no secret. Each begins with an anchor text that ``str.find`` finds fast; the
expression is tried only there.

The shapes are documented by the issuers or by published secret scanners (GitHub,
"Supported secret scanning patterns"; RFC 7519 for JWT, RFC 7468 for PEM, RFC 6750 for
Bearer).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Shape", "find_shapes"]

# A secret does not begin in the middle of a word or of base64. It may follow an equals
# sign: parameters and assignments carry one so.
_START = r"(?<![A-Za-z0-9_+/-])"
_DIGIT_AHEAD = r"(?=[A-Za-z0-9_-]*[0-9])"


class Shape(NamedTuple):
    """A kind of secret: its anchor text, and an expression for the whole secret.

    If the expression has a group, the group is the secret.
    """

    kind: str
    anchor: str
    pattern: re.Pattern[str]


def _shape(kind: str, anchor: str, rest: str, *, start: str = _START) -> Shape:
    return Shape(kind, anchor, re.compile(start + re.escape(anchor) + rest))


_SHAPES = (
    # OpenAI, Anthropic, DeepSeek, OpenRouter, LiteLLM, Langfuse …
    _shape("API key", "sk-", _DIGIT_AHEAD + r"[A-Za-z0-9_-]{16,}"),
    _shape("API key", "gsk_", r"[A-Za-z0-9]{40,}"),
    _shape("API key", "xai-", r"[A-Za-z0-9]{40,}"),
    _shape("API key", "pplx-", r"[A-Za-z0-9]{40,}"),
    _shape("API key", "csk-", r"[A-Za-z0-9]{40,}"),
    _shape("API key", "nvapi-", r"[A-Za-z0-9_-]{40,}"),
    _shape("API key", "fw_", r"[A-Za-z0-9]{20,}"),
    _shape("API key", "r8_", r"[A-Za-z0-9]{37,}"),
    _shape("API key", "hf_", r"[A-Za-z0-9]{30,}"),
    _shape("API key", "lsv2_", r"(?:pt|sk)_[A-Za-z0-9_]{32,}"),
    _shape("API key", "tvly-", _DIGIT_AHEAD + r"[A-Za-z0-9_-]{20,}"),
    _shape("AWS key", "ABSK", r"[A-Za-z0-9+/]{80,}=*"),
    _shape("AWS key", "AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _shape("AWS key", "ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _shape("Google key", "AIza", r"[A-Za-z0-9_-]{35}"),
    _shape("Google key", "ya29.", r"[A-Za-z0-9_-]{20,}"),
    _shape("Google key", "GOCSPX-", r"[A-Za-z0-9_-]{20,}"),
    *(
        _shape("GitHub token", anchor, r"[A-Za-z0-9]{36,}")
        for anchor in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")
    ),
    _shape("GitHub token", "github_pat_", r"[A-Za-z0-9_]{22,}"),
    _shape("GitLab token", "glpat-", r"[A-Za-z0-9_-]{20,}"),
    _shape("Slack token", "xox", r"[abeoprs]-[A-Za-z0-9-]{10,}"),
    _shape("Slack token", "xapp-", r"[0-9]-[A-Za-z0-9-]{20,}"),
    _shape(
        "Slack webhook",
        "hooks.slack.com/",
        r"(?:services|workflows)/([A-Za-z0-9+/]{30,})",
        start="",
    ),
    _shape("Stripe key", "sk_", r"(?:live|test)_[A-Za-z0-9]{16,}"),
    _shape("Stripe key", "rk_", r"(?:live|test)_[A-Za-z0-9]{16,}"),
    _shape("SendGrid key", "SG.", r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _shape("npm token", "npm_", r"[A-Za-z0-9]{36}"),
    _shape("PyPI token", "pypi-", r"AgE[A-Za-z0-9_-]{50,}"),
    _shape("Databricks token", "dapi", r"[0-9a-f]{32}(?![0-9A-Za-z])"),
    _shape(
        "JSON Web Token",
        "eyJ",
        r"[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    ),
    _shape(
        "private key",
        "-----BEGIN ",
        r"(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr])*"
        r"(?:[A-Z][A-Za-z-]+: [^\r\n\\]*(?:\s|\\[nr])+)*"
        r"[A-Za-z0-9+/=]{16}(?:[A-Za-z0-9+/=]|\\[nrt]|[\r\n][ \t]*)*"
        r"(?:-----END [A-Z0-9 ]+-----)?",
        start="",
    ),
    *(
        _shape(
            "bearer token",
            anchor,
            r"[ \t]+(?=[A-Za-z0-9._~+/-]*[0-9])"
            r"([A-Za-z0-9._~+/-]{15,}[A-Za-z0-9_~+/-]=*)",
        )
        for anchor in ("Bearer", "bearer", "BEARER")
    ),
    _shape(
        "password in a URL",
        "://",
        r"[A-Za-z0-9._%+~-]*:([^\s/@:\"'\\<>{}$]+)@[A-Za-z0-9\[]",
        start="(?<=[A-Za-z])",
    ),
)


def find_shapes(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of each secret.

    Args:
        text: Any text, also bytes decoded as latin-1.
    """
    for kind, anchor, pattern in _SHAPES:
        at = text.find(anchor)
        while at >= 0:
            match = pattern.match(text, at)
            if match is not None:
                start, end = match.span(match.lastindex or 0)
                yield start, end, kind
                at = match.end() - 1
            at = text.find(anchor, at + 1)
