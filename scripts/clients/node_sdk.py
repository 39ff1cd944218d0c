"""Reads streams with the official SDK for JavaScript, in a process of Node.js.

It stands beside the SDKs for Python because the two disagree about the same bytes: a
missing last transfer chunk, an open connection behind ``[DONE]``, a byte order mark.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.clients.reading import READ_TIMEOUT_S, Reading

__all__ = ["node_is_missing", "node_version", "read_with_node"]

_FOLDER = Path(__file__).with_name("node")
_PACKAGE = _FOLDER / "node_modules" / "openai" / "package.json"
_DEADLINE_S = 60.0


def node_is_missing() -> str | None:
    """Tell in words what openai-node lacks to run here; None: nothing."""
    if shutil.which("node") is None:
        return "there is no node"
    if not _PACKAGE.exists():
        return "npm install --prefix scripts/clients/node was not run"
    return None


def node_version() -> str:
    """Return name and version of the SDK."""
    return f"openai-node {json.loads(_PACKAGE.read_bytes())['version']}"


async def read_with_node(jobs: Sequence[tuple[str, str]]) -> list[Reading]:
    """Read streams, all at the same time.

    Args:
        jobs: Base URL and token of each stream.

    Raises:
        RuntimeError: The process failed; the message has what it wrote.
    """
    asked = {
        "timeout_ms": READ_TIMEOUT_S * 1000,
        "jobs": [{"url": url, "token": token} for url, token in jobs],
    }
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
    return [_reading(came) for came in json.loads(written)]


def _reading(came: dict[str, Any]) -> Reading:
    return Reading(
        # Halves of surrogate pairs that came in two deltas are whole in JSON already.
        text=came["text"],
        finish=came["finish"],
        tools=came["tools"],
        error=came.get("error"),
        message=came.get("message", ""),
        status=came.get("status"),
        before_head=came["before_head"],
        served_by=came["served_by"],
    )
