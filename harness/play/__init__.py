"""Playing scripts: the upstream, the client, the targets, the clocks.

Words: the *upstream* plays scripts on a socket; the *client* stamps every read; a
*target* is started or reached between the two; the *runner* plays every scenario
through every target and emits *run events*. *Live* runs use sockets and
CLOCK_MONOTONIC, *virtual* runs drive a relay by a simulated clock.
"""

from __future__ import annotations

__all__: list[str] = []
