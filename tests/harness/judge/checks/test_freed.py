"""The upstream is freed when nobody waits for it any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.evidence.observation import ClientEnd
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
