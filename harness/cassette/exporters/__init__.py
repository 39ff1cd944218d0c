"""Recordings in the formats of others, one module for each."""

from __future__ import annotations

__all__: list[str] = []
