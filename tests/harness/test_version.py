"""The version of the installed program."""

from __future__ import annotations

import importlib.metadata

from harness import version as module
from harness.version import program_version


def test_it_is_that_of_the_distribution(monkeypatch):
    """Read from its metadata."""
    monkeypatch.setattr(module, "version", {"stream-rollout-harness": "1.2"}.get)
    assert "1.2" == program_version()


def test_a_checkout_that_is_not_installed_has_none(monkeypatch):
    """It runs all the same."""

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", missing)
    assert "(not installed)" == program_version()
