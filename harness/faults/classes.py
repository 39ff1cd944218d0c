"""The classes of failure that streaming proxies meet, ranked by evidence.

A scenario names its classes by tags such as ``class-04``; a run did not test a class
that none of its scenarios names. docs/design/failure-classes.md has the evidence,
docs/classes.md what targets did with each class.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["CLASSES", "FailureClass", "Tier", "class_numbers"]

Tier = str
"""``S`` everywhere, ``A`` common, ``B`` regular, ``C`` occasional, ``D`` rare but cheap
to test."""


@dataclass(frozen=True, slots=True)
class FailureClass:
    """One class of failure.

    Attributes:
        number: Its rank, from 1. It never changes.
        tier: How common it is.
        name: What fails, in a few words.
    """

    number: int
    tier: Tier
    name: str

    @property
    def tag(self) -> str:
        """The tag by which a scenario names it."""
        return f"class-{self.number:02}"


CLASSES: tuple[FailureClass, ...] = (
    FailureClass(1, "S", "premature close mid-stream"),
    FailureClass(2, "S", "whole-stream or burst buffering"),
    FailureClass(3, "S", "truncation reported as success"),
    FailureClass(4, "S", "idle timeout, slow first token, keep-alives"),
    FailureClass(5, "S", "error object in-band after 200"),
    FailureClass(6, "S", "tool-call fragment corruption"),
    FailureClass(7, "S", "client disconnect not propagated upstream"),
    FailureClass(8, "S", "upstream stall, half-open, no bytes"),
    FailureClass(9, "S", "empty choices, usage-only, null choices"),
    FailureClass(10, "A", "SSE grammar variants"),
    FailureClass(11, "A", "UTF-8 split, charset, Unicode line breaks"),
    FailureClass(12, "A", "reasoning fields dropped, renamed, empty"),
    FailureClass(13, "A", "slow client, back-pressure, memory growth"),
    FailureClass(14, "A", "retry or fallback after partial output duplicates"),
    FailureClass(15, "A", "cumulative deltas"),
    FailureClass(16, "A", "duplicated, stuttering chunks"),
    FailureClass(17, "A", "429, 503, 529, Retry-After, error status mapping"),
    FailureClass(18, "A", "connection pool: stale keep-alive, leaks, poison"),
    FailureClass(19, "A", "giant events (line limits)"),
    FailureClass(20, "A", "content-encoding or length mismatch, gzip'd SSE"),
    FailureClass(21, "B", "HTTP/2 RST_STREAM, GOAWAY"),
    FailureClass(22, "B", "malformed, truncated, merged JSON events"),
    FailureClass(23, "B", "HTML, JSON or empty body as stream; wrong content-type"),
    FailureClass(24, "B", "usage repeated or cumulative; finish repeated"),
    FailureClass(25, "B", "role repeated or null, content null, delta null, finish ''"),
    FailureClass(26, "B", "id, created or model changes mid-stream"),
    FailureClass(27, "B", "circuit-breaker misfires"),
    FailureClass(28, "B", "cross-talk between streams"),
    FailureClass(29, "B", "quadratic CPU: many fragments, tiny events"),
    FailureClass(30, "B", "[DONE] edges: hang, twice, no blank line, after-DONE"),
    FailureClass(31, "B", "event, id, retry fields lost or added; unknown events"),
    FailureClass(32, "C", "missing or reordered chunks"),
    FailureClass(33, "C", "hop-by-hop or duplicate headers, CL+TE"),
    FailureClass(34, "C", "close-delimited, HTTP/1.0, wrong content-length"),
    FailureClass(35, "C", "bad chunk size, framing desync"),
    FailureClass(36, "C", "double submission on timeout (billing)"),
    FailureClass(37, "C", "thundering herd on recovery"),
    FailureClass(38, "C", "n>1 interleaved choices"),
    FailureClass(39, "D", "Nagle, delayed ACK (about 40 ms)"),
    FailureClass(40, "D", "BOM"),
    FailureClass(41, "D", "invalid UTF-8, lone surrogates, NUL"),
    FailureClass(42, "D", "half-closed client socket"),
    FailureClass(43, "D", "header injection (CR, LF in values)"),
)
"""All classes, by number."""

_BY_TAG = {entry.tag: entry.number for entry in CLASSES}


def class_numbers(tags: Iterable[str]) -> list[int]:
    """Return the numbers of the classes that a scenario names, in its order.

    Args:
        tags: The tags of the scenario; those that name no class are ignored.
    """
    return [_BY_TAG[tag] for tag in tags if tag in _BY_TAG]
