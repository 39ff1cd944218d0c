"""OpenAI's chat completions, streamed, and what other providers make of them.

Words: a *chunk* is one ``chat.completion.chunk`` object; it holds *choices*, each
with a *delta* (role, content, refusal, tool calls) and at its end a
``finish_reason``; *usage* counts tokens; ``[DONE]`` is the *sentinel* after the last
chunk; an *error in band* is an error object sent after the status was 200.
Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

__all__: list[str] = []
