"""The fault of tool calls, whose fragments must not be lost, merged or moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from harness.faults.catalog.events import tool_calls, tool_fragments
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import decode_blocks
from harness.faults.draft.edit import Edit
from harness.faults.draft.tool_stream import ToolStream
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, AtMost
from harness.faults.registry import Layer, fault

__all__ = ["tool"]

Mode = Literal[
    "split_every_n",
    "whole_in_one",
    "whole",
    "merged_two_calls",
    "interleaved",
    "same_index",
    "id_every_chunk",
    "id_every_fragment",
    "id_null",
    "name_null",
    "id_missing",
    "arguments_object",
    "empty_content",
    "dup_final_flush",
    "lost_fragment",
    "missing_brace",
    "truncated_end",
]

_CHANGES: Mapping[str, Callable[[Edit, ToolStream], None]] = {
    "whole_in_one": tool_calls.send_whole,
    "whole": tool_calls.send_whole,
    "merged_two_calls": tool_calls.merge_calls,
    "interleaved": tool_calls.interleave,
    "same_index": tool_calls.send_same_index,
    "id_every_chunk": tool_calls.repeat_ids,
    "id_every_fragment": tool_calls.repeat_ids,
    "id_null": tool_calls.send_null_ids,
    "name_null": tool_calls.send_null_names,
    "id_missing": tool_calls.send_no_ids,
    "arguments_object": tool_calls.send_objects,
    "empty_content": tool_calls.add_empty_content,
    "dup_final_flush": tool_fragments.flush_again,
    "lost_fragment": tool_fragments.lose_fragment,
    "missing_brace": tool_fragments.lose_brace,
    "truncated_end": tool_fragments.lose_end,
}


@fault(
    Layer.EVENTS,
    example={"mode": "lost_fragment"},
    cassette="llama.cpp/tool-call.yaml",
)
def tool(
    draft: EventDraft,
    *,
    mode: Mode,
    n: Annotated[int, AtLeast(1), AtMost(100_000)] = 1,
) -> EventDraft:
    """Send tool calls in ways that confuse clients which assemble them.

    All modes are of class 6.

    Args:
        draft: The stream; it must have tool calls.
        mode: How they are sent.

            - ``split_every_n``: the arguments in fragments of ``n`` characters.
            - ``whole_in_one``: each call whole, where it begins (mlx_lm).
            - ``whole``: another name for ``whole_in_one``.
            - ``merged_two_calls``: all calls whole in one event; it needs two.
            - ``interleaved``: the fragments of the calls in turn; it needs two.
            - ``same_index``: every call has index 0 (litellm#37792).
            - ``id_every_chunk``: id and name in every fragment (llama-cpp-python).
            - ``id_every_fragment``: another name for ``id_every_chunk``.
            - ``id_null``: id and type are null in every fragment except the first
              (sglang).
            - ``name_null``: the name is null in every fragment except the first.
            - ``id_missing``: no fragment has an id (Effect#8333: null everywhere).
            - ``arguments_object``: each call whole, with its arguments as an object
              instead of text.
            - ``empty_content``: ``content: ""`` next to every fragment.
            - ``dup_final_flush``: all arguments of a call once more after its last
              fragment (vllm#51697).
            - ``lost_fragment``: a middle fragment is lost; the rest can still be valid
              JSON, and run (ANOLISA#2209).
            - ``missing_brace``: the first ``{`` of the arguments is lost.
            - ``truncated_end``: the second half of the last fragment of each call is
              lost; a client can take this for a call without arguments.
        n: Characters of a fragment, for ``split_every_n``.

    Oracle:
        Both: as sent; nothing is lost, merged, moved or repaired.
    """
    stream = ToolStream(draft, decode_blocks(draft.blocks))
    if not stream.places:
        raise FaultError("the stream has no tool call")
    edit = Edit(draft)
    if mode == "split_every_n":
        tool_fragments.split(edit, stream, n)
    else:
        _CHANGES[mode](edit, stream)
    return edit.apply().with_note(f"tool calls: {mode.replace('_', ' ')}")
