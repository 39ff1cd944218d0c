"""Numbers of the command line."""

from __future__ import annotations

import click
import pytest

from harness.cli.param_types import FiniteRange


@pytest.mark.parametrize("text", ["0", "1", "0.5", "1e-3"])
def test_a_number_in_range_is_taken(text):
    """Both limits belong to the range."""
    assert float(text) == FiniteRange(0, 1).convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nan", "'nan' is not a finite number"),
        ("inf", "not a finite number"),
        ("-inf", "not in the range"),
        ("2", "not a finite number|not in the range"),
        ("x", "not a valid float"),
    ],
)
def test_anything_else_is_refused(text, message):
    """NaN compares with nothing, so that no range refuses it."""
    limits = FiniteRange(0) if text == "inf" else FiniteRange(0, 1)
    with pytest.raises(click.BadParameter, match=message):
        limits.convert(text, None, None)
