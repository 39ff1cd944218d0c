"""A small server of ours that stutters as DashScope does, on a real recorded answer.

DashScope-compatible servers send the first text delta again before they go on
(luthien-proxy#61). No server that runs offline does, so this one repeats the opening of
a recording, at its recorded times; the cassette says so in its tags.
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
