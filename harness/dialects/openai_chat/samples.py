"""Samples of requests, answers and failures in this dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.dialects.openai_chat.payload import SENTINEL
from harness.sse.encoder import encode_event

__all__ = [
    "answer_of",
    "error_beside_choices",
    "error_of",
    "prompt_filter",
    "request_of",
]


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
    """Return the events of a short correct answer."""
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


def error_beside_choices(like: Mapping[str, Any], message: str) -> dict[str, Any]:
    """Return a chunk with an error and no choice, as OpenRouter sends it.

    Args:
        like: A chunk of the same stream, or an empty mapping.
        message: The description of the failure.
    """
    envelope = {
        "id": "gen-error",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "unknown",
        **{key: like[key] for key in ("id", "created", "model") if key in like},
    }
    return {**envelope, "choices": [], "error": {"code": 502, "message": message}}


def prompt_filter() -> dict[str, Any]:
    """Return the first event of Azure: no choice, and the filtering of the prompt."""
    safe = {"filtered": False, "severity": "safe"}
    kinds = ("hate", "self_harm", "sexual", "violence")
    return {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [
            {"prompt_index": 0, "content_filter_results": dict.fromkeys(kinds, safe)}
        ],
    }
