"""The scan of a cassette for secrets, before it is saved and by ``harness check``.

Two sets of rules are used: those of `harness.privacy.redact`, and the detectors of
detect-secrets, which know more issuers and are maintained by others. A detector runs
only if it found nothing in 730 recorded streams full of random ids and base64. Left out
are the two detectors of entropy, ``Azure Storage`` (86 characters of base64 also match
a signature of thinking), ``Secret Keyword`` (assignments in program text; it takes a
second for each megabyte) and those of four services, which cost as much as all others.

Only the detectors' regular expressions run. Their verification, which would send a
finding to its issuer, is never called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from harness.cassette.content_coding import (
    CodingError,
    codings_of,
    content_type_of,
    decode_body,
)
from harness.cassette.model import Cassette, Headers, Interaction, Segment
from harness.documents.node import Path
from harness.privacy.redact import DEFAULT_RULES, RedactionRules
from harness.privacy.secret_names import is_value
from harness.privacy.secrets_body import BodySecrets, SecretSpan
from harness.privacy.secrets_head import REDACTED, redact_header, redact_target

__all__ = ["SecretFinding", "find_secrets"]

_DETECTORS = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "BasicAuthDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "JwtTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "PrivateKeyDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TwilioKeyDetector",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFinding:
    """A place that holds a secret; never the secret itself.

    Attributes:
        where: The place in words, such as ``interaction 2, response, segment 14``.
        kind: The kind of secret, or the key that announces it.
        path: The place in the cassette's document, for its line.
    """

    where: str
    kind: str
    path: Path

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}"


def find_secrets(
    cassette: Cassette, rules: RedactionRules = DEFAULT_RULES
) -> list[SecretFinding]:
    """Return the places of a cassette that hold a secret.

    A body whose content coding cannot be decoded here is reported as well, since its
    content is unknown.

    Args:
        cassette: About to be saved, or loaded.
        rules: Secrets in addition to those that always count.

    Returns:
        Each place and kind once, in the order of the cassette.
    """
    return list(dict.fromkeys(_find(cassette, rules)))


def _find(cassette: Cassette, rules: RedactionRules) -> Iterator[SecretFinding]:
    upstream = cassette.recorded.upstream or ""
    for kind in _target_kinds(upstream, rules):
        at = _Location("recorded upstream", ("recorded", "upstream"))
        yield at.finding(kind)
    for index, interaction in enumerate(cassette.interactions):
        place = _Location(f"interaction {index + 1}", ("interactions", index))
        yield from _find_in(interaction, place, rules)


@dataclass(frozen=True, slots=True)
class _Location:
    words: str
    path: Path

    def at(self, words: str, *path: str | int) -> _Location:
        return _Location(f"{self.words}, {words}", (*self.path, *path))

    def finding(self, kind: str) -> SecretFinding:
        return SecretFinding(where=self.words, kind=kind, path=self.path)


def _find_in(
    interaction: Interaction, place: _Location, rules: RedactionRules
) -> Iterator[SecretFinding]:
    request, response = interaction.request, interaction.response
    asked = place.at("request", "request")
    for kind in _target_kinds(request.path, rules):
        yield asked.at("path", "path").finding(kind)
    yield from _find_in_headers(request.headers, asked, rules)
    whole = (Segment(at_ns=0, data=request.body),)
    at_body = (asked.at("body", "body"),)
    yield from _find_in_body(request.headers, whole, at_body, rules)
    answered = place.at("response", "response")
    yield from _find_in_headers(response.headers, answered, rules)
    at_segments = tuple(
        answered.at(f"segment {index + 1}", "segments", index)
        for index in range(len(response.segments))
    )
    yield from _find_in_body(response.headers, response.segments, at_segments, rules)


def _target_kinds(target: str, rules: RedactionRules) -> Iterator[str]:
    if redact_target(target, rules) != target:
        yield "a credential in a URL"
    for kind, _ in _detect(target):
        yield kind


def _find_in_headers(
    headers: Headers, place: _Location, rules: RedactionRules
) -> Iterator[SecretFinding]:
    for index, (name, value) in enumerate(headers):
        at = place.at(f"header {name!r}", "headers", index)
        if redact_header(name, value, rules) != value:
            yield at.finding("a credential in a header")
        for kind, _ in _detect(value):
            yield at.finding(kind)


def _find_in_body(
    headers: Headers,
    segments: tuple[Segment, ...],
    places: tuple[_Location, ...],
    rules: RedactionRules,
) -> Iterator[SecretFinding]:
    body = b"".join(segment.data for segment in segments)
    if not body:
        return
    codings = codings_of(headers)
    if codings:
        try:
            body = decode_body(body, codings)
        except CodingError as error:
            yield places[0].finding(f"cannot be searched: {error}")
            return
    for found in _secrets(body, content_type_of(headers), rules):
        if codings:  # its decoded bytes are not those of a segment
            at = places[0].at(f"byte {found.start} of the decoded body")
        else:
            at = _at_byte(found.start, segments, places)
        yield at.finding(found.kind)


def _at_byte(
    offset: int, segments: tuple[Segment, ...], places: tuple[_Location, ...]
) -> _Location:
    at = 0
    for segment, place in zip(segments, places, strict=True):
        if offset < at + len(segment.data):
            return place.at(f"byte {offset - at}")
        at += len(segment.data)
    return places[-1]


def _secrets(
    body: bytes, content_type: str | None, rules: RedactionRules
) -> list[SecretSpan]:
    secrets = BodySecrets(body, content_type, rules)
    found = list(secrets.found)
    for kind, secret in _detect(body.decode("latin-1")):
        at = body.find(secret.encode("latin-1"))
        found.append(SecretSpan(at, at + len(secret), kind))
    for streamed in secrets.streamed:
        for kind, secret in _detect(streamed.text):
            at = streamed.text.find(secret)
            places = streamed.byte_ranges(at, at + len(secret))
            found += [SecretSpan(start, end, kind) for start, end in places]
    return _merged(found)


def _merged(found: list[SecretSpan]) -> list[SecretSpan]:
    """Return each stretch of bytes once, with the kind of its first finding."""
    merged: list[SecretSpan] = []
    end = -1
    for item in sorted(found, key=lambda item: (item.start, -item.end)):
        if item.start >= end:
            merged.append(item)
        end = max(end, item.end)
    return merged


class _Detector(Protocol):
    """The part of a detect-secrets plugin that is used."""

    @property
    def secret_type(self) -> str:
        """The kind of secret that it finds."""

    def analyze_string(self, string: str) -> Iterator[str]:
        """Yield the secrets in a text."""


@cache
def _detectors() -> tuple[_Detector, ...]:
    # Imported on first use: it takes 0.1 s, since it brings an HTTP client.
    from detect_secrets.core.plugins.util import (  # noqa: PLC0415 - lazy
        get_mapping_from_secret_type_to_class,
    )

    classes = {
        found.__name__: found
        for found in get_mapping_from_secret_type_to_class().values()
    }
    return tuple(classes[name]() for name in _DETECTORS)


def _detect(text: str) -> Iterator[tuple[str, str]]:
    """Yield kind and text of each secret that detect-secrets finds."""
    for detector in _detectors():
        for secret in detector.analyze_string(text):
            if is_value(secret.replace("*", "")) and secret != REDACTED:
                yield detector.secret_type, secret
