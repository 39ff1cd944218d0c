from __future__ import annotations

import os

from harness.reporting.environment import environment


def test_the_machine_is_told_without_names():
    """Python, platform, cores and load; neither host nor user nor path."""
    facts = environment()
    assert sorted(facts) == ["cores", "load_average", "platform", "python"]
    assert facts["cores"] >= 1
    assert os.uname().nodename not in str(facts)


def test_a_system_without_load_average(monkeypatch):
    """The load is None if the system has none."""

    def fail():
        raise OSError

    monkeypatch.setattr(os, "getloadavg", fail)
    assert environment()["load_average"] is None
