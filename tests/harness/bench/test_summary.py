"""From runs to rows."""

from __future__ import annotations

import json
from dataclasses import replace

from harness.bench.live import MeasuredRun
from harness.bench.readers import LoadResult
from harness.bench.summary import live_rows, rows_as_json, rulings
from harness.statistics import Ruling


def run(*, cpu_s=1.0, peak=40_000_000, events=1000):
    """One load with this much CPU and memory."""
    result = LoadResult(
        events=events,
        lost=0,
        unfinished=0,
        wall_ns=2_000_000_000,
        ttft_ns=[1_000_000, 3_000_000],
        delay_ns=[100_000] * events,
        headers=(),
    )
    return MeasuredRun(
        result=result, cpu_s=cpu_s, idle_bytes=30_000_000, peak_bytes=peak
    )


def rows_of(**candidate):
    """Three spawns of an even baseline and a candidate that differs so."""
    spawns = [{"v1": [run(), run()], "v2": [run(**candidate)] * 2} for _ in range(3)]
    rows = live_rows(spawns, ["v1", "v2"], streams=10, paced=True)
    return rows, {row.name: row for row in rows}


def test_every_figure_has_its_unit():
    """One second of CPU over 1,000 events is 1,000 microseconds an event."""
    _, by_name = rows_of()
    assert by_name["CPU per event"].values == {"v1": 1000.0, "v2": 1000.0}
    assert by_name["age of an event p99"].values["v1"] == 0.1
    assert by_name["TTFT p50"].values["v1"] == 1.0
    assert by_name["memory per stream"].values["v1"] == 1000.0


def test_the_candidate_is_compared_with_the_users_limits():
    """CPU may rise by 20 %, memory by 30 %."""
    rows, _ = rows_of(cpu_s=1.5, peak=41_000_000)
    found = rulings(rows, "v2")
    assert found["CPU per event"][1] is Ruling.FAIL
    assert found["memory, peak"][1] is Ruling.PASS


def test_a_target_that_was_not_started_here_has_no_cpu():
    """It is reported as unknown, in the table and as JSON."""
    unknown = replace(run(), cpu_s=None, idle_bytes=None, peak_bytes=None)
    spawns = [{"v1": [run()], "v2": [unknown]}]
    rows = live_rows(spawns, ["v1", "v2"], streams=10, paced=False)
    cpu = next(row for row in rows if row.name == "CPU per event")
    assert cpu.values["v2"] is None
    assert cpu.ratios["v2"] is None
    assert "Infinity" not in json.dumps(rows_as_json(rows))


def test_a_figure_of_zero_has_no_ratio():
    """Less CPU than the system counts is no hundredfold gain."""
    _, by_name = rows_of(cpu_s=0.0)
    assert by_name["CPU per event"].values["v2"] == 0
    assert by_name["CPU per event"].ratios["v2"] is None
