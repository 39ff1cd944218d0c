"""Run one model server in this process until standard input ends.

Started by ``servers.py`` with the Python that has the server installed::

    python run_server.py llama.cpp DIR

The first line of standard output is the base URL; the server may need a moment
more until it answers there. The end of standard input ends the process, so no server
outlives its parent, however that died.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import threading
from pathlib import Path

__all__: list[str] = []

HOST = "127.0.0.1"


def leave_with_parent() -> None:
    """End this process when the parent that holds our standard input is gone."""
    sys.stdin.buffer.read()
    os._exit(0)


def announce_free_port() -> int:
    """Print the URL of a free port and return the port.

    For servers that do not print their port. If another process takes the port before
    the server does, the server ends with an error.
    """
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    print(f"http://{HOST}:{port}", flush=True)
    return port


def run_llama_cpp(model: Path) -> None:
    """Run llama.cpp's llama-server."""
    import xllamacpp  # noqa: PLC0415 - only this server's environment has it

    params = xllamacpp.CommonParams()
    params.model.path = str(model / "model.gguf")
    params.model_alias = {"tiny-model"}
    params.hostnames = [HOST]
    params.port = 0
    params.n_ctx = 4096
    params.n_parallel = 2  # n=2 takes a slot for each choice
    params.use_jinja = True
    params.warmup = False
    params.cpuparams.n_threads = 1  # more threads are slower here
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


def run_mlx(model: Path) -> None:
    """Run mlx_lm.server."""
    from mlx_lm import server  # noqa: PLC0415 - as above

    # Every chunk's fingerprint would name the kernel of this machine.
    platform.platform = platform.system
    sys.argv = ["mlx_lm.server", "--model", str(model)]
    sys.argv += ["--host", HOST, "--port", str(announce_free_port())]
    server.main()


def run_transformers(model: Path) -> None:
    """Run ``transformers serve``."""
    from transformers.cli.transformers import main  # noqa: PLC0415 - as above

    sys.argv = ["transformers", "serve", str(model), "--device", "cpu"]
    sys.argv += ["--host", HOST, "--port", str(announce_free_port())]
    main()


RUNNERS = {
    "llama.cpp": run_llama_cpp,
    "mlx": run_mlx,
    "transformers": run_transformers,
}


if __name__ == "__main__":
    threading.Thread(target=leave_with_parent, daemon=True).start()
    RUNNERS[sys.argv[1]](Path(sys.argv[2]))
