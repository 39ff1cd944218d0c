"""Recording of real traffic: a mitmproxy addon and what it is made of.

Words: the *recorder* is the addon inside mitmproxy; it sees what the wire brought and
hands it on at once, and writes nothing itself. The *keeper* is a process beside it that
receives *frames*, joins them to *recordings*, redacts them and saves cassettes; it
outlives a recorder that is killed. The *link* is the recorder's end of the pipe to it.
*Probes* are the parts of mitmproxy that its interface does not promise. Only
``addon``, ``probes`` and ``session`` import mitmproxy, which is an extra.
"""

from __future__ import annotations

__all__: list[str] = []
