"""Which architecture serves a stream: switches, percentage, sticky key.

In order: the kill switch, the percentage, v1.

======================  ===========================  ================================
``ENABLE_NEW_…``        ``…_ROLLOUT_PERCENTAGE``     effect
======================  ===========================  ================================
``false``               any                          v1 for every stream
``true``                unset                        v2 for every stream
``true``                set                          the percentage decides
unset                   unset                        v1 for every stream
unset                   set                          the percentage decides
======================  ===========================  ================================

A key falls into one of 10,000 buckets by SHA-256 over a length-prefixed salt, the name
of the switch and the key; a percentage selects the buckets below it. So a key that is
in at 10 % stays in at 25 %, a rollback is the ramp in reverse, and nothing depends on
the process, its hash seed or the order of arrival. A stream without a key takes v1,
never a random choice. A new salt gives every key a new bucket.
Keys are bytes; no Unicode normalisation is applied, so two spellings of one name are
two keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.http.headers import first_value
from proxy.relay import Headers

__all__ = [
    "BUCKETS",
    "LOG_LINES",
    "VARIABLES",
    "Decision",
    "Rollout",
    "RolloutError",
    "bucket_of",
    "credential_key",
    "parse_percentage",
]

BUCKETS = 10_000
"""Number of buckets: a percentage has steps of 0.01."""

ENABLE = "ENABLE_NEW_STREAMING_ARCHITECTURE"
PERCENTAGE = "NEW_STREAMING_ROLLOUT_PERCENTAGE"
KEY_HEADER = "NEW_STREAMING_ROLLOUT_KEY_HEADER"
SALT = "NEW_STREAMING_ROLLOUT_SALT"
VARIABLES = (ENABLE, PERCENTAGE, KEY_HEADER, SALT)

LOG_LINES = {
    "v1": "Using legacy streaming architecture (v1)",
    "v2": "Using new streaming architecture (v2)",
}
"""The log line of each choice, word for word as operators watch for it."""

_FLAG = "new-streaming-architecture"
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_PERCENTAGE = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class RolloutError(ValueError):
    """A variable does not parse.

    Args:
        variable: Its name.
        expected: The accepted values, in words.
        value: The value that was given.
    """

    def __init__(self, variable: str, expected: str, value: str) -> None:
        self.variable = variable
        super().__init__(f"{variable}: expected {expected}, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The architecture that serves one stream, and the reason.

    Attributes:
        architecture: ``v1`` or ``v2``.
        reason: ``off``, ``disabled``, ``everyone``, ``percentage`` or ``no key``.
        bucket: The key's bucket, if the percentage decided.
    """

    architecture: str
    reason: str
    bucket: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The switches of the rollout; one snapshot decides one stream.

    Attributes:
        enabled: The kill switch; None if unset.
        hundredths: The percentage in steps of 0.01 %; None if unset.
        key_header: Lower-case name of the header that holds the sticky key.
        warnings: Combinations that may surprise, each with its effect.
    """

    enabled: bool | None = None
    hundredths: int | None = None
    key_header: bytes | None = None
    salt: str = ""
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Rollout:
        """Read the variables; an empty one counts as unset.

        Raises:
            RolloutError: A value does not parse.
        """
        enabled = _boolean(ENABLE, environ.get(ENABLE, ""))
        hundredths = _hundredths(PERCENTAGE, environ.get(PERCENTAGE, ""))
        header = environ.get(KEY_HEADER, "")
        if header and not _TOKEN.fullmatch(header):
            raise RolloutError(KEY_HEADER, "the name of a header", header)
        return cls(
            enabled=enabled,
            hundredths=hundredths,
            key_header=header.lower().encode("ascii") or None,
            salt=environ.get(SALT, ""),
            warnings=tuple(_surprises(enabled, hundredths, header)),
        )

    @property
    def threshold(self) -> int:
        """The first bucket that v1 serves: 0 is v1 for all, 10,000 is v2 for all."""
        if self.enabled is False:
            return 0
        if self.hundredths is None:
            return BUCKETS if self.enabled else 0
        return self.hundredths

    def decide(self, headers: Headers) -> Decision:
        """Decide which architecture serves the stream with these request headers."""
        if self.enabled is False:
            return Decision(architecture="v1", reason="disabled")
        threshold = self.threshold
        if threshold <= 0:
            return Decision(architecture="v1", reason="off")
        if threshold >= BUCKETS:
            return Decision(architecture="v2", reason="everyone")
        key = self._key(headers)
        if key is None:
            return Decision(architecture="v1", reason="no key")
        bucket = bucket_of(key, self.salt)
        architecture = "v2" if bucket < threshold else "v1"
        return Decision(architecture=architecture, reason="percentage", bucket=bucket)

    def _key(self, headers: Headers) -> bytes | None:
        if self.key_header is not None:
            value = first_value(headers, self.key_header)
            if value:
                return value
        for name in (b"authorization", b"x-api-key"):
            credential = first_value(headers, name)
            if credential:
                return credential_key(credential)
        return None


def credential_key(credential: bytes) -> bytes:
    """Return the sticky key for a credential.

    It is a hash, so a key can be shown without the credential.

    Args:
        credential: The value of ``Authorization`` or ``X-Api-Key``, whole.
    """
    return b"credential:" + hashlib.sha256(credential).hexdigest().encode()


def bucket_of(key: bytes, salt: str) -> int:
    """Return the bucket of ``key``, 0 to 9,999.

    The salt carries its length, so no two pairs of salt and key give the same text; the
    scaling is integer arithmetic, so it is the same everywhere.
    """
    text = f"{len(salt)}:{salt}|{_FLAG}|".encode() + key
    head = hashlib.sha256(text).digest()[:8]
    return int.from_bytes(head, "big") * BUCKETS >> 64


def parse_percentage(text: str) -> int:
    """Return a percentage in steps of 0.01 %.

    Raises:
        RolloutError: It is not a number from 0 to 100 with at most two decimals.
    """
    found = _hundredths("--percentage", text)
    if found is None:
        raise RolloutError("--percentage", "a number from 0 to 100", text)
    return found


def _boolean(variable: str, value: str) -> bool | None:
    if not value:
        return None
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise RolloutError(variable, "true or false (or 1, 0, t, f)", value)


def _hundredths(variable: str, value: str) -> int | None:
    if not value:
        return None
    match = _PERCENTAGE.fullmatch(value)
    if match:
        whole, fraction = match.groups(default="")
        hundredths = int(whole) * 100 + int(fraction.ljust(2, "0"))
        if hundredths <= BUCKETS:
            return hundredths
    raise RolloutError(variable, "a number from 0 to 100 in steps of 0.01", value)


def _surprises(
    enabled: bool | None,  # noqa: FBT001 - three states, not a flag
    hundredths: int | None,
    key_header: str,
) -> list[str]:
    if hundredths is None:
        return []
    shown = f"{hundredths / 100:g}"
    if enabled is False:
        if hundredths == 0:
            return []
        effect = "the switch wins, every stream takes v1"
        return [f"{ENABLE}=false beside {PERCENTAGE}={shown}: {effect}"]
    warnings = []
    if enabled and hundredths < BUCKETS:
        effect = (
            "every stream takes v1"
            if hundredths == 0
            else f"true does not mean everyone, {shown} % of the keys take v2"
        )
        warnings.append(
            f"{ENABLE}=true beside {PERCENTAGE}={shown}: "
            f"the percentage decides, {effect}"
        )
    if 0 < hundredths < BUCKETS and not key_header:
        warnings.append(
            f"{PERCENTAGE}={shown} without {KEY_HEADER}: the key is a hash of the "
            "credential, so clients that share one change together, and streams "
            "without one take v1"
        )
    return warnings
