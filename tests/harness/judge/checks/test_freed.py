"""The upstream is freed when nobody waits for it any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.checks.freed import check_freed
from harness.judge.evidence.observation import ClientEnd
from harness.judge.limits import Limits
from harness.judge.oracle.expectation import Duty
from harness.judge.violation import Kind
from harness.scenario.model import Abort, ClientPlan, Expect

MS = 1_000_000
WORDS = ("Once", " upon", " a", " time", ".")


@pytest.mark.parametrize(
    ("finished", "closed_ms", "found"),
    [
        (False, None, [Kind.UPSTREAM_NOT_CLOSED]),
        (False, 250, [Kind.UPSTREAM_FREED_LATE]),
        (False, 150, []),
    ],
)
def test_client_that_leaves_frees_the_upstream(bench, finished, closed_ms, found):
    """After an abort the upstream is closed, and soon."""
    wanted = bench.scenario(
        bench.answer(*WORDS), client=ClientPlan(abort=Abort(after_events=1))
    )
    request = replace(
        bench.observed(bench.answer(*WORDS)).upstream[0],
        finished=finished,
        closed_at_ns=None if closed_ms is None else closed_ms * MS,
    )

    assert found == bench.answer_kinds(
        bench.answer(*WORDS)[:1],
        wanted=wanted,
        end=ClientEnd.CLIENT_CLOSED,
        upstream=(request,),
    )


def test_a_scenario_may_allow_more_time(bench):
    """Its own limit takes the place of the usual one."""
    wanted = bench.scenario(
        bench.answer(*WORDS),
        client=ClientPlan(abort=Abort(after_events=1)),
        expect=Expect(upstream_closed_within_ms=200),
    )
    request = replace(
        bench.observed(bench.answer(*WORDS)).upstream[0],
        finished=False,
        closed_at_ns=250 * MS,
    )

    assert [] == bench.answer_kinds(
        bench.answer(*WORDS)[:1],
        wanted=wanted,
        end=ClientEnd.CLIENT_CLOSED,
        upstream=(request,),
    )


@pytest.mark.parametrize(("freed_ms", "found"), [(120, []), (121, [21])])
def test_the_harness_lag_is_added_to_the_limit(bench, freed_ms, found):
    """A late harness must not blame the target."""
    seen = bench.observed([], end=ClientEnd.CLIENT_CLOSED, end_at_ns=0)
    request = replace(seen.upstream[0], finished=False, closed_at_ns=freed_ms * MS)
    limits = Limits(hold_ms=1, free_ms=100, slack_ms=20)
    seen = replace(seen, upstream=(request,))

    late = [one.measured["lag_ms"] - 100 for one in check_freed(Duty(), seen, limits)]
    assert found == late
