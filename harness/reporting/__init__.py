"""Readers of run events and of ``report.json``; they decide nothing.

Words: the *report* is the one JSON document that holds all a run knows; what differs
between two equal runs stands under its key ``volatile``.
"""

from __future__ import annotations

__all__: list[str] = []
