"""Kinds of variants: each plays again as a fault of its name."""

from __future__ import annotations

import pytest

from harness.sweep.model import SweepKind


@pytest.mark.parametrize(
    ("kind", "name", "parameters"),
    [
        (SweepKind.FIN, "close_at", {"at": {"byte": 8}, "how": "fin"}),
        (SweepKind.RST, "close_at", {"at": {"byte": 8}, "how": "rst"}),
        (SweepKind.CLEAN, "end_at", {"at": {"byte": 8}}),
        (SweepKind.BORDER, "border_at", {"at": {"byte": 8}}),
        (SweepKind.HALVES, "border_at", {"at": {"byte": 8}, "writes": "two"}),
        (SweepKind.BYTES, "segment", {"size": 1}),
    ],
)
def test_a_kind_is_a_fault(kind, name, parameters):
    """With the place as its parameter."""
    call = kind.call(8)

    assert (name, parameters) == (call.name, dict(call.parameters))
