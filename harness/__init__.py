"""Record-and-replay test harness for LLM streaming proxies.

Words: a *cassette* holds recorded interactions; a *fault* is one deliberate defect;
a *script* is the timed steps that an upstream performs; a *scenario* is cassette +
faults + client behaviour + expectation; a *target* is the proxy under test; an
*observation* is everything both ends saw of one run; a *verdict* judges a scenario.
"""

from __future__ import annotations

__all__: list[str] = []
