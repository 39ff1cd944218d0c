"""The scripted conversations that the tiny model answers word for word.

They are in ``conversations.yaml``. The model is trained on them, and
``check_requests.py`` compares the servers' streams with them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Answer", "Conversation", "load_conversations", "parse_answer"]

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One prompt and the answers that the model learns for it.

    Attributes:
        name: Key in ``conversations.yaml``.
        messages: Of the request, in the form of the OpenAI API.
        tools: Tool definitions of the request, in the form of the OpenAI API.
        answers: Raw model output; more than one are equally likely.
        learn_words: Whether the tokenizer may learn words of the answers.
    """

    name: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    answers: list[str]
    learn_words: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The parts of a raw answer for a client: text, reasoning and tool calls."""

    content: str
    reasoning: str
    tool_calls: tuple[tuple[str, dict[str, Any]], ...]


def load_conversations() -> dict[str, Conversation]:
    """Read ``conversations.yaml``."""
    data = yaml.safe_load((HERE / "conversations.yaml").read_text("utf-8"))
    conversations = {}
    for name, entry in data["conversations"].items():
        conversations[name] = Conversation(
            name=name,
            messages=entry.get("messages")
            or [{"role": "user", "content": entry["ask"]}],
            tools=[
                {"type": "function", "function": {"name": tool, **data["tools"][tool]}}
                for tool in entry.get("tools", [])
            ],
            answers=entry["answers"],
            learn_words=entry.get("learn_words", True),
        )
    return conversations


def parse_answer(raw: str) -> Answer:
    """Split a raw answer the way a server's tool and reasoning parsers should."""
    thought = re.match(r"<think>\n(.*?)\n</think>\n\n", raw, re.DOTALL)
    rest = raw[thought.end() :] if thought else raw
    calls = [
        json.loads(call)
        for call in re.findall(r"<tool_call>(.*?)</tool_call>", rest, re.DOTALL)
    ]
    return Answer(
        content=rest.split("<tool_call>", 1)[0],
        reasoning=thought.group(1) if thought else "",
        tool_calls=tuple((call["name"], call["arguments"]) for call in calls),
    )
