"""The fault that changes single fields: null, renamed, added, removed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from harness.dialects.openai_chat.chunk import choices_of
from harness.faults.content import (
    Saying,
    changed,
    read_blocks,
    rewrite,
)
from harness.faults.draft import EventDraft
from harness.faults.errors import FaultError
from harness.faults.registry import Layer, fault

__all__ = ["json_patch"]

Selection = Literal[
    "role", "first_content", "content", "tool", "finish", "usage", "all"
]

_SELECTS: Mapping[str, Callable[[Saying], bool]] = {
    "role": lambda saying: saying.has_role,
    "content": lambda saying: bool(saying.texts),
    "first_content": lambda saying: saying.has_words,
    "tool": lambda saying: saying.has_tool,
    "finish": lambda saying: saying.has_finish,
    "usage": lambda saying: saying.has_usage,
    "all": lambda saying: saying.is_chunk,
}


@fault(Layer.EVENTS, example={"select": "finish", "set": {"delta.content": ""}})
def json_patch(
    draft: EventDraft,
    *,
    select: Selection,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - the word of the scenario
    remove: list[str] | None = None,
) -> EventDraft:
    """Set or remove fields of chunks, which a transparent and a repairing proxy pass.

    Args:
        draft: The stream.
        select: Which chunks; ``first_content`` is one, the others are all that fit.
        set: Values by path. A path that begins with ``delta``, ``finish_reason`` or
            ``index`` is within every choice, any other within the chunk.
        remove: Paths to remove.
    """
    if not set and not remove:
        raise FaultError("expected set or remove")
    sayings = read_blocks(draft.blocks)
    places = [at for at, saying in enumerate(sayings) if _SELECTS[select](saying)]
    if not places:
        raise FaultError(f"no chunk fits {select!r}", key="select")
    if select == "first_content":
        places = places[:1]
    patch = partial(_patch, set or {}, remove or [])
    for place in places:
        draft = changed(draft, place, lambda sent: rewrite(sent, patch))
    paths = ", ".join([*(set or {}), *(f"no {path}" for path in remove or [])])
    return draft.noted(f"changed {len(places)} chunk(s) ({select}): {paths}")


def _patch(set_: Mapping[str, Any], remove: list[str], value: Any) -> None:
    for path, new in set_.items():
        for parent, name in _parents(value, path):
            parent[name] = copy.deepcopy(new)
    for path in remove:
        for parent, name in _parents(value, path):
            parent.pop(name, None)


def _parents(value: Any, path: str) -> list[tuple[dict[str, Any], str]]:
    """Return the objects that hold the last name of a path, and that name."""
    *steps, name = path.split(".")
    in_choice = (steps[0] if steps else name) in {"delta", "finish_reason", "index"}
    holders = [choice for _, choice in choices_of(value)] if in_choice else [value]
    for step in steps:
        holders = [
            inner for holder in holders if isinstance(inner := holder.get(step), dict)
        ]
    return [(holder, name) for holder in holders]
