"""Builds and renders the report of a run; it decides nothing.

Words: the *report* is the one JSON document that holds everything known of a run;
values that differ between two equal runs are under its key ``volatile``. A *finding* is
a scenario that was not right and equal for both targets. It *gates* if it prevents the
decision GO; it is *debt* if both targets are wrong and the gate lets it pass. Text of a
target, an upstream or a scenario is untrusted: it is escaped for its medium before it
is shown (`harness.reporting.escaping`).
"""

from __future__ import annotations

__all__: list[str] = []
