"""Cassettes made of what others recorded, one module for each kind of source.

What a source does not hold is invented plausibly and named in ``reconstructed``.
"""

from __future__ import annotations

__all__: list[str] = []
