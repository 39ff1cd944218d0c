"""``harness bench`` as a user runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "harness.yaml").read_text(encoding="utf-8")
SHORT = ("--spawns", "1", "--no-control")


def bench(*words, config=ROOT / "harness.yaml"):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "harness", "bench", "--config", str(config)]
    return subprocess.run(
        [*command, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_both_ways_of_running_measure_both_targets(tmp_path):
    """One spawn proves nothing about a limit, and the exit code says so."""
    file = tmp_path / "figures.json"
    found = bench(
        "--memory", "--full-rate", "5x100", "--paced", "5x50x1", *SHORT,
        "--json", str(file),
    )  # fmt: skip
    assert found.returncode == 3, found.stdout + found.stderr
    assert "v2: 1000 events, none lost, every stream finished" in found.stdout
    assert "limit 1.20: inconclusive" in found.stdout
    said = json.loads(file.read_text())
    assert [part["title"].partition(":")[0] for part in said["parts"]] == [
        "In memory",
        "At full rate",
        "At a pace",
    ]
    paced = {row["figure"]: row["values"] for row in said["parts"][2]["figures"]}
    assert all(value > 0 for value in paced["age of an event p50"].values())
    assert all(value > 1 for value in paced["memory, peak"].values())


def test_a_candidate_that_loses_events_fails(tmp_path):
    """Whatever it costs."""
    planted = f"{ROOT}/tests/planted/proxy_with.py"
    text = CONFIG.replace(
        "command: [python, -m, proxy, --listen",
        f"command: [python, {planted}, drop_last_delta, --listen",
    )
    first, second = CONFIG.split("  v2:\n")
    _, broken = text.split("  v2:\n")
    file = tmp_path / "harness.yaml"
    file.write_text(f"{first}  v2:\n{broken}", encoding="utf-8")
    assert second != broken
    found = bench("--full-rate", "3x50", *SHORT, config=file)
    assert found.returncode == 1, found.stdout + found.stderr
    assert re.search(r"v2: [1-9]\d* events lost or out of order", found.stdout)


def test_a_flag_that_is_ignored_is_found(tmp_path):
    """Two benches of the same architecture would look like a good candidate."""
    text = CONFIG.replace('ARCHITECTURE: "true"', 'ARCHITECTURE: "false"')
    file = tmp_path / "harness.yaml"
    file.write_text(text, encoding="utf-8")
    found = bench("--full-rate", "2x10", *SHORT, config=file)
    assert found.returncode == 4
    assert "target v2 must answer with the header" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_wrong_option_is_refused():
    """With the expected form and the given text."""
    found = bench("--paced", "5x20")
    assert found.returncode == 2
    assert "expected STREAMSxRATExSECONDS such as" in found.stderr
    assert "Traceback" not in found.stderr
