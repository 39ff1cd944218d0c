from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.commands.faults import faults, faults_page
from harness.errors import InputError
from harness.faults.registry import REGISTRY

PAGE = Path(__file__).parents[4] / "docs" / "faults.md"


def test_all_faults_are_listed():
    """Every registered fault has its line."""
    shown = CliRunner().invoke(faults).output

    for name in REGISTRY:
        assert f"  {name} " in shown


def test_one_fault_is_explained():
    """Parameters, defaults and an example."""
    shown = CliRunner().invoke(faults, ["repeat_first"]).output

    assert "times: a whole number from 2 to 100_000 (default: 2)" in shown
    assert "- repeat_first: {times: 2}" in shown


def test_unknown_fault_names_the_nearest():
    """A typing mistake is told with what was meant."""
    with pytest.raises(InputError, match="did you mean 'repeat_first'"):
        CliRunner().invoke(
            faults, ["repeat_frist"], catch_exceptions=False, standalone_mode=False
        )


def test_page_is_true():
    """docs/faults.md ends in what ``harness faults --markdown`` prints."""
    assert PAGE.read_text(encoding="utf-8").endswith(faults_page())
