"""What a fault says when it cannot do what it was asked."""

from __future__ import annotations

from harness.errors import InputError

__all__ = ["FaultError"]


class FaultError(InputError):
    """A fault that cannot apply to this stream, or with these parameters."""
