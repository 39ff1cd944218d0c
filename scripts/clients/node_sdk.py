"""Reads streams with clients in JavaScript, in a process of Node.js.

They are measured too because they disagree with the SDKs for Python about the same
bytes: a missing last transfer chunk, an open connection after ``[DONE]``, a byte order
mark. The AI SDK is the strictest: it reads to the end, and requires a finish_reason.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.clients.reading import READ_TIMEOUT_S, Reading
from scripts.clients.testbed import Reader

__all__ = ["NODE_CLIENTS", "node_is_missing", "node_version", "with_node"]

NODE_CLIENTS = {"openai-node": "openai", "openai-node-helper": "openai", "ai-sdk": "ai"}
"""Packages, by the names of the clients in the tables."""

_FOLDER = Path(__file__).with_name("node")
_DEADLINE_S = 60.0


def node_is_missing() -> str | None:
    """Return the reason why the clients cannot run here; None: they can."""
    if shutil.which("node") is None:
        return "there is no node"
    if not all(_package(package).exists() for package in NODE_CLIENTS.values()):
        return "npm install --prefix scripts/clients/node was not run"
    return None


def node_version(name: str) -> str:
    """Return name and version of a client."""
    package = _package(NODE_CLIENTS[name])
    return f"{name} {json.loads(package.read_bytes())['version']}"


def with_node(name: str) -> Reader:
    """Return a reader that reads all streams at the same time in one process.

    The reader raises RuntimeError if the process fails, with its error output.

    Args:
        name: The client, by its name in the tables.
    """

    async def read(jobs: Sequence[tuple[str, str]]) -> list[Reading]:
        asked = {
            "client": name,
            "timeout_ms": READ_TIMEOUT_S * 1000,
            "jobs": [{"url": url, "token": token} for url, token in jobs],
        }
        return [_reading(got) for got in await _ask(asked)]

    return read


async def _ask(asked: dict[str, Any]) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        "node",
        str(_FOLDER / "read.mjs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_DEADLINE_S):
            written, complaint = await process.communicate(json.dumps(asked).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(
            f"node ended with {process.returncode}: {complaint.decode()}"
        )
    answered: list[dict[str, Any]] = json.loads(written)
    return answered


def _package(name: str) -> Path:
    return _FOLDER / "node_modules" / name / "package.json"


def _reading(got: dict[str, Any]) -> Reading:
    return Reading(
        # Halves of a surrogate pair in two deltas are joined in JSON already.
        text=got["text"],
        finish=got["finish"],
        tools=got["tools"],
        error=got.get("error"),
        message=got.get("message", ""),
        status=got.get("status"),
        before_head=got["before_head"],
        served_by=got["served_by"],
    )
