"""Readers of run events and of ``report.json``; they decide nothing.

Words: the *report* is the one JSON document that holds all a run knows; what differs
between two equal runs stands under its key ``volatile``. A *finding* is a scenario that
did not come out right and equal for both targets. It *gates* where it keeps the
decision from GO; it is *debt* where both targets are wrong and the gate lets it pass.
Text that came from a target, an upstream or a scenario is untrusted: whoever shows it
escapes it for its medium (`harness.reporting.escaping`).
"""

from __future__ import annotations

__all__: list[str] = []
