"""What events say: JSON, and the fragments of tool calls in it."""

from __future__ import annotations

import json

from tests.e2e.faults.raw import Seen


def data_of(block: bytes) -> bytes:
    """Return the data of an event of one data line."""
    return block.removeprefix(b"data: ").removesuffix(b"\n\n")


def values(seen: Seen) -> list:
    """Return the JSON of every event but ``[DONE]``."""
    blocks = [block for block in seen.body.split(b"\n\n") if block]
    texts = [block.split(b"data: ", 1)[1] for block in blocks]
    return [json.loads(data) for data in texts if data != b"[DONE]"]


def tool_fragments(seen: Seen) -> list[dict]:
    """Return every fragment of a tool call."""
    return [
        fragment
        for value in values(seen)
        for choice in value["choices"]
        for fragment in choice["delta"].get("tool_calls", [])
    ]
