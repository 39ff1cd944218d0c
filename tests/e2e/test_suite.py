"""The whole suite, as a user runs it; it finds what docs/classes.md says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(660)]

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 60
"""For the default suite, so that it is run often. It takes 24 s on two idle cores; with
more processes than cores, it may take longer in that proportion."""


def compare(folder: Path, *arguments: str) -> dict:
    """Run ``harness compare`` in the project, and return its report."""
    done = subprocess.run(
        [sys.executable, "-m", "harness", "compare", *arguments, "--output", folder],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    [report] = folder.glob("*/report.json")
    return json.loads(report.read_bytes())


def of_folder(folder: Path) -> list[int]:
    """Process IDs of what was started with this folder for temporary files."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:
            continue
        if f"TMPDIR={folder}".encode() in environment:
            found.append(int(path.parent.name))
    return found


def page() -> dict[str, tuple[set[str], set[str]]]:
    """What docs/classes.md says about each scenario: how v1 and v2 were wrong."""
    text = (ROOT / "docs" / "classes.md").read_text(encoding="utf-8")
    found = {}
    for name, v1, v2 in re.findall(
        r"^- `([^`]+)`: v1 (.*); v2 (.*)$", text, re.MULTILINE
    ):
        kinds = [set(told.replace("\\", "").split(", ")) for told in (v1, v2)]
        found[name] = (kinds[0] - {"right"}, kinds[1] - {"right"})
    return found


@pytest.fixture(scope="module")
def default_run(tmp_path_factory):
    """The default suite: its report, its folder, its seconds, and the machine's lag."""
    folder = tmp_path_factory.mktemp("default")
    started, busy = time.monotonic(), os.getloadavg()[0]
    report = compare(folder)
    took_s = time.monotonic() - started
    lag = max(busy, os.getloadavg()[0]) / (os.cpu_count() or 1)
    return report, folder, took_s, lag


def test_the_default_suite_is_go_short_and_leaves_nothing(default_run):
    """No process and no file except the report, within a minute."""
    report, folder, took_s, lag = default_run
    assert took_s < SECONDS_MAX * max(1, lag)
    assert report["decision"]["result"] == "GO"
    assert {entry["mode"] for entry in report["scenarios"]} == {"live", "virtual"}
    assert of_folder(folder) == []
    assert [path.name for path in folder.iterdir()] == [report["volatile"]["run"]]


def test_virtual_time_finds_what_the_page_of_classes_says(default_run):
    """The page is made by a run of all scenarios in both modes, so it may say more.

    Where this fails the targets or scenarios have changed: scripts/refresh_reports.py
    makes the page again.
    """
    said = page()
    scenarios = [
        entry for entry in default_run[0]["scenarios"] if entry["mode"] == "virtual"
    ]
    assert len(scenarios) > 100
    for scenario in scenarios:
        for place, target in enumerate(("baseline", "candidate")):
            kinds = {
                wrong["kind"]
                for answer in scenario[target]["answers"]
                for wrong in answer["violations"]
            }
            assert kinds <= said[scenario["id"]][place], scenario["id"]
