"""Removes credentials from an interaction before it reaches a disk.

These are redacted:

1. The values of headers and query parameters whose name announces a credential;
   ``REDACTED`` replaces them. The scheme of an authorization and the names of cookies
   stay.
2. In bodies, the values of JSON keys that announce a credential, at any depth, also in
   tool arguments and in text. ``*`` replaces each byte: so the length of the body, the
   border of every segment and every offset stay, and so does the rest of the body.
3. Anything with the shape of a known kind of secret, anywhere.
4. Anything found by 1 to 3, wherever it is repeated in the interaction: servers repeat
   a wrong key in their error message.

A secret that is cut between segments or between the deltas of a stream is found as
well. Nothing else changes: an interaction without a secret is returned as it is.

A body with a content coding cannot be changed in place: it stays, and
`harness.privacy.scan.find_secrets` decodes it and reports what it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.cassette.content_coding import codings_of, content_type_of
from harness.cassette.model import Headers, Interaction, Request, Response, Segment
from harness.privacy.rules import DEFAULT_RULES, RedactionRules
from harness.privacy.secrets_body import KNOWN_MIN, BodySecrets, mask
from harness.privacy.secrets_head import (
    REDACTED,
    header_secrets,
    redact_header,
    redact_target,
    target_secrets,
)

__all__ = [
    "DEFAULT_RULES",
    "REDACTED",
    "RedactionRules",
    "redact_interaction",
    "redact_target",
]

_PASSES_MAX = 4


def redact_interaction(
    interaction: Interaction, rules: RedactionRules = DEFAULT_RULES
) -> Interaction:
    """Return an interaction without its credentials.

    Args:
        interaction: As it was recorded.
        rules: Redacted in addition to what always is.

    Returns:
        The same object if it holds none. Bodies keep their length and segments their
        borders.
    """
    # Masking may uncover another secret, such as one behind a quote within the first.
    # Few need three passes.
    for _ in range(_PASSES_MAX):
        redacted = _redact(interaction, rules)
        if redacted is interaction:
            break
        interaction = redacted
    return interaction


def _redact(interaction: Interaction, rules: RedactionRules) -> Interaction:
    request, response = interaction.request, interaction.response
    asked = search_body(request.headers, request.body, rules)
    answered = search_body(response.headers, response.body, rules)
    known = set(_known_values(interaction, rules))
    for body in (asked, answered):
        known |= body.known if body else set()
    # Longest first, and always in the same order: one secret may begin another.
    ordered = sorted(known, key=lambda text: (-len(text), text))
    request = _redact_request(request, asked, rules, ordered)
    response = _redact_response(response, answered, rules, ordered)
    if request is interaction.request and response is interaction.response:
        return interaction
    return replace(interaction, request=request, response=response)


def search_body(
    headers: Headers, body: bytes, rules: RedactionRules
) -> BodySecrets | None:
    """Search a body for secrets; None if it is empty or has a content coding."""
    if not body or codings_of(headers):
        return None
    return BodySecrets(body, content_type_of(headers), rules)


def _redact_request(
    request: Request,
    secrets: BodySecrets | None,
    rules: RedactionRules,
    known: list[str],
) -> Request:
    headers = _redact_headers(request.headers, rules, known)
    path = redact_target(request.path, rules, known)
    body = _masked(request.body, secrets, known)
    if (headers, path, body) == (request.headers, request.path, request.body):
        return request
    return replace(request, headers=headers, path=path, body=body)


def _redact_response(
    response: Response,
    secrets: BodySecrets | None,
    rules: RedactionRules,
    known: list[str],
) -> Response:
    headers = _redact_headers(response.headers, rules, known)
    before = response.body
    body = _masked(before, secrets, known)
    if headers == response.headers and body == before:
        return response
    return replace(
        response, headers=headers, segments=_resegment(response.segments, body)
    )


def _masked(body: bytes, secrets: BodySecrets | None, known: list[str]) -> bytes:
    if secrets is None:
        return body
    secrets.search_known(known)
    return mask(body, secrets.found) if secrets.found else body


def _resegment(segments: tuple[Segment, ...], body: bytes) -> tuple[Segment, ...]:
    """Cut a body of the same length at the same borders."""
    cut = []
    at = 0
    for segment in segments:
        end = at + len(segment.data)
        cut.append(Segment(at_ns=segment.at_ns, data=body[at:end]))
        at = end
    return tuple(cut)


def _redact_headers(
    headers: Headers, rules: RedactionRules, known: list[str]
) -> Headers:
    return tuple(
        (name, redact_header(name, value, rules, known)) for name, value in headers
    )


def _known_values(interaction: Interaction, rules: RedactionRules) -> Iterator[str]:
    """Yield the secrets of the heads that are long enough to search for elsewhere."""
    found = list(target_secrets(interaction.request.path, rules))
    for name, value in (*interaction.request.headers, *interaction.response.headers):
        found += header_secrets(name, value, rules)
    for secret in found:
        if len(secret) >= KNOWN_MIN and "*" not in secret:
            yield secret
