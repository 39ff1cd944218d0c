"""The public API for writers of faults, which are deliberate defects of an upstream.

Words: a *draft* is a stream on its way to a script; a *block* is one event or comment
in it; a *fault* is a pure function from draft to draft. *Event* and *line* faults work
on an `EventDraft`; *http* and *socket* faults on a `WireDraft`. Each block has what is
*sent* and what is *meant*; the oracle is computed from both.

Importing this package registers the faults that it ships with.
"""

from __future__ import annotations

from harness.dialects.openai_chat.tool_edits import CallKey, arguments_of, calls_in
from harness.faults import catalog
from harness.faults.draft.blocks import (
    MAX_BODY,
    Block,
    BlockPart,
    EventDraft,
    Meaning,
    StreamEnd,
)
from harness.faults.draft.cuts import (
    CLOSES,
    cut_body,
    cut_writes,
    split_writes,
    without_head,
)
from harness.faults.draft.decoded import (
    DecodedBlock,
    Selection,
    decode_block,
    decode_blocks,
    event_block,
    event_run,
    selected_chunks,
)
from harness.faults.draft.delivery import (
    ChunkStyle,
    ContentCoding,
    Delivery,
    Heartbeat,
    SendSizes,
    SocketPlan,
)
from harness.faults.draft.edit import Edit
from harness.faults.draft.position import (
    Position,
    format_position,
    is_before_head,
    landmark_block,
    offset_at,
)
from harness.faults.draft.rewrite import (
    dump_json,
    escapes_non_ascii,
    rewrite_json,
    with_data,
    with_text,
    with_texts,
    without_blank_line,
)
from harness.faults.draft.splice import (
    SplicePoint,
    insert_at,
    insert_raw,
    insert_run,
    insert_within,
    last_write_ns,
    next_write_ns,
    splice_point,
    truncate_at,
)
from harness.faults.draft.tool_stream import ToolStream
from harness.faults.draft.wire import BlockSpan, WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import (
    AtLeast,
    AtMost,
    Bytes,
    Count,
    Milliseconds,
    Number,
    Unit,
)
from harness.faults.registry import Layer, fault

__all__ = [
    "CLOSES",
    "MAX_BODY",
    "AtLeast",
    "AtMost",
    "Block",
    "BlockPart",
    "BlockSpan",
    "Bytes",
    "CallKey",
    "ChunkStyle",
    "ContentCoding",
    "Count",
    "DecodedBlock",
    "Delivery",
    "Edit",
    "EventDraft",
    "FaultError",
    "Heartbeat",
    "Layer",
    "Meaning",
    "Milliseconds",
    "Number",
    "Position",
    "Selection",
    "SendSizes",
    "SocketPlan",
    "SplicePoint",
    "StreamEnd",
    "ToolStream",
    "Unit",
    "WireDraft",
    "Write",
    "arguments_of",
    "calls_in",
    "catalog",
    "cut_body",
    "cut_writes",
    "decode_block",
    "decode_blocks",
    "dump_json",
    "escapes_non_ascii",
    "event_block",
    "event_run",
    "fault",
    "format_position",
    "insert_at",
    "insert_raw",
    "insert_run",
    "insert_within",
    "is_before_head",
    "landmark_block",
    "last_write_ns",
    "next_write_ns",
    "offset_at",
    "rewrite_json",
    "selected_chunks",
    "splice_point",
    "split_writes",
    "truncate_at",
    "with_data",
    "with_text",
    "with_texts",
    "without_blank_line",
    "without_head",
]
