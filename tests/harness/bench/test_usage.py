"""CPU and memory are those of the whole tree of processes, which are stand-ins here."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from harness.bench import usage
from harness.bench.usage import UsageMeter
from harness.errors import EvidenceError


class Process:
    """A process with children, which may have ended."""

    def __init__(self, user=0.0, system=0.0, rss=0, children=(), *, gone=False):
        self.user, self.system, self.rss = user, system, rss
        self.family = children
        self.gone = gone

    def children(self, *, recursive):
        assert recursive
        if self.gone:
            raise psutil.NoSuchProcess(1)
        return list(self.family)

    def cpu_times(self):
        if self.gone:
            raise psutil.NoSuchProcess(1)
        return SimpleNamespace(user=self.user, system=self.system)

    def memory_info(self):
        return SimpleNamespace(rss=self.rss)


def read(monkeypatch, root):
    """Read the usage of a process."""
    monkeypatch.setattr(usage.psutil, "Process", lambda pid: root)
    return UsageMeter(1, "v1").read()


def test_a_process_and_its_children_are_summed(monkeypatch):
    """User and system time, and resident memory."""
    root = Process(1.0, 0.5, 100, [Process(2.0, 0.25, 50), Process(0.0, 0.0, 7)])
    assert (3.75, 157) == read(monkeypatch, root)


def test_a_child_that_ended_meanwhile_is_left_out(monkeypatch):
    """The others still count."""
    root = Process(1.0, 0.5, 100, [Process(9.0, 9.0, 9, gone=True), Process(1.0)])
    assert (2.5, 100) == read(monkeypatch, root)


def test_a_target_that_ended_is_missing_evidence(monkeypatch):
    """By its name."""
    with pytest.raises(EvidenceError, match="target v1 ended during the bench"):
        read(monkeypatch, Process(gone=True))
