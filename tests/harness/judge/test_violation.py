"""Severities of violations."""

from __future__ import annotations

import pytest

from harness.judge.violation import SEVERITY, Kind, Violation


def test_every_kind_has_a_severity():
    """From 1 to 8, and no severity is left unused."""
    assert set(Kind) == set(SEVERITY)
    assert set(range(1, 9)) == set(SEVERITY.values())


@pytest.mark.parametrize(
    "kinds",
    [
        (Kind.HANG, Kind.CRASH, Kind.SILENT_TRUNCATION, Kind.TEXT_LOST),
        (Kind.TEXT_LOST, Kind.FINISH_CHANGED, Kind.FALSE_FAILURE, Kind.HELD),
        (Kind.HELD, Kind.COMMENT_LOST),
        (Kind.HEADER_INJECTED, Kind.HEADER_CHANGED),
    ],
)
def test_order_of_severities(kinds):
    """As docs/judging.md lists them, the worst first."""
    found = [
        Violation(kind=kind, where="", expected="", got="").severity for kind in kinds
    ]

    assert sorted(set(found), reverse=True) == found
