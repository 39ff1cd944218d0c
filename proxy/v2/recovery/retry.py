"""The retry rules: which failures get another attempt, and when.

Another attempt is made only if the upstream cannot have begun to answer: no connection
was made, it was lost before the head, or the answer says that the upstream was not able
to answer (502, 503, 504; RFC 9110, section 15.6) or not willing yet (429 with a
``Retry-After``; RFC 6585, section 4).  A connection that is lost before the head may
have delivered the request, and its work may be done twice; providers bill what they
deliver, and clients' SDKs retry in the same cases.  A first byte that is late is not
such a failure: the upstream is most likely working, and a second request is paid twice.

The pause doubles with each attempt, with ten per cent of jitter in both directions, so
streams that failed together do not return together.  An upstream that names a time is
not asked earlier, and not at all if that time is beyond the limit: then the client gets
its answer.
"""

from __future__ import annotations

import random
from datetime import datetime
from email.utils import parsedate_to_datetime

from proxy.relay import Headers

__all__ = ["JITTER", "is_worth_retrying", "jittered", "pause_ns", "retry_after_ns"]

JITTER = 0.1
"""Maximum share by which a length is longer or shorter at random."""

_RETRIED_STATUSES = frozenset({502, 503, 504})

_RETRIED_ENDINGS = frozenset({"refused", "connect_timeout", "reset", "truncated"})

_TOO_LONG_NS = 1 << 62
"""The value of a time that cannot be understood: not soon."""


def is_worth_retrying(
    *, status: int | None = None, ending: str = "", asked_to_wait: bool = False
) -> bool:
    """Tell whether another attempt may succeed.

    Args:
        status: The status of the answer, if one began.
        ending: How the attempt ended, if none did.
        asked_to_wait: Whether the answer names a time for the next attempt.
    """
    if status is None:
        return ending in _RETRIED_ENDINGS
    return status in _RETRIED_STATUSES or (status == 429 and asked_to_wait)


def retry_after_ns(headers: Headers) -> int | None:
    """Return how long the upstream asks to wait; None if it does not say.

    ``Retry-After`` is a number of seconds or a date (RFC 9110, section 10.2.3).  A date
    is compared with the answer's own ``Date``, because the clocks of two hosts may
    differ; without one the time is unknown, which counts as too long.
    ``retry-after-ms``, which some providers send in addition, is finer and has
    precedence.
    """
    values = {name.lower(): value.strip() for name, value in reversed(headers)}
    fine = values.get(b"retry-after-ms", b"")
    if fine.isdigit():
        return _bounded(int(fine[:18]) * 1_000_000)
    value = values.get(b"retry-after")
    if value is None:
        return None
    if value.isdigit():
        return _bounded(int(value[:18]) * 1_000_000_000)
    until, now = _date(value), _date(values.get(b"date", b""))
    if until is None or now is None:
        return _TOO_LONG_NS
    return _bounded(max(0, int((until - now).total_seconds())) * 1_000_000_000)


def pause_ns(
    backoff_ns: int, retries: int, wanted_ns: int | None, chance: random.Random
) -> int:
    """Return how long to wait before the next attempt.

    Args:
        backoff_ns: The first pause, before jitter.
        retries: How many retries were made already.
        wanted_ns: How long the upstream asks to wait; None: it does not say.
        chance: The source of the jitter.
    """
    pause = jittered(backoff_ns << min(retries, 30), chance)
    if wanted_ns is None:
        return pause
    # Never earlier than asked for, and not all at the same instant.
    return max(pause, wanted_ns + round(wanted_ns * JITTER * chance.random()))


def jittered(length_ns: int, chance: random.Random) -> int:
    """Return a length with ten per cent of jitter in both directions."""
    return round(length_ns * (1 + JITTER * (2 * chance.random() - 1)))


def _bounded(length_ns: int) -> int:
    return min(length_ns, _TOO_LONG_NS)


def _date(value: bytes) -> datetime | None:
    try:
        found = parsedate_to_datetime(value.decode("ascii"))
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo is not None else None
