"""Reference streaming proxy that carries two architectures, v1 and v2.

Words: the *client* asks; the *upstream* answers; a *relay* is the sans-IO logic of one
architecture; *events* go into it and *commands* come out; the *driver* performs the
commands on sockets.
"""

from __future__ import annotations

__all__: list[str] = []
