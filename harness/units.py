"""Units of time: the whole harness counts in integer nanoseconds."""

from __future__ import annotations

__all__ = ["NS_PER_MS", "NS_PER_S"]

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
