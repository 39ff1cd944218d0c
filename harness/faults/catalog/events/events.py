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
"""The most events that one fault sends again."""

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
        times: How many times it is sent in total.
        which: The event.

            - ``first_content``: the first text that is not only white space.
            - ``role``: the event with the role.

    Oracle:
        Repairing: the text once. A role is not text, so its repeats pass. Transparent:
        as sent.
    """
    decoded = decode_blocks(draft.blocks)
    place = landmark_block(decoded, which)
    edit = Edit(draft)
    _repeat(edit, draft, decoded, [place] * (times - 1), place)
    return edit.apply().with_note(f"sent the {which} {times} times in total")


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
        index: The event; negative counts from the end.
        times: How many times it is sent in total.
        gap_events: The number of other events before the repeats.

    Oracle:
        Repairing: a repeat in the opening of a text is stutter and is delivered once; a
        later one may be intended, and passes. A second [DONE] is dropped. Transparent:
        as sent.
    """
    decoded = decode_blocks(draft.blocks)
    place = event_block(decoded, index)
    behind = event_run(decoded, place, gap_events + 1, key="gap_events")[-1]
    edit = Edit(draft)
    _repeat(edit, draft, decoded, [place] * (times - 1), behind)
    return edit.apply().with_note(
        f"sent event {index} {times} times in total, "
        f"repeats {gap_events} event(s) later"
    )


@fault(Layer.EVENTS, example={"from": 3, "len": 4})
def replay_window(
    draft: EventDraft,
    *,
    from_: int,
    len_: Count,
    times: Times = 2,
) -> EventDraft:
    """Send a run of events again, as a gateway does after a reconnect.

    Args:
        draft: The stream.
        from_: The first event of the run; negative counts from the end.
        len_: The number of events in the run.
        times: How many times the run is sent in total.

    Oracle:
        Repairing: repeats in the opening of a text are delivered once, later ones pass
        as sent. Transparent: as sent.
    """
    decoded = decode_blocks(draft.blocks)
    first = event_block(decoded, from_, key="from")
    run = event_run(decoded, first, len_, key="len")
    if len_ * (times - 1) > _MOST_REPEATS:
        raise FaultError(
            f"expected at most {_MOST_REPEATS} repeated events, "
            f"got {len_ * (times - 1)}",
            key="times",
        )
    edit = Edit(draft)
    _repeat(edit, draft, decoded, run * (times - 1), run[-1])
    return edit.apply().with_note(f"repeated {len_} event(s) from event {from_} on")


@fault(Layer.EVENTS, example={"index": 3})
def event_drop(
    draft: EventDraft,
    *,
    index: int,
    count: Count = 1,
) -> EventDraft:
    """Omit events, as a server does that loses them.

    Args:
        draft: The stream.
        index: The first of them; negative counts from the end.
        count: The number of events.

    Oracle:
        Both: as sent, since no proxy can know what is missing. If the finish or [DONE]
        is among them, the stream must not look as if it had arrived.
    """
    decoded = decode_blocks(draft.blocks)
    edit = Edit(draft)
    for place in event_run(decoded, event_block(decoded, index), count, key="count"):
        edit.drop(place)
    return edit.apply().with_note(f"omitted {count} event(s) from event {index} on")


@fault(Layer.EVENTS, example={"i": 3, "j": 4})
def event_swap(
    draft: EventDraft,
    *,
    i: int,
    j: int,
    count: Count = 1,
) -> EventDraft:
    """Swap two events or two runs of events; the times of sending stay.

    Args:
        draft: The stream.
        i: The first event, or the beginning of the first run; negative counts from the
            end.
        j: The second one.
        count: The number of events in each run.

    Oracle:
        Both: in the order in which they are sent.
    """
    decoded = decode_blocks(draft.blocks)
    one = event_run(decoded, event_block(decoded, i, key="i"), count, key="count")
    other = event_run(decoded, event_block(decoded, j, key="j"), count, key="count")
    if set(one) & set(other):
        raise FaultError("expected two events or runs that do not overlap", key="j")
    edit = Edit(draft)
    for first, second in zip(one, other, strict=True):
        for place, source in ((first, second), (second, first)):
            moved = draft.blocks[source]
            edit.replace_bytes(
                place, moved.sent, meaning=moved.meaning, meant=moved.meant
            )
    runs = "" if count == 1 else f", each with the next {count - 1}"
    return edit.apply().with_note(f"swapped event {i} and event {j}{runs}")


def _repeat(
    edit: Edit,
    draft: EventDraft,
    decoded: list[DecodedBlock],
    repeats: list[int],
    behind: int,
) -> None:
    """Repeat blocks after block ``behind``, spread over the time to the next block."""
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
    """Return what a repairing proxy must do with a repeated block."""
    block = draft.blocks[place]
    if block.meaning is Meaning.REPLACED or entry.is_done:
        return Meaning.NOTHING, b""
    new = openings.new_texts(entry.texts)
    if block.meaning is not Meaning.AS_SENT or not new:
        return block.meaning, block.meant
    if entry.is_text_only and len(new) == len(entry.texts) and not any(new.values()):
        return Meaning.NOTHING, b""
    return Meaning.REPLACED, with_texts(block.sent, new)
