"""Rules for all tests: the profile of hypothesis, skips, and what is collected."""

from __future__ import annotations

import gc
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

E2E = Path(__file__).parent / "e2e"

MEASURING = (
    "tests/e2e/faults/",
    "tests/e2e/record/",
    "tests/e2e/test_bench_",
    "tests/e2e/test_compare",
    "tests/e2e/test_play_",
    "tests/e2e/test_proxy_clients",
    "tests/e2e/test_proxy_recovery",
    "tests/e2e/test_proxy_wire",
    "tests/e2e/test_suite",
)
"""Tests that measure time: they run one after another, never beside each other."""

PROCESSES_MAX = 4

# How long an example takes depends on the machine, and on what else it does. In CI
# every run draws the same examples; elsewhere each run draws new ones.
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tests")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Use one process for named files, which is sooner ready, else several."""
    named = all(".py" in argument for argument in config.args)
    return 0 if named else min(PROCESSES_MAX, os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process whole files, and all that measures time to one of them."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            measuring = nodeid.startswith(MEASURING)
            return "measuring" if measuring else nodeid.partition("::")[0]

    return ByFile(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the modules of tests/e2e where none of their tests is wanted."""
    if config.option.markexpr == "not e2e" and collection_path == E2E:
        return True
    return None


def pytest_collection_finish() -> None:
    """Keep ten thousand collected tests out of every later garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the skipped tests by reason, in a line; ``-ra`` lists each."""
    skipped = terminalreporter.stats.get("skipped", [])
    if terminalreporter.hasopt("skipped") or not skipped:
        return
    reasons = Counter(str(one.longrepr[2]).removeprefix("Skipped: ") for one in skipped)
    counts = "; ".join(f"{count}: {why}" for why, count in reasons.most_common())
    terminalreporter.write_line(f"skipped (-rs lists them): {counts}")
