"""Errors of a fault: it cannot apply, or its own code is wrong."""

from __future__ import annotations

from harness.errors import InputError

__all__ = ["FaultDefectError", "FaultError"]


class FaultError(InputError):
    """A fault that cannot apply to this stream, or with these parameters."""


class FaultDefectError(InputError):
    """A fault whose own code is wrong: it raised something else, or gave no draft."""
