"""OpenAI's chat completions, streamed, including the variants of other providers.

Words: a *chunk* is one ``chat.completion.chunk`` object; it has *choices*, each with a
*delta* (role, content, refusal, tool calls) and at its end a ``finish_reason``; *usage*
counts tokens; ``[DONE]`` is the *sentinel* after the last chunk; an *error in band* is
an error object within a stream whose status was 200.
Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

__all__: list[str] = []
