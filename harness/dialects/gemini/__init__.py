"""Google's Gemini API, streamed: its recognition.

Requests name the model in their path; each event is a response of its own, with
``candidates``.
Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

__all__: list[str] = []
