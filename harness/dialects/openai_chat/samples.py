"""Requests, answers and failures as this dialect writes them."""

from __future__ import annotations

import json
from typing import Any

from harness.dialects.openai_chat.payload import SENTINEL
from harness.sse.encoder import encode_event

__all__ = ["answer_of", "error_of", "request_of"]


def request_of(model: str, prompt: str, *, usage: bool) -> dict[str, Any]:
    """Return the JSON of a request for a stream."""
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "stream": True,
    }
    if usage:
        asked["stream_options"] = {"include_usage": True}
    return asked


def answer_of(name: str, text: str) -> tuple[bytes, ...]:
    """Return the events of a short right answer."""
    said = _chunk(name, {"role": "assistant", "content": text}, None)
    return said, _chunk(name, {}, "stop"), encode_event(SENTINEL)


def _chunk(name: str, delta: dict[str, str], finish_reason: str | None) -> bytes:
    chunk = {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": name,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }
    return encode_event(json.dumps(chunk, separators=(",", ":"), ensure_ascii=False))


def error_of(message: str, kind: str) -> dict[str, Any]:
    """Return the JSON of a failure."""
    error = {"message": message, "type": kind, "param": None, "code": None}
    return {"error": error}
