"""``harness bench`` as far as it needs no process; tests/e2e measures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.bench.conclusions import BenchPart, Conclusions
from harness.bench.summary import Row
from harness.cli.commands import bench as module
from harness.cli.commands.bench import bench
from harness.errors import InputError

CONFIG = ("--config", str(Path(__file__).parents[4] / "harness.yaml"))


def run(*words):
    """Run the command in this process; errors come as they are raised."""
    return CliRunner().invoke(bench, [*CONFIG, *words], catch_exceptions=False)


@pytest.fixture
def loads(monkeypatch):
    """Nothing is measured; what would be is remembered."""
    loads = []

    def live(targets, load, *, spawns, blocks):
        loads.append((load, [one.name for one in targets]))
        row = Row(name="age", unit="ms", values={"v1": 1.0}, ratios={})
        return BenchPart(title=load.title, rows=[row], conclusions=Conclusions())

    monkeypatch.setattr(module, "_live", live)
    return loads


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--paced", "5x20"), "--paced: expected STREAMSxRATExSECONDS such as"),
        (("--paced", "0x20x5"), "--paced: expected STREAMSxRATExSECONDS such as"),
        (("--paced", "1x1e3x5"), "--paced: expected STREAMSxRATExSECONDS such as"),
        (("--full-rate", "5"), "--full-rate: expected STREAMSxEVENTS such as"),
        (("--full-rate", "5001x1"), "at most 5000 streams .* got 5001 and 5001"),
        (("--full-rate", "5000x4000000"), "--full-rate: expected at most 5000 streams"),
        (("--target", "v3"), "there is no target 'v3'"),
        (("--target", "v1", "--target", "v1"), "a target is named twice"),
    ],
)
@pytest.mark.usefixtures("loads")
def test_a_wrong_option_is_refused(words, message):
    """With the expected form and the given text."""
    with pytest.raises(InputError, match=message):
        run(*words)


@pytest.mark.parametrize(
    ("words", "size", "title"),
    [
        (
            ("--full-rate", "3x50"),
            (3, 50, 0),
            "At full rate: 3 streams of 50 events",
        ),
        (
            ("--paced", "4x2.5x2"),
            (4, 5, 2.5),
            "At a pace: 4 streams, 2.5 events/s each, 2 s",
        ),
        (
            ("--paced", "4x0.1x1"),
            (4, 1, 0.1),
            "At a pace: 4 streams, 0.1 events/s each, 1 s",
        ),
    ],
)
def test_a_load_is_read_as_it_is_written(loads, words, size, title):
    """Every stream has an event at least."""
    assert 0 == run(*words).exit_code
    [(load, _)] = loads
    workload = load.workload

    assert size == (workload.streams, workload.events, workload.rate)
    assert title == load.title


def test_a_copy_of_the_first_target_is_measured_too(loads):
    """Unless nobody wants it."""
    run("--full-rate", "1x1")
    run("--full-rate", "1x1", "--no-control")
    run("--full-rate", "1x1", "--target", "v2")

    assert [["v1", "v2", "control"], ["v1", "v2"], ["v2"]] == [one for _, one in loads]


def test_figures_are_written_as_json(loads, tmp_path):
    """As well as printed."""
    file = tmp_path / "figures.json"
    result = run("--paced", "--json", str(file))

    assert "At a pace: 200 streams, 20 events/s each, 4 s" in result.output
    [part] = json.loads(file.read_text(encoding="utf-8"))["parts"]
    assert "age" == part["figures"][0]["figure"]
    with pytest.raises(InputError, match="--json: cannot write"):
        run("--paced", "--json", str(tmp_path / "no" / "file.json"))
