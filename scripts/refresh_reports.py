"""Regenerates the reports in the repository: reports/example and docs/classes.md.

Run it on an idle machine, after scenarios or targets have changed:

    python scripts/refresh_reports.py

The example is of the default suite; the page of classes is of all scenarios in both
modes, which takes some minutes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "reports" / "example"


def main() -> int:
    """Run both, write their reports, and return the worse exit code."""
    with tempfile.TemporaryDirectory() as folder:
        default = harness("compare", "--output", f"{folder}/default")
        full = harness("compare", "--suite", "full", "--output", f"{folder}/full")
        [report] = Path(folder, "default").glob("*/report.json")
        EXAMPLE.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(report, EXAMPLE / "report.json")
        harness("report", str(EXAMPLE), "--output", str(EXAMPLE / "report.md"))
        page = ROOT / "docs" / "classes.md"
        reports = ("--reports", f"{folder}/full")
        harness("report", *reports, "--format", "classes", "--output", str(page))
    return max(default, full)


def harness(*arguments: str) -> int:
    """Run a command of the harness in the project."""
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
