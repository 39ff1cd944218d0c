"""The fault that sets, nulls, renames or removes single fields."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from harness.dialects.openai_chat.chunk_edits import objects_with
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import Selection, decode_blocks, selected_chunks
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import rewrite_json
from harness.faults.errors import FaultError
from harness.faults.registry import Layer, fault

__all__ = ["json_patch"]


@fault(Layer.EVENTS, example={"select": "finish", "set": {"delta.content": ""}})
def json_patch(  # noqa: PLR0913 - they are the words of a scenario
    draft: EventDraft,
    *,
    select: Selection | list[int],
    set_: Mapping[str, Any] | None = None,
    null: list[str] | None = None,
    remove: list[str] | None = None,
    rename: Mapping[str, str] | None = None,
) -> EventDraft:
    """Set, null, remove or rename fields of chunks.

    A path names a field by its steps: ``usage.total_tokens``,
    ``delta.tool_calls.0.id``. A path that begins with ``delta``, ``finish_reason``,
    ``index`` or ``logprobs`` is within every choice, any other within the chunk.

    Args:
        draft: The stream.
        select: The chunks: a list of event numbers (negative counts from the end), or a
            word.

            - ``role``: chunks that name a role.
            - ``first_content``: the first with text that is not only white space.
            - ``last_content``: the last with text.
            - ``content``: chunks with text.
            - ``tool``: chunks with tool calls.
            - ``finish``: chunks with a finish_reason.
            - ``usage``: chunks with usage.
            - ``empty_choices``: chunks without a choice.
            - ``all``: every chunk.
        set_: Values by path.
        null: Paths whose value becomes null.
        remove: Paths to remove.
        rename: New names by path; the value stays at the same level.

    Oracle:
        Both: as sent. Unknown fields pass; null and absent are equal.
    """
    if not (set_ or null or remove or rename):
        raise FaultError("expected one of set, null, remove, rename")
    decoded = decode_blocks(draft.blocks)
    places = selected_chunks(decoded, select)
    values = {**(set_ or {}), **dict.fromkeys(null or ())}
    patch = partial(_patch, values, remove or [], rename or {})
    edit = Edit(draft)
    for place in places:
        edit.change(place, partial(rewrite_json, change=patch))
    paths = [*values, *(f"no {path}" for path in remove or ())]
    paths += [f"{old} as {new}" for old, new in (rename or {}).items()]
    return edit.apply().with_note(f"changed {len(places)} chunk(s): {', '.join(paths)}")


def _patch(
    values: Mapping[str, Any],
    remove: Iterable[str],
    rename: Mapping[str, str],
    value: Any,
) -> None:
    for path, new in values.items():
        for parent, name in _parents(value, path):
            parent[name] = copy.deepcopy(new)
    for path in remove:
        for parent, name in _parents(value, path):
            if isinstance(parent, dict):
                parent.pop(name, None)
    for path, new_name in rename.items():
        for parent, name in _parents(value, path):
            if isinstance(parent, dict) and name in parent:
                parent[new_name] = parent.pop(name)


def _parents(value: Any, path: str) -> Iterator[tuple[Any, Any]]:
    """Yield each object or list that holds the last step of a path, and that step."""
    *steps, name = path.split(".")
    holders = list(objects_with(value, steps[0] if steps else name))
    for step in steps:
        holders = list(_within(holders, step))
    for holder in holders:
        if isinstance(holder, dict):
            yield holder, name
        elif isinstance(holder, list) and name.isdigit() and int(name) < len(holder):
            yield holder, int(name)


def _within(holders: Iterable[Any], step: str) -> Iterator[Any]:
    for holder in holders:
        if isinstance(holder, dict) and isinstance(holder.get(step), dict | list):
            yield holder[step]
        elif isinstance(holder, list) and step.isdigit() and int(step) < len(holder):
            yield holder[int(step)]
