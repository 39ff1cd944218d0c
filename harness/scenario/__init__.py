"""Scenarios, and the scripts that are made of them.

Words: a *scenario* is cassette + faults + client behaviour + expectation; a *script*
is the timed steps that an upstream performs.
"""

from __future__ import annotations

__all__: list[str] = []
