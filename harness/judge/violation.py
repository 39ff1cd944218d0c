"""Violations: the ways to be wrong, by name, and the severity of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["SEVERITY", "Kind", "Violation"]


class Kind(StrEnum):
    """One way in which an observation breaks its expectation; the value is stable."""

    HANG = "hang"
    UPSTREAM_NOT_CLOSED = "upstream_not_closed"
    UNBOUNDED_BUFFER = "unbounded_buffer"
    CROSS_TALK = "cross_talk"
    BREAKER_WEDGED = "breaker_wedged"
    CRASH = "crash"
    SILENT_TRUNCATION = "silent_truncation"
    CUT_NOT_TOLD = "cut_not_told"
    DONE_INVENTED = "done_invented"
    FINISH_INVENTED = "finish_invented"
    ERROR_LOST = "error_lost"
    LOSS_NOT_TOLD = "loss_not_told"
    ATTEMPTS_MIXED = "attempts_mixed"
    TEXT_LOST = "text_lost"
    TEXT_ADDED = "text_added"
    TEXT_CHANGED = "text_changed"
    TOOL_CALLS_CHANGED = "tool_calls_changed"
    BODY_CHANGED = "body_changed"
    MALFORMED_FORWARDED = "malformed_forwarded"
    EMPTY_EVENT = "empty_event"
    AFTER_DONE = "after_done"
    EVENT_LOST = "event_lost"
    EVENT_ADDED = "event_added"
    EVENT_MOVED = "event_moved"
    FIELD_CHANGED = "field_changed"
    FINISH_CHANGED = "finish_changed"
    USAGE_CHANGED = "usage_changed"
    ERROR_INVENTED = "error_invented"
    FALSE_FAILURE = "false_failure"
    CLIENT_WORSE = "client_worse"
    DONE_LOST = "done_lost"
    STATUS_CHANGED = "status_changed"
    CONTENT_TYPE_CHANGED = "content_type_changed"
    HEADERS_BROKEN = "headers_broken"
    HEADER_CHANGED = "header_changed"
    HEADER_INJECTED = "header_injected"
    HOP_BY_HOP_LEAKED = "hop_by_hop_leaked"
    CODING_BROKEN = "coding_broken"
    NO_CLEAN_END = "no_clean_end"
    HELD = "held"
    HEAD_HELD = "head_held"
    BREAKER_MISFIRE = "breaker_misfire"
    PROBE_HERD = "probe_herd"
    RETRIED_LATE = "retried_late"
    RETRIED_TOO_SOON = "retried_too_soon"
    UPSTREAM_REQUESTS = "upstream_requests"
    UPSTREAM_FREED_LATE = "upstream_freed_late"
    COMMENT_LOST = "comment_lost"
    LOG_MISSING = "log_missing"


# From 8 down: hang or leak, crash, silent truncation, corrupted content, wrong finish
# or usage, signalled error, delay, cosmetic.
SEVERITY: Mapping[Kind, int] = {
    Kind.HANG: 8,
    Kind.UPSTREAM_NOT_CLOSED: 8,
    Kind.CROSS_TALK: 8,
    Kind.BREAKER_WEDGED: 8,
    Kind.UNBOUNDED_BUFFER: 8,
    Kind.CRASH: 7,
    Kind.SILENT_TRUNCATION: 6,
    Kind.CUT_NOT_TOLD: 6,
    Kind.DONE_INVENTED: 6,
    Kind.FINISH_INVENTED: 6,
    Kind.ERROR_LOST: 6,
    Kind.LOSS_NOT_TOLD: 6,
    Kind.ATTEMPTS_MIXED: 5,
    Kind.TEXT_LOST: 5,
    Kind.TEXT_ADDED: 5,
    Kind.TEXT_CHANGED: 5,
    Kind.TOOL_CALLS_CHANGED: 5,
    Kind.BODY_CHANGED: 5,
    Kind.MALFORMED_FORWARDED: 4,
    Kind.EMPTY_EVENT: 4,
    Kind.AFTER_DONE: 4,
    Kind.EVENT_LOST: 4,
    Kind.EVENT_ADDED: 4,
    Kind.EVENT_MOVED: 4,
    Kind.FIELD_CHANGED: 3,
    Kind.FINISH_CHANGED: 4,
    Kind.USAGE_CHANGED: 4,
    Kind.ERROR_INVENTED: 3,
    Kind.FALSE_FAILURE: 3,
    Kind.CLIENT_WORSE: 3,
    Kind.DONE_LOST: 3,
    Kind.STATUS_CHANGED: 3,
    Kind.CONTENT_TYPE_CHANGED: 3,
    Kind.HEADERS_BROKEN: 3,
    Kind.HEADER_CHANGED: 3,
    # A header decides what the client does next: as bad as a changed answer.
    Kind.HEADER_INJECTED: 5,
    Kind.CODING_BROKEN: 5,
    Kind.HOP_BY_HOP_LEAKED: 3,
    Kind.NO_CLEAN_END: 3,
    Kind.BREAKER_MISFIRE: 5,
    Kind.PROBE_HERD: 4,
    Kind.RETRIED_LATE: 4,
    Kind.RETRIED_TOO_SOON: 3,
    Kind.UPSTREAM_REQUESTS: 3,
    Kind.UPSTREAM_FREED_LATE: 2,
    Kind.HELD: 2,
    Kind.HEAD_HELD: 2,
    Kind.COMMENT_LOST: 1,
    Kind.LOG_MISSING: 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One way in which an observation breaks its expectation.

    Attributes:
        where: The field or place, as a short stable path (``choice 0 content``).
        expected: The expectation, in plain words.
        got: What the target did, in plain words; the same in every equal run.
        measured: Figures that differ between equal live runs, in milliseconds.
    """

    kind: Kind
    where: str
    expected: str
    got: str
    measured: Mapping[str, float] = field(default_factory=dict)

    @property
    def severity(self) -> int:
        """The severity of its kind; higher is worse."""
        return SEVERITY[self.kind]
