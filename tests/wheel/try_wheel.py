"""Install the one wheel of a folder into a fresh environment and use it.

Run as a script by ``tox -e wheel`` and by the gate; what it shows cannot be shown from
inside a checkout, where the working tree hides what the wheel lacks.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

STREAM = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\ndata: [DONE]\n\n'


def main(dist: Path) -> None:
    """Install, then run both commands from a folder that is not the checkout."""
    (wheel,) = dist.glob("*.whl")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        binaries = folder / "venv" / "bin"
        _run([str(binaries / "pip"), "install", "--quiet", str(wheel)], folder)
        (folder / "hi.sse").write_bytes(STREAM)
        harness = str(binaries / "harness")
        _run([harness, "--version"], folder)
        _run([harness, "import", "sse", "hi.sse", "--out", "cassettes"], folder)
        _run([harness, "check", "cassettes"], folder)
        _run([str(binaries / "python"), "-m", "proxy", "--help"], folder)


def _run(command: list[str], folder: Path) -> None:
    print("+", *command, flush=True)
    subprocess.run(command, cwd=folder, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
