"""Errors of faults: a fault cannot apply, or its code is wrong."""

from __future__ import annotations

from harness.errors import InputError

__all__ = ["FaultDefectError", "FaultError"]


class FaultError(InputError):
    """A fault cannot apply to this stream or with these parameters."""


class FaultDefectError(InputError):
    """The code of a fault is wrong: it raised another error, or returned no draft."""
