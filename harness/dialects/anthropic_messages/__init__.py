"""Anthropic's Messages API, streamed: its recognition, its end and its errors.

Each event is named after the ``type`` of its object, from ``message_start`` to
``message_stop``; it has neither choices nor a sentinel.
Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

__all__: list[str] = []
