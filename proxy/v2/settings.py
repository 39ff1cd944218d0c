"""The ``STREAMING_*`` variables: names, defaults, and what each accepts.

The server validates all of them when it starts, with :func:`validate`; a relay reads
those that it needs with :meth:`Settings.read`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

__all__ = [
    "VARIABLES",
    "OnMalformed",
    "Settings",
    "StutterMode",
    "Variable",
    "validate",
]


class StutterMode(Enum):
    """The treatment of an opening that repeats or extends itself."""

    OPENING = "opening"
    """Send only the new part."""

    OFF = "off"
    """Send everything unchanged."""


class OnMalformed(Enum):
    """Whether the client is informed, at the end, that text may be lost."""

    REPORT = "report"
    SKIP = "skip"


class Variable(NamedTuple):
    """A variable: its default, and the values that it accepts."""

    default: str
    expected: str
    accepts: Callable[[str], bool]


def _count(*, at_least: int) -> Callable[[str], bool]:
    return lambda text: (
        re.fullmatch("[0-9]{1,18}", text) is not None and int(text) >= at_least
    )


def _is_duration(text: str) -> bool:
    # Eighteen digits keep the sum with a clock within what a timer can hold.
    match = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text)
    return match is not None and float(text) > 0


def _seconds(default: str) -> Variable:
    return Variable(default, "a number of seconds above 0", _is_duration)


def _choice(default: Enum) -> Variable:
    values = [member.value for member in type(default)]
    return Variable(default.value, " or ".join(values), values.__contains__)


VARIABLES: Mapping[str, Variable] = MappingProxyType(
    {
        "STREAMING_MAX_ERRORS": Variable(
            "10", "a whole number of at least 1", _count(at_least=1)
        ),
        "STREAMING_BREAKER_OPEN_SECONDS": _seconds("30"),
        "STREAMING_RETRIES": Variable("2", "a whole number", _count(at_least=0)),
        "STREAMING_RETRY_BACKOFF_MS": Variable(
            "200", "a whole number of milliseconds", _count(at_least=0)
        ),
        "STREAMING_RETRY_MAX_SECONDS": _seconds("10"),
        "STREAMING_BUFFER_SIZE": Variable(
            "4096", "a whole number of bytes", _count(at_least=0)
        ),
        "STREAMING_HOLD_MS": Variable(
            "0", "a whole number of milliseconds", _count(at_least=0)
        ),
        "STREAMING_TIMEOUT_SECONDS": _seconds("900"),
        "STREAMING_CONNECT_TIMEOUT_SECONDS": _seconds("10"),
        "STREAMING_FIRST_BYTE_TIMEOUT_SECONDS": _seconds("300"),
        "STREAMING_IDLE_TIMEOUT_SECONDS": _seconds("60"),
        "STREAMING_STUTTER": _choice(StutterMode.OPENING),
        "STREAMING_ON_MALFORMED": _choice(OnMalformed.REPORT),
    }
)
"""Every variable that a relay or its driver uses."""


def validate(settings: Mapping[str, str]) -> None:
    """Check every known variable in ``settings``; other names are ignored.

    Raises:
        ValueError: A value does not parse.
    """
    for name in VARIABLES:
        _value(settings, name)


def _value(settings: Mapping[str, str], name: str) -> str:
    variable = VARIABLES[name]
    text = settings.get(name, variable.default)
    if not variable.accepts(text):
        raise ValueError(f"{name}: expected {variable.expected}, got {text!r}")
    return text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of the relay of one stream.

    Attributes:
        first_byte_timeout_ns: From the request to the first byte of a body.
        idle_timeout_ns: From one read of the body to the next.
        timeout_ns: For the whole stream, from its request.
        hold_ns: How long an opening may be held back; 0: not at all.
        buffer_bytes: How many bytes of events may be held back.
        max_errors: Failures of the upstream in a row that open the circuit.
        breaker_open_ns: How long the circuit stays open, before jitter.
        retries: How many attempts may follow the first.
        retry_backoff_ns: Pause before the first of them, before jitter.
        retry_max_ns: From the request to the beginning of the last attempt.
    """

    stutter: StutterMode
    on_malformed: OnMalformed
    first_byte_timeout_ns: int
    idle_timeout_ns: int
    timeout_ns: int
    hold_ns: int
    buffer_bytes: int
    max_errors: int
    breaker_open_ns: int
    retries: int
    retry_backoff_ns: int
    retry_max_ns: int

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Settings:
        """Read the variables; a missing one has its default.

        Raises:
            ValueError: A value does not parse; the message names the variable and
                says what was expected.
        """
        validate(settings)

        def duration_ns(name: str) -> int:
            return round(float(_value(settings, name)) * 1e9)

        def number(name: str) -> int:
            return int(_value(settings, name))

        return cls(
            stutter=StutterMode(_value(settings, "STREAMING_STUTTER")),
            on_malformed=OnMalformed(_value(settings, "STREAMING_ON_MALFORMED")),
            first_byte_timeout_ns=duration_ns("STREAMING_FIRST_BYTE_TIMEOUT_SECONDS"),
            idle_timeout_ns=duration_ns("STREAMING_IDLE_TIMEOUT_SECONDS"),
            timeout_ns=duration_ns("STREAMING_TIMEOUT_SECONDS"),
            hold_ns=number("STREAMING_HOLD_MS") * 1_000_000,
            buffer_bytes=number("STREAMING_BUFFER_SIZE"),
            max_errors=number("STREAMING_MAX_ERRORS"),
            breaker_open_ns=duration_ns("STREAMING_BREAKER_OPEN_SECONDS"),
            retries=number("STREAMING_RETRIES"),
            retry_backoff_ns=number("STREAMING_RETRY_BACKOFF_MS") * 1_000_000,
            retry_max_ns=duration_ns("STREAMING_RETRY_MAX_SECONDS"),
        )
