"""OpenAI's Responses API, streamed: its recognition.

Each event is named after the ``type`` of its object, from ``response.created`` to
``response.completed``, ``response.incomplete`` or ``response.failed``.
Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

__all__: list[str] = []
