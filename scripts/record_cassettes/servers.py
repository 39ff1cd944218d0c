"""Starts and stops real model servers with the tiny model.

A recorder needs only ``serving(name)``::

    with serving("llama.cpp") as server:
        httpx.post(f"{server.url}/v1/chat/completions", json=request.body)

A server runs with the Python in which it is installed, which may be another one.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from conversations import load_conversations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "SERVERS",
    "Request",
    "Running",
    "Server",
    "load_requests",
    "serving",
    "versions",
]

HERE = Path(__file__).parent
READY_SECONDS = 90

MODEL = "tiny-model"
"""The model's name in requests and answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The installation of a server.

    Attributes:
        python_variable: Environment variable that names the Python in which the server
            is installed; if it is unset, this Python is used.
        packages: Distributions whose versions identify the server in a recording.
    """

    python_variable: str
    packages: tuple[str, ...]


SERVERS = {
    "llama.cpp": Server(
        python_variable="LLAMA_CPP_PYTHON",
        packages=("xllamacpp",),
    ),
    "mlx": Server(
        python_variable="MLX_PYTHON",
        packages=("mlx-lm", "mlx"),
    ),
    "transformers": Server(
        python_variable="TRANSFORMERS_PYTHON",
        packages=("transformers", "torch"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that answers.

    Attributes:
        url: Base URL.
        kill: Kills it by SIGKILL.
    """

    url: str
    kill: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of ``requests.yaml``.

    Attributes:
        name: Server and subject, such as ``llama.cpp/count-to-10``.
        server: Key of ``SERVERS``.
        path: Path of the request, which is a POST.
        body: JSON body, as sent.
        shows: The purpose of the answer, in a sentence.
        conversation: Key of ``conversations.yaml`` whose whole answer is expected;
            None if the answer is cut or an error.
        status: HTTP status of the answer.
        finish_reason: Of every choice; None if no choice ends.
        starts: The beginning of the text, for an answer that is cut.
        kill_after_ms: Kill the server this long after the request began; None: let it
            finish.
        leave_after_events: Close the connection after this many events; None: read to
            the end.
    """

    name: str
    server: str
    path: str
    body: dict[str, Any]
    shows: str
    conversation: str | None
    status: int
    finish_reason: str | None
    starts: str | None
    kill_after_ms: float | None
    leave_after_events: int | None

    @property
    def is_broken_off(self) -> bool:
        """Whether the recorder, not the server, ends the answer."""
        return self.kill_after_ms is not None or self.leave_after_events is not None


def load_requests() -> list[Request]:
    """Read ``requests.yaml``, with messages and tools of the conversations."""
    conversations = load_conversations()
    requests = []
    for name, entry in yaml.safe_load(
        (HERE / "requests.yaml").read_text("utf-8")
    ).items():
        body: dict[str, Any] = {"model": MODEL}
        scripted = entry.get("conversation")
        status = entry.get("status", 200)
        cut = "starts" in entry or status != 200
        if scripted is not None:
            body["messages"] = conversations[scripted].messages
            if conversations[scripted].tools:
                body["tools"] = conversations[scripted].tools
        body |= {"stream": True, "temperature": 0}
        body |= entry.get("body", {})
        requests.append(
            Request(
                name=name,
                server=name.split("/")[0],
                path=entry.get("path", "/v1/chat/completions"),
                body=body,
                shows=entry["shows"],
                conversation=None if cut else scripted,
                status=status,
                finish_reason=entry.get("finish_reason", "stop"),
                starts=entry.get("starts"),
                kill_after_ms=entry.get("kill_after_ms"),
                leave_after_events=entry.get("leave_after_events"),
            )
        )
    return requests


@contextlib.contextmanager
def serving(name: str, *, model: Path | None = None) -> Iterator[Running]:
    """Run a server for the length of a ``with`` block.

    Args:
        name: Key of ``SERVERS``.
        model: Folder written by ``build_model.py``; None: the environment variable
            ``TINY_MODEL`` names it.

    Raises:
        RuntimeError: The server ended, or did not answer in time. Its standard error
            is part of ours.
    """
    folder = Path(model or os.environ["TINY_MODEL"]).resolve()
    python = os.environ.get(SERVERS[name].python_variable, sys.executable)
    with tempfile.TemporaryDirectory() as place:
        # Servers echo the path of a model, so it must not name this machine's folders.
        (Path(place) / MODEL).symlink_to(folder)
        process = subprocess.Popen(
            [python, str(HERE / "run_server.py"), name, MODEL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=place,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"},
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            if not url:
                raise RuntimeError(f"{name} did not start with {python}")
            wait_until_ready(name, url, process)
            yield Running(url=url, kill=process.kill)
        finally:
            process.kill()
            process.communicate()


def wait_until_ready(name: str, url: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the server answers an ordinary request."""
    # A server may list its models before it has loaded one.
    question = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(
            {
                "model": MODEL,
                "messages": [{"role": "user", "content": "ready?"}],
                "max_tokens": 1,
            }
        ).encode(),
        {"content-type": "application/json"},
    )
    give_up_at = time.monotonic() + READY_SECONDS
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(question, timeout=30):
                return
        except urllib.error.HTTPError as answer:
            if answer.code != 503:
                detail = answer.read().decode(errors="replace")
                raise RuntimeError(f"{name} refused a request: {detail}") from answer
        except OSError:
            pass  # not listening yet
        time.sleep(0.1)
    raise RuntimeError(f"{name} did not answer within {READY_SECONDS} s")


def versions(name: str) -> dict[str, str]:
    """Return the versions of a server's packages, as its Python sees them."""
    program = (
        "import importlib.metadata as m, json, sys;"
        "print(json.dumps({p: m.version(p) for p in sys.argv[1:]}))"
    )
    python = os.environ.get(SERVERS[name].python_variable, sys.executable)
    answer = subprocess.run(
        [python, "-c", program, *SERVERS[name].packages],
        check=True,
        capture_output=True,
    )
    found: dict[str, str] = json.loads(answer.stdout)
    return found
