"""The attempts that one stream makes to get an answer: whether, when, and how many.

Each attempt asks the circuit breaker for permission, and reports its result once.
Notes for operators collect in ``notes``, for the relay to pass on.
"""

from __future__ import annotations

import random

from proxy.relay import Command, Headers
from proxy.v2.dialect import Failure
from proxy.v2.recovery.breaker import (
    BreakerLimits,
    CircuitBreaker,
    CircuitChange,
    CircuitState,
    Permit,
)
from proxy.v2.recovery.retry import (
    is_worth_retrying,
    jittered,
    pause_ns,
    retry_after_ns,
)
from proxy.v2.settings import Settings

__all__ = ["Attempts"]

_SECOND_NS = 1_000_000_000


class Attempts:
    """The attempts of one stream.

    Args:
        settings: The limits of retries and of the breaker.
        seed: The source of randomness.
        breaker: The circuit breaker, shared by all streams to this upstream.

    Attributes:
        number: How many attempts have begun.
        notes: Commands for operators, not yet taken.
    """

    __slots__ = (
        "_asked_at_ns",
        "_breaker",
        "_chance",
        "_permit",
        "_seed",
        "_settings",
        "notes",
        "number",
    )

    def __init__(self, settings: Settings, seed: int, breaker: CircuitBreaker) -> None:
        self._settings = settings
        self._seed = seed
        self._breaker = breaker
        self._chance: random.Random | None = None
        self._permit: Permit | None = None
        self._asked_at_ns = 0
        self.number = 0
        self.notes: list[Command] = []

    def begin(self, now_ns: int) -> bool:
        """Begin an attempt; return False if the circuit breaker forbids it."""
        if self.number == 0:
            self._asked_at_ns = now_ns
        permit, change = self._breaker.acquire(now_ns, self._limits(0))
        self._tell(change)
        if permit is None:
            self.notes.append(("log", "warning", "Refused by the circuit breaker", {}))
            return False
        self._permit = permit
        self.number += 1
        return True

    def retry_after_s(self, now_ns: int) -> int:
        """Return the seconds after which a refused client may try again, at least 1.

        Clients that are refused together get different times.
        """
        left_ns = self._breaker.refused_for_ns(now_ns)
        spread_ns = round(left_ns * 0.1 * self._random().random())
        return max(1, -(-(left_ns + spread_ns) // _SECOND_NS))

    def retry_of_ending(self, now_ns: int, failure: Failure, ending: str) -> int | None:
        """Return when to retry after an attempt without a head; None: never."""
        self.failed(now_ns, failure)
        if not is_worth_retrying(ending=ending):
            return None
        return self._retry_at(now_ns, failure.value, None)

    def retry_of_answer(self, now_ns: int, status: int, headers: Headers) -> int | None:
        """Take an answer's head, and return when to retry; None: it is the answer.

        A status of 500 and above is the upstream's failure; one of 400 to 499 says
        nothing about the upstream, because the request may be wrong.
        """
        if status < 400:
            if self.number > 1:
                self._succeed_after_retries()
            return None
        if status >= 500:
            self.failed(now_ns, Failure.BAD_STATUS)
        else:
            self.abandoned()
        wanted_ns = retry_after_ns(headers)
        if not is_worth_retrying(status=status, asked_to_wait=wanted_ns is not None):
            return None
        return self._retry_at(now_ns, f"status_{status}", wanted_ns)

    def progressed(self) -> None:
        """Report that the answer began well."""
        if self._permit is not None:
            self._tell(self._breaker.progressed(self._permit))

    def succeeded(self) -> None:
        """Report that the answer was good to its end."""
        permit, self._permit = self._permit, None
        if permit is not None:
            self._tell(self._breaker.succeeded(permit))

    def failed(self, now_ns: int, failure: Failure) -> None:
        """Report that the upstream failed."""
        permit, self._permit = self._permit, None
        if permit is None:
            return
        self.notes.append(("count", "upstream_failures", 1, {"cause": failure.value}))
        open_ns = jittered(self._settings.breaker_open_ns, self._random())
        self._tell(self._breaker.failed(permit, now_ns, self._limits(open_ns)))

    def abandoned(self) -> None:
        """Report that the attempt ended and says nothing about the upstream."""
        permit, self._permit = self._permit, None
        if permit is not None:
            self._tell(self._breaker.abandoned(permit))

    def _retry_at(self, now_ns: int, cause: str, wanted_ns: int | None) -> int | None:
        settings = self._settings
        if self.number > settings.retries:
            return None
        pause = pause_ns(
            settings.retry_backoff_ns, self.number - 1, wanted_ns, self._random()
        )
        at_ns = now_ns + pause
        if at_ns - self._asked_at_ns > settings.retry_max_ns:
            return None
        if self._breaker.refused_for_ns(now_ns) > pause:
            return None
        fields = {
            "cause": cause,
            "attempt": self.number,
            "pause_ms": pause // 1_000_000,
        }
        self.notes.append(("log", "warning", "Retrying", fields))
        self.notes.append(("count", "retries", 1, {"cause": cause}))
        return at_ns

    def _succeed_after_retries(self) -> None:
        retries = self.number - 1
        line = f"Operation succeeded after {retries} retries"
        self.notes.append(("log", "info", line, {"retries": retries}))

    def _limits(self, open_ns: int) -> BreakerLimits:
        settings = self._settings
        return BreakerLimits(settings.max_errors, open_ns, settings.timeout_ns)

    def _random(self) -> random.Random:
        # Made when it is needed: most streams need no randomness.
        if self._chance is None:
            self._chance = random.Random(self._seed)  # noqa: S311 - no secret
        return self._chance

    def _tell(self, change: CircuitChange | None) -> None:
        if change is None:
            return
        after = change.after
        labels = {"to": after.value}
        if after is CircuitState.OPEN:
            line = f"Circuit breaker opened due to {change.failures} failures"
            fields = {"failures": change.failures}
            self.notes.append(("log", "error", line, fields))
        else:
            self.notes.append(("log", "info", f"Circuit breaker {after.value}", {}))
        self.notes.append(("count", "breaker_changes", 1, labels))
