"""Recording of real traffic by a mitmproxy addon.

Words: the *recorder* is the addon inside mitmproxy; it sees the bytes of the wire,
passes them on immediately, and writes nothing itself. The *saver* is a second process
that receives *frames*, joins them to *recordings*, redacts them and saves cassettes; it
outlives a recorder that is killed. A pipe connects the two. How a stream ended is read
in part from internals of mitmproxy (``socket_state``).
Only ``convert``, ``flows``, ``recorder``, ``session`` and ``socket_state``
import mitmproxy, which is an extra.
"""

from __future__ import annotations

__all__: list[str] = []
