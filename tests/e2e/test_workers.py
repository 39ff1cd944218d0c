"""Work in several real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import EvidenceError
from harness.play.workers import map_in_order

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order(jobs):
    """However many processes there are."""
    assert list(map_in_order(abs, range(-40, 0), jobs)) == list(range(40, 0, -1))


def test_a_process_that_dies_is_reported():
    """It is missing evidence."""
    with pytest.raises(EvidenceError, match="a worker process died"):
        list(map_in_order(os._exit, [1, 1], 2))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left(number, tmp_path):
    """The workers end with the command, even where it was killed."""
    command = [
        *(sys.executable, "-m", "harness", "stutter", "cassettes", "--jobs", "2"),
        *("--target", "tests.planted.slow:make_relay", "--output", str(tmp_path)),
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True
    )
    workers = wait_for(lambda: len(members(process.pid)) >= 3 and members(process.pid))
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=30)

    assert wait_for(lambda: not members(process.pid)), f"left of {workers}"
    if number != signal.SIGKILL:
        assert process.returncode == 130, said
        assert b"interrupted" in said


def members(session):
    """The running processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def wait_for(true, seconds=20):
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.05)
    return true()
