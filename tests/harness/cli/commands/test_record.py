"""``harness record`` without the extra installed."""

from __future__ import annotations

import importlib.util

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.errors import HarnessError


def test_without_the_extra(monkeypatch):
    """It says what to install, with the exit code of a usage error."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ended = CliRunner().invoke(cli, ["record", "--upstream", "http://x"])
    assert isinstance(ended.exception, HarnessError)
    assert "pip install 'stream-rollout-harness[record]'" in str(ended.exception)
    assert 2 == ended.exception.exit_code


@pytest.mark.parametrize("arguments", [[], ["--upstream", "http://x", "--regular"]])
def test_one_of_two_ways(arguments):
    """It is told where the traffic comes from, and once."""
    ended = CliRunner().invoke(cli, ["record", *arguments])
    assert "either --upstream URL or --regular" in str(ended.exception)
