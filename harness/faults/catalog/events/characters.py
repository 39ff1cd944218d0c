"""The fault that sends characters which many readers mishandle."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import DecodedBlock, decode_blocks, event_block
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import with_data, with_text
from harness.faults.errors import FaultError
from harness.faults.registry import Layer, fault

__all__ = ["unicode"]

Mode = Literal[
    "raw_u2028_u2029_u0085",
    "invalid_byte",
    "truncated_tail",
    "lone_surrogate",
    "pair_split_over_events",
    "nul",
    "escaped_ascii",
]

_MARK = "\ue000"
"""A placeholder in the JSON for the new bytes: private use, so in no answer."""

_BYTES: Mapping[str, bytes] = {
    "raw_u2028_u2029_u0085": "a\u2028b\u2029c\u0085d".encode(),
    "invalid_byte": b"\xff",
    "truncated_tail": "世".encode()[:2],
    "lone_surrogate": b"\\ud83d",
    "nul": b"\\u0000",
}
"""The bytes added after the text of a chunk, as they are in its JSON."""


@fault(Layer.EVENTS, example={"mode": "raw_u2028_u2029_u0085"})
def unicode(draft: EventDraft, *, mode: Mode, index: int | None = None) -> EventDraft:
    r"""Add characters that many readers mishandle after the text of a chunk.

    Args:
        draft: The stream; it needs text.
        mode: The characters.

            - ``raw_u2028_u2029_u0085``: line separator, paragraph separator and next
              line, not escaped. Some readers take them for line ends, which they are
              not in event streams (class 11).
            - ``invalid_byte``: the byte FF, which UTF-8 never contains.
            - ``truncated_tail``: two of the three bytes of a character.
            - ``lone_surrogate``: ``\ud83d``, half of a pair (class 41).
            - ``pair_split_over_events``: the first half of a pair, and the second half
              in the next event; together they are one character.
            - ``nul``: ``\u0000``.
            - ``escaped_ascii``: no more characters, but every character that is not
              ASCII is escaped in every chunk; the stream needs such a character.
        index: The event; negative counts from the end. By default the second event
            with text, or the only one.

    Oracle:
        Both: the same characters arrive, escaped or not. Bytes that are not UTF-8 may
        arrive as U+FFFD, as every reader of event streams decodes them (WHATWG, 9.2.6).
        Repairing: alternatively the client does not get their event and is told so at
        the end.
    """
    decoded = decode_blocks(draft.blocks)
    edit = Edit(draft)
    if mode == "escaped_ascii":
        _escape_all(edit, decoded)
        return edit.apply().with_note("escaped every character that is not ASCII")
    place = _text_block(decoded, index)
    block = draft.blocks[place]
    text = decoded[place].texts[0][2]
    if mode == "pair_split_over_events":
        if not decoded[place].is_text_only:
            raise FaultError("expected a chunk with text and nothing else", key="index")
        edit.change(place, _putter(decoded[place], text, b"\\ud83d"))
        second = _putter(decoded[place], "", b"\\ude00")(block.sent)
        at_ns = (block.at_ns + draft.time_after(place)) // 2
        edit.insert(
            place + 1, second, at_ns=at_ns, meaning=block.meaning, meant=block.meant
        )
    else:
        edit.change(place, _putter(decoded[place], text, _BYTES[mode]))
    return edit.apply().with_note(f"added {mode} after a text")


def _text_block(decoded: list[DecodedBlock], index: int | None) -> int:
    if index is not None:
        place = event_block(decoded, index)
        if not decoded[place].texts:
            raise FaultError("the event has no text", key="index")
        return place
    texts = [place for place, entry in enumerate(decoded) if entry.texts]
    if not texts:
        raise FaultError("the stream has no text")
    return texts[:2][-1]


def _putter(entry: DecodedBlock, text: str, more: bytes) -> Callable[[bytes], bytes]:
    """Return a change that adds bytes, as they are in JSON, after a text."""

    def change(sent: bytes) -> bytes:
        marked = with_text(sent, entry, text + _MARK)
        for written in (_MARK.encode(), b"\\ue000"):
            marked = marked.replace(written, more)
        return marked

    return change


def _escape_all(edit: Edit, decoded: list[DecodedBlock]) -> None:
    count = 0
    for place, entry in enumerate(decoded):
        data = entry.data or ""
        if entry.is_chunk and not data.isascii():
            count += 1
            escaped = "".join(map(_escaped, data))
            edit.change(place, partial(with_data, data=escaped))
    if not count:
        raise FaultError("the stream is already ASCII", key="mode")


def _escaped(character: str) -> str:
    return character if character.isascii() else json.dumps(character)[1:-1]
