"""Rules for all tests: the profile of hypothesis, skips, and what is collected."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

E2E = Path(__file__).parent / "e2e"

# How long an example takes depends on the machine, and on what else it does. In CI
# every run draws the same examples; elsewhere each run draws new ones.
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tests")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the modules of tests/e2e where none of their tests is wanted."""
    if config.option.markexpr == "not e2e" and collection_path == E2E:
        return True
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the skipped tests by reason, in a line; ``-ra`` lists each."""
    skipped = terminalreporter.stats.get("skipped", [])
    if terminalreporter.hasopt("skipped") or not skipped:
        return
    reasons = Counter(str(one.longrepr[2]).removeprefix("Skipped: ") for one in skipped)
    counts = "; ".join(f"{count}: {why}" for why, count in reasons.most_common())
    terminalreporter.write_line(f"skipped (-rs lists them): {counts}")
