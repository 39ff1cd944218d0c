from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.judgement import Judgement
from harness.judge.violation import Kind, Violation

WORDS = ("Once", " upon", " a", " time", ".")


@pytest.fixture
def right(bench) -> Judgement:
    """A right answer."""
    return bench.play("proxy.v2:make_relay", bench.scenario(bench.answer(*WORDS)))


def test_answer_without_violations_is_correct(right):
    """It has holds, and nothing to be ranked by."""
    assert right.correct
    assert [] == right.severities
    assert right.hold is not None
    assert len(right.holds_ns) == right.hold.count


def test_severities_are_ordered_worst_first(right):
    """So that two judgements compare by their worst violation."""
    wrong = replace(
        right,
        holds_ns=(),
        violations=tuple(
            Violation(kind=kind, where="", expected="", got="")
            for kind in (Kind.COMMENT_LOST, Kind.HANG, Kind.TEXT_LOST)
        ),
    )

    assert [8, 5, 1] == wrong.severities
    assert not wrong.correct
    assert wrong.hold is None
