"""Record real servers with ``harness record``, driven by the openai and anthropic SDKs.

Run it with the servers of `servers.py` installed, and with more interpreters:
``RECORD_PYTHON`` (the project with its extra ``record``), ``SDK_PYTHON`` (openai and
anthropic), and ``LITELLM_PYTHON`` for jobs with LiteLLM in front of a server::

    python record_with_sdks.py [--into FOLDER] [NAME ...]

Every job has its own server and recorder. Without names all are recorded.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conversations import load_conversations
from servers import MODEL, load_requests, serving
from stutter_server import stuttering

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
READY = re.compile(r"listening on (http://\S+)")
BODIES = {request.name: request.body for request in load_requests()}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One recording.

    Attributes:
        server: A key of ``SERVERS``, ``litellm`` or ``stutter``.
        body: Of the request.
        sdk: openai or anthropic.
        leave_after: Events after which the client hangs up.
        kill_after: Events after which the server is killed.
        options: More options of ``harness record``.
    """

    server: str
    body: dict[str, Any]
    sdk: str = "openai"
    leave_after: int | None = None
    kill_after: int | None = None
    options: tuple[str, ...] = field(default=())


def asked(name: str, server: str | None = None, **more: Any) -> Job:
    """Return the job of a request of ``requests.yaml``."""
    return Job(server=server or name.partition("/")[0], body=BODIES[name], **more)


def message(conversation: str, **more: Any) -> Job:
    """Return the job of a conversation with llama.cpp's Anthropic-style interface."""
    found = load_conversations()[conversation]
    system = [turn["content"] for turn in found.messages if turn["role"] == "system"]
    body = {
        "model": MODEL,
        "max_tokens": 600,
        # This SDK's create() no longer has a temperature.
        "extra_body": {"temperature": 0},
        "stream": True,
        "messages": [turn for turn in found.messages if turn["role"] != "system"],
        **({"system": system[0]} if system else {}),
    }
    return Job(server="llama.cpp", body=body, sdk="anthropic", **more)


def with_model(job: Job, model: str) -> Job:
    """Return the same job for another model of a gateway."""
    return Job(
        server="litellm",
        body={**job.body, "model": model},
        options=("--all",) if model == "limited" else (),
    )


JOBS = {
    "llama.cpp/count-to-10": asked("llama.cpp/count-to-10"),
    "llama.cpp/plain": asked("llama.cpp/plain"),
    "llama.cpp/plain-usage": asked("llama.cpp/plain-usage"),
    "llama.cpp/languages": asked("llama.cpp/languages"),
    "llama.cpp/tool-call": asked("llama.cpp/tool-call"),
    "llama.cpp/two-tool-calls": asked("llama.cpp/two-tool-calls"),
    "llama.cpp/reasoning": asked("llama.cpp/reasoning"),
    "llama.cpp/two-choices": asked("llama.cpp/two-choices"),
    "llama.cpp/markdown": asked("llama.cpp/markdown"),
    "llama.cpp/max-tokens": asked("llama.cpp/max-tokens"),
    "llama.cpp/messages-plain": message("plain"),
    "llama.cpp/messages-languages": message("languages"),
    "llama.cpp/messages-story": message("story"),
    "mlx/plain": asked("mlx/plain"),
    "mlx/count-to-10": asked("mlx/count-to-10"),
    "mlx/two-tool-calls": asked("mlx/two-tool-calls"),
    "mlx/reasoning": asked("mlx/reasoning"),
    "transformers/plain": asked("transformers/plain"),
    "transformers/languages": asked("transformers/languages"),
    "transformers/story": asked("transformers/story"),
    "transformers/client-left": asked("transformers/story", leave_after=20),
    "transformers/killed": asked("transformers/story", kill_after=20),
    "mlx/client-left": asked("mlx/story", leave_after=20),
    "mlx/killed": asked("mlx/story", kill_after=20),
    "litellm/plain": with_model(asked("llama.cpp/plain"), "local"),
    "litellm/mock": with_model(asked("llama.cpp/plain"), "mock"),
    "litellm/limited": with_model(asked("llama.cpp/plain"), "limited"),
    "stutter/opening-again": asked("llama.cpp/plain", server="stutter"),
}


def main() -> None:
    """Record the named jobs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=ROOT / "cassettes" / "recorded")
    parser.add_argument("names", nargs="*", choices=[*JOBS, []])
    given = parser.parse_args()
    failed = []
    for name in given.names or JOBS:
        path = given.into / f"{name}.yaml"
        path.unlink(missing_ok=True)
        print(f"{name}: ", end="", flush=True)
        print(record(JOBS[name], path))
        if not path.exists():
            failed.append(name)
    if failed:
        sys.exit(f"not recorded: {', '.join(failed)}")


def record(job: Job, path: Path) -> str:
    """Record one job into a file; return the output of client and recorder."""
    with upstream(job) as (url, kill), recording(job, url, path) as recorder:
        words = json.dumps(
            {
                "sdk": job.sdk,
                "body": job.body,
                "leave_after": job.leave_after,
                "tell_at": job.kill_after,
            }
        )
        client = subprocess.Popen(
            [os.environ["SDK_PYTHON"], HERE / "sdk_client.py", recorder, words],
            stdout=subprocess.PIPE,
            text=True,
        )
        said = []
        for line in client.stdout or ():
            said.append(line.strip())
            if line == "reached\n":
                kill()
        client.wait(timeout=90)
    return "; ".join(said)


@contextlib.contextmanager
def recording(job: Job, url: str, path: Path) -> Iterator[str]:
    """Run ``harness record`` in front of a server for the length of the block."""
    command = [os.environ["RECORD_PYTHON"], "-m", "harness", "record"]
    command += ["--upstream", url, "--out", str(path.parent), "--name", path.stem]
    command += ["--tag", path.parent.name, *job.options]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said = []
        for line in process.stdout or ():
            said.append(line)
            if found := READY.search(line):
                yield found[1]
                break
        else:
            raise RuntimeError("".join(said))
    finally:
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
        print(" | ".join(rest.strip().splitlines()[-2:]), end="; ")


@contextlib.contextmanager
def upstream(job: Job) -> Iterator[tuple[str, Any]]:
    """Run the server of a job; yield its URL, and a function that kills it."""
    if job.server == "litellm":
        with serving("llama.cpp") as server, gateway(server.url) as url:
            yield url, server.kill
    elif job.server == "stutter":
        with stuttering(ROOT / "cassettes" / "llama.cpp" / "plain.yaml") as url:
            yield url, None
    else:
        with serving(job.server) as server:
            yield server.url, server.kill


@contextlib.contextmanager
def gateway(url: str) -> Iterator[str]:
    """Run LiteLLM in front of a server, with a mock and a rate-limited model."""
    config = {
        "model_list": [
            {
                "model_name": "local",
                "litellm_params": {
                    "model": f"openai/{MODEL}",
                    "api_base": f"{url}/v1",
                    "api_key": "none",
                },
            },
            {
                "model_name": "mock",
                "litellm_params": {
                    "model": "openai/mock",
                    "api_key": "none",
                    "mock_response": "The sky is blue because of scattering.",
                },
            },
            {
                "model_name": "limited",
                "litellm_params": {
                    "model": "openai/limited",
                    "api_key": "none",
                    "mock_response": "litellm.RateLimitError",
                },
            },
        ],
        "litellm_settings": {"num_retries": 0},
    }
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_text(json.dumps(config))
        python = Path(os.environ["LITELLM_PYTHON"])
        process = subprocess.Popen(
            [
                *(python.parent / "litellm", "--config", path),
                *("--host", "127.0.0.1", "--port", str(port)),
            ],
            env={
                **os.environ,
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                # It listens on loopback, for one recording.
                "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
            },
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            base = f"http://127.0.0.1:{port}"
            wait_for(f"{base}/health/liveliness")
            yield base
        finally:
            process.terminate()
            process.wait(timeout=20)


def free_port() -> int:
    """Return a port that is free now."""
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(url: str, seconds: float = 90) -> None:
    """Wait until a URL answers."""
    import urllib.request  # noqa: PLC0415 - only here

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"{url} does not answer")


if __name__ == "__main__":
    main()
