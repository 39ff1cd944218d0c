"""Importers: cassettes from recordings of others, one module for each kind of source.

Information that a source lacks is invented plausibly, and named in ``reconstructed``.
"""

from __future__ import annotations

__all__: list[str] = []
