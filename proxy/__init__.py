"""The reference streaming proxy, with two architectures: v1 and v2.

Words: the *client* asks; the *upstream* answers; a *relay* is the sans-IO logic of one
architecture; it takes *events* and returns *commands*; the *driver* performs the
commands on sockets.  ``docs/design/raw-protocols.md`` says why they are raw protocols.
"""

from __future__ import annotations

__all__: list[str] = []
