"""A small server that stutters like DashScope, with a real recorded answer.

DashScope-compatible servers repeat the first text delta before they continue
(luthien-proxy#61). No server that runs offline does so; this one repeats the opening of
a recording, at its recorded times. The tags of the cassette say so.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["stuttering"]


@contextlib.contextmanager
def stuttering(cassette: Path) -> Iterator[str]:
    """Replay a cassette with its first text delta sent three times, on a socket."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "harness", "replay", str(cassette)),
            *("--listen", "127.0.0.1:0", "--fault", "repeat_first: {times: 3}"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield line.strip().rpartition(" ")[2]
    finally:
        process.terminate()
        process.wait(timeout=10)
