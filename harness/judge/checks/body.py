"""Checks of bytes: bodies that are not event streams, and bytes that are not UTF-8."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.oracle.expectation import Content, Head
from harness.judge.violation import Kind, Violation
from harness.printable import quote

__all__ = ["check_body", "check_foreign_bytes"]


def check_body(head: Head, content: Content, got: Observation) -> Iterator[Violation]:
    """Judge the body of an answer that is not an event stream: it passes unchanged."""
    if head.status is None or got.body == content.body:
        return
    yield Violation(
        kind=Kind.BODY_CHANGED,
        where="body",
        expected=f"{len(content.body)} bytes, as the upstream sent them",
        got=f"{len(got.body)} bytes: {quote(got.body.decode('utf-8', 'replace'))}",
    )


def check_foreign_bytes(expected: Content, got: Observation) -> Iterator[Violation]:
    """Judge how bytes that are not UTF-8 were treated, where a policy decides."""
    if expected.foreign_bytes is None or got.end is ClientEnd.CLIENT_CLOSED:
        return
    try:
        got.body.decode()
    except UnicodeDecodeError:
        if expected.foreign_bytes == "replace":
            yield Violation(
                kind=Kind.MALFORMED_FORWARDED,
                where="body",
                expected="U+FFFD for bytes that are not UTF-8 (policy invalid_utf8)",
                got="the bytes themselves",
            )
    else:
        if expected.foreign_bytes == "pass":
            yield Violation(
                kind=Kind.BODY_CHANGED,
                where="body",
                expected="bytes that are not UTF-8, as sent (policy invalid_utf8)",
                got="none",
            )
