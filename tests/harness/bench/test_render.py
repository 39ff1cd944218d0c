"""A bench for people and for programs."""

from __future__ import annotations

import json

from harness.bench.conclusions import BenchPart, Conclusions
from harness.bench.render import bench_as_json, bench_lines
from harness.bench.summary import Row
from harness.statistics import Ratio

MACHINE = {"python": "CPython 3.12", "cores": 2, "load_average": [0.5, 1, 2]}
PART = BenchPart(
    title="At full rate\x07",
    rows=[
        Row(
            name="events per second",
            unit="1/s",
            values={"v1": 12345.6, "v2": None},
            ratios={"v2": None},
        ),
        Row(
            name="CPU per event",
            unit="us",
            values={"v1": 1.2345, "v2": 2.469},
            ratios={"v2": Ratio(value=2.0, low=1.9, high=2.1)},
        ),
    ],
    conclusions=Conclusions(words=["v1: all\x1b arrived"], codes=[0]),
)


def test_a_part_is_a_table_and_its_conclusions():
    """Unknown figures are a dash; ratios are to the first target."""
    assert [
        "",
        "At full rate\\u0007",
        "figure             unit    v1      v2    v2/v1",
        "-----------------  ------  ------  ----  -----------------",
        "events per second  1/s     12,346  -     -",
        "CPU per event      us      1.23    2.47  2.00 [1.90, 2.10]",
        "  v1: all\\u001b arrived",
        "",
    ] == list(bench_lines([PART], MACHINE))[:-1]


def test_the_machine_is_named():
    """Not every system knows its load."""
    *_, last = bench_lines([PART], MACHINE)
    assert last.startswith("CPython 3.12, 2 cores, load average 0.50 1.00 2.00; ")
    *_, last = bench_lines([PART], {**MACHINE, "load_average": None})
    assert "load average unknown; " in last


def test_json_has_the_same_figures():
    """And the conclusions in words."""
    found = json.loads(json.dumps(bench_as_json([PART], MACHINE)))
    [part] = found["parts"]

    assert MACHINE == found["machine"]
    assert ["v1: all\x1b arrived"] == part["verdicts"]
    assert {"v1": 1.2345, "v2": 2.469} == part["figures"][1]["values"]
