"""The opening rule: what a stuttering upstream repeats is sent once.

Some upstreams send the beginning of a text again before they go on, and some send the
whole text so far with every delta.  Both relate each delta to what came before it.

The *opening* of a text is the run of deltas, from the first that is not white space,
each of which repeats or extends what the opening already holds:

* a delta that extends it: only what is new is sent on;
* a delta that it begins with, a repeat or a shorter one: nothing is new;
* the first that does neither ends the opening for good: from then on deltas pass as
  they are, repeats too.

So the first token waits for nothing, and a cumulative stream streams.  The price:
text that repeats itself from its very beginning ("ha", "ha", "ha") loses the repeats,
since nothing in the stream tells it from a stutter.

Every choice has a text of its own, and so have its reasoning and its refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.v2.payload import Edit

__all__ = ["Openings", "carries_nothing"]

TEXT_FIELDS = frozenset({"content", "reasoning_content", "reasoning", "refusal"})
"""Where providers of the chat dialect put text in a delta."""

ENVELOPE = frozenset(
    {
        "created",
        "id",
        "model",
        "obfuscation",
        "object",
        "provider",
        "service_tier",
        "system_fingerprint",
    }
)
"""Keys that every chunk of a stream carries, so that a dropped one loses nothing."""


class Openings:
    """The openings of one stream, by choice and field.

    Attributes:
        count: How many are under way.
        begun: Whether any text has been judged.
        withheld: Characters not sent on.
    """

    __slots__ = ("_settled", "_texts", "begun", "count", "withheld")

    def __init__(self) -> None:
        self._texts: dict[tuple[int, str], str] = {}
        self._settled: set[tuple[int, str]] = set()
        self.begun = False
        self.count = 0
        self.withheld = 0

    def judge(self, chunk: Any) -> Sequence[Edit]:
        """Return the texts of a chunk that must change; most often none."""
        choices = chunk.get("choices") if type(chunk) is dict else None
        if type(choices) is not list:
            return ()
        edits: list[Edit] | None = None
        for position, choice in enumerate(choices):
            delta = choice.get("delta") if type(choice) is dict else None
            if type(delta) is not dict:
                continue
            for name, text in delta.items():
                # Empty text is neutral: it belongs to tool calls, roles and finishes.
                if name not in TEXT_FIELDS or type(text) is not str or not text:
                    continue
                index = choice.get("index")
                key = (index if type(index) is int else position, name)
                if key in self._settled:
                    continue
                new = self._new_part(key, text)
                if new != text:
                    self.withheld += len(text) - len(new)
                    edits = edits or []
                    edits.append(Edit(delta, name, text, new))
        return edits or ()

    def _new_part(self, key: tuple[int, str], text: str) -> str:
        opening = self._texts.get(key)
        if opening is None:
            if not text.isspace():
                self._texts[key] = text
                self.count += 1
                self.begun = True
            return text
        if text.startswith(opening):
            self._texts[key] = text
            return text[len(opening) :]
        if opening.startswith(text):
            return ""
        del self._texts[key]
        self.count -= 1
        self._settled.add(key)
        return text


def carries_nothing(chunk: dict[str, Any], edits: Sequence[Edit]) -> bool:
    """Tell whether a chunk would carry nothing once the edits are made."""
    if any(edit.new for edit in edits):
        return False
    emptied = {(id(edit.holder), edit.name) for edit in edits}
    return all(
        key in ENVELOPE or key == "choices" or _is_empty(value)
        for key, value in chunk.items()
    ) and all(_is_bare(choice, emptied) for choice in chunk["choices"])


def _is_bare(choice: Any, emptied: set[tuple[int, str]]) -> bool:
    if not isinstance(choice, dict):
        return False
    delta = choice.get("delta")
    if isinstance(delta, dict):
        for name, value in delta.items():
            if not _is_empty(value) and (id(delta), name) not in emptied:
                return False
    elif not _is_empty(delta):
        return False
    return all(
        name in {"delta", "index"} or _is_empty(value) for name, value in choice.items()
    )


def _is_empty(value: Any) -> bool:
    return value in (None, "", [], {})
