"""Faults of whole events: repeated, lost, moved."""

from __future__ import annotations

from typing import Annotated, Literal

from harness.dialects.openai_chat.opening import OpeningTracker
from harness.faults.draft.blocks import EventDraft, Meaning
from harness.faults.draft.decoded import (
    DecodedBlock,
    decode_blocks,
    event_block,
    event_run,
)
from harness.faults.draft.edit import Edit
from harness.faults.draft.position import landmark_block
from harness.faults.draft.rewrite import with_texts
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, AtMost, Count, Number
from harness.faults.registry import Layer, fault

__all__ = [
    "event_drop",
    "event_dup",
    "event_swap",
    "repeat_first",
    "replay_window",
]

_MOST_REPEATS = 200_000
"""Most events that one fault sends again."""

Times = Annotated[int, AtLeast(2), AtMost(100_000)]


@fault(Layer.EVENTS, example={"times": 2})
def repeat_first(
    draft: EventDraft,
    *,
    times: Times = 2,
    which: Literal["first_content", "role"] = "first_content",
) -> EventDraft:
    """Send the first text delta, or the role, several times before the stream goes on.

    Args:
        draft: The stream.
        times: How often it is sent in all.
        which: Which event.

            - ``first_content``: the first text that is not only white space.
            - ``role``: the event with the role.

    Oracle:
        Repairing: the text once. A role is no text: its repeats pass. Transparent: as
        it is sent.
    """
    decoded = decode_blocks(draft.blocks)
    place = landmark_block(decoded, which)
    edit = Edit(draft)
    _repeat(edit, draft, decoded, [place] * (times - 1), place)
    return edit.apply().with_note(f"sent the {which} {times} times in all")


@fault(Layer.EVENTS, example={"index": 4, "times": 2})
def event_dup(
    draft: EventDraft,
    *,
    index: int,
    times: Times = 2,
    gap_events: Number = 0,
) -> EventDraft:
    """Send one event several times.

    Args:
        draft: The stream.
        index: Which event; negative counts from the end.
        times: How often it is sent in all.
        gap_events: How many other events come before the repeats.

    Oracle:
        Repairing: a repeat at the opening of a text is stutter and is sent once; a
        later one may be meant, and passes. A second [DONE] is
        dropped. Transparent: as it is sent.
    """
    decoded = decode_blocks(draft.blocks)
    place = event_block(decoded, index)
    behind = event_run(decoded, place, gap_events + 1, key="gap_events")[-1]
    edit = Edit(draft)
    _repeat(edit, draft, decoded, [place] * (times - 1), behind)
    return edit.apply().with_note(
        f"sent event {index} {times} times in all, repeats {gap_events} event(s) later"
    )


@fault(Layer.EVENTS, example={"from": 3, "len": 4})
def replay_window(
    draft: EventDraft,
    *,
    from_: int,
    len_: Count,
    times: Times = 2,
) -> EventDraft:
    """Send a run of events again behind it, as a gateway does after a reconnect.

    Args:
        draft: The stream.
        from_: The first event of the run; negative counts from the end.
        len_: How many events it has.
        times: How often the run is sent in all.

    Oracle:
        Repairing: what repeats the opening of a text is sent once, what comes later
        passes as it is sent. Transparent: as it is sent.
    """
    decoded = decode_blocks(draft.blocks)
    first = event_block(decoded, from_, key="from")
    run = event_run(decoded, first, len_, key="len")
    if len_ * (times - 1) > _MOST_REPEATS:
        raise FaultError(
            f"expected at most {_MOST_REPEATS} events that are sent again, "
            f"came {len_ * (times - 1)}",
            key="times",
        )
    edit = Edit(draft)
    _repeat(edit, draft, decoded, run * (times - 1), run[-1])
    return edit.apply().with_note(f"sent {len_} event(s) from event {from_} on again")


@fault(Layer.EVENTS, example={"index": 3})
def event_drop(
    draft: EventDraft,
    *,
    index: int,
    count: Count = 1,
) -> EventDraft:
    """Leave events out, as a server does that loses them.

    Args:
        draft: The stream.
        index: The first of them; negative counts from the end.
        count: How many.

    Oracle:
        Both: as it is sent; who forwards cannot know what is missing. Where the finish
        or [DONE] was among them, nothing may look as if it had come.
    """
    decoded = decode_blocks(draft.blocks)
    edit = Edit(draft)
    for place in event_run(decoded, event_block(decoded, index), count, key="count"):
        edit.drop(place)
    return edit.apply().with_note(f"left out {count} event(s) from event {index} on")


@fault(Layer.EVENTS, example={"i": 3, "j": 4})
def event_swap(
    draft: EventDraft,
    *,
    i: int,
    j: int,
    count: Count = 1,
) -> EventDraft:
    """Let two events, or two runs of events, change places, but not their times.

    Args:
        draft: The stream.
        i: One event, or the first of a run; negative counts from the end.
        j: The other.
        count: How many events each run has.

    Oracle:
        Both: in the order in which they are sent.
    """
    decoded = decode_blocks(draft.blocks)
    one = event_run(decoded, event_block(decoded, i, key="i"), count, key="count")
    other = event_run(decoded, event_block(decoded, j, key="j"), count, key="count")
    if set(one) & set(other):
        raise FaultError("expected two events, or runs that do not meet", key="j")
    edit = Edit(draft)
    for first, second in zip(one, other, strict=True):
        for place, source in ((first, second), (second, first)):
            moved = draft.blocks[source]
            edit.replace_bytes(
                place, moved.sent, meaning=moved.meaning, meant=moved.meant
            )
    runs = "" if count == 1 else f", each with {count - 1} more behind it,"
    return edit.apply().with_note(f"event {i} and event {j}{runs} changed places")


def _repeat(
    edit: Edit,
    draft: EventDraft,
    decoded: list[DecodedBlock],
    repeats: list[int],
    behind: int,
) -> None:
    """Send blocks again behind another, spread over the time to what follows it."""
    openings = OpeningTracker(entry.texts for entry in decoded[: behind + 1])
    start = draft.blocks[behind].at_ns
    gap = (draft.time_after(behind) - start) // (len(repeats) + 1)
    for number, place in enumerate(repeats, start=1):
        meaning, meant = _meaning_of_repeat(draft, decoded[place], place, openings)
        openings.read(decoded[place].texts)
        edit.insert(
            behind + 1,
            draft.blocks[place].sent,
            at_ns=start + number * gap,
            meaning=meaning,
            meant=meant,
        )


def _meaning_of_repeat(
    draft: EventDraft, entry: DecodedBlock, place: int, openings: OpeningTracker
) -> tuple[Meaning, bytes]:
    """Return what a repairing proxy must make of a block that is sent again."""
    block = draft.blocks[place]
    if block.meaning is Meaning.REPLACED or entry.is_done:
        return Meaning.NOTHING, b""
    new = openings.new_texts(entry.texts)
    if block.meaning is not Meaning.AS_SENT or not new:
        return block.meaning, block.meant
    if entry.is_text_only and len(new) == len(entry.texts) and not any(new.values()):
        return Meaning.NOTHING, b""
    return Meaning.REPLACED, with_texts(block.sent, new)
