"""Recording of real traffic: a mitmproxy addon and what it is made of.

Words: the *recorder* is the addon inside mitmproxy; it sees what the wire brought and
hands it on at once, and writes nothing itself. The *saver* is a process beside it that
receives *frames*, joins them to *recordings*, redacts them and saves cassettes; it
outlives a recorder that is killed. Between them is a pipe. How a stream ended is partly
read from parts of mitmproxy that its interface does not promise (``socket_state``).
Only ``convert``, ``flows``, ``recorder``, ``session`` and ``socket_state``
import mitmproxy, which is an extra.
"""

from __future__ import annotations

__all__: list[str] = []
