"""Check of the log line that a scenario demands of the target."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.judge.evidence.observation import Observation
from harness.judge.oracle.expectation import Duty
from harness.judge.violation import Kind, Violation
from harness.printable import quote

__all__ = ["check_log"]


def check_log(expected: Duty, got: Observation) -> Iterator[Violation]:
    """Judge that a line of the log matches; a relay in virtual time may have none."""
    if expected.log_pattern is None or (got.virtual and not got.log):
        return
    pattern = re.compile(expected.log_pattern)
    if not any(pattern.search(line) for line in got.log):
        yield Violation(
            kind=Kind.LOG_MISSING,
            where="log",
            expected=f"a line that matches {quote(expected.log_pattern)}",
            got=f"{len(got.log)} lines, none of which matches",
        )
