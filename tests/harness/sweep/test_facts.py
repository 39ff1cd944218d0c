"""What a report says of a sweep: sums over streams, and an example of each finding."""

from __future__ import annotations

from pathlib import Path

from harness.cassette.files import read_cassette
from harness.config import read_config
from harness.judge.run import RunSettings
from harness.play.runner import finish_run
from harness.scenario.from_cassettes import cassette_scenarios
from harness.scenario.model import Mode
from harness.sweep.facts import sweep_facts
from harness.sweep.model import Cell, Found, SweepKind, Swept, cell_of
from harness.sweep.sweep import SweepJob, play_example

ROOT = Path(__file__).parents[3]
PLAIN = ROOT / "cassettes" / "mlx" / "plain.yaml"


def played(offset):
    """One cut, played and judged; its cell, and a run of it alone."""
    config = read_config(ROOT / "harness.yaml")
    settings = RunSettings(
        seed=1, modes=(Mode.VIRTUAL,), repeats=1, speed=1, suite="cassettes"
    )
    job = SweepJob(
        scenario=cassette_scenarios([("x", str(PLAIN), read_cassette(PLAIN))])[0],
        settings=settings,
        baseline=config.target("v1"),
        candidate=config.target("v2"),
        limit=1,
    )
    asked = Cell("fin", "", "", (), ())
    record = play_example(job, asked, offset)
    run = finish_run(settings, (job.baseline, job.candidate), [record])
    return cell_of(SweepKind.FIN, record), record, run


def test_a_cell_says_what_was_found():
    """Of the record: kind, verdict, gate, and the violations of both."""
    cell, record, _ = played(100)

    assert (cell.kind, cell.verdict) == ("fin", str(record.result.verdict))
    assert cell.gate == str(record.result.gate)
    assert cell.candidate == ()


def test_streams_are_summed_and_each_finding_has_its_example():
    """What was left out is counted by its reason; a cell without example is no line."""
    cell, record, run = played(100)
    other = cell._replace(kind="rst")
    swept = [
        Swept(
            id="a",
            size=10,
            offsets=4,
            cells={cell: Found(3, 1), other: Found(1, 2)},
            judged=2,
            checked=1,
            unbranched=("v2",),
        ),
        Swept(id="b", size=5, offsets=5, cells={cell: Found(5, 0)}, judged=1),
        Swept(id="c", why_not="no event stream"),
    ]
    facts = sweep_facts(swept, run, {cell: record}, None)

    assert facts["left_out"] == {"no event stream": 1}
    names = ("streams", "bytes", "offsets", "variants", "judged", "checked")
    assert [facts[name] for name in names] == [2, 15, 9, 9, 3, 1]
    assert facts["unbranched"] == ["v2"]
    verdicts = {kind["kind"]: kind["verdicts"] for kind in facts["kinds"]}
    assert verdicts["fin"] == {cell.verdict: 8}
    assert verdicts["rst"] == {cell.verdict: 1}
    assert verdicts["clean"] == {}
    [finding] = facts["findings"]
    assert (finding["variants"], finding["streams"]) == (8, 2)
    assert finding["example"] == record.scenario.id
    assert "close_at" in finding["reproduce"]


def test_what_fails_comes_first_and_what_is_equal_last():
    """By gate, then by whether there is a difference."""
    cell, record, run = played(100)
    cells = [
        cell._replace(gate="pass", verdict="IDENTICAL"),
        cell._replace(gate="pass", verdict="IMPROVED"),
        cell._replace(gate="fail", verdict="REGRESSION"),
    ]
    swept = Swept(id="a", cells=dict.fromkeys(cells, Found(1, 0)))
    facts = sweep_facts([swept], run, dict.fromkeys(cells, record), None)

    assert [finding["verdict"] for finding in facts["findings"]] == [
        "REGRESSION",
        "IMPROVED",
        "IDENTICAL",
    ]
