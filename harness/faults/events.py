"""Faults of whole events: repeated, lost, moved, broken, put in between."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from harness.dialects.openai_chat.payload import (
    PayloadKind,
    looks_like_object,
    parse_payload,
)
from harness.faults.content import (
    Saying,
    event_block,
    opens_text,
    read_blocks,
    rewrite,
    time_after,
    time_before,
    with_data,
)
from harness.faults.draft import EventDraft, Meaning
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, Count
from harness.faults.position import (
    Position,
    block_at,
    landmark_block,
    shown_position,
)
from harness.faults.registry import Layer, fault
from harness.sse.encoder import encode_event

__all__ = [
    "event_drop",
    "event_dup",
    "event_swap",
    "event_truncate",
    "giant_event",
    "insert",
    "repeat_first",
]

Times = Annotated[int, AtLeast(2)]


@fault(Layer.EVENTS, example={"times": 2})
def repeat_first(
    draft: EventDraft,
    *,
    times: Times = 2,
    which: Literal["first_content", "role"] = "first_content",
) -> EventDraft:
    """Send the first text delta, or the role, several times before the stream goes on.

    A proxy that repairs delivers the text once. A role is no text: its repeats pass.

    Args:
        draft: The stream.
        times: How often it is sent in all.
        which: The first text that is not only white space, or the event with the role.
    """
    place = landmark_block(read_blocks(draft.blocks), which)
    return _repeated(draft, place, times).noted(
        f"sent block {place} ({which}) {times} times in all"
    )


@fault(Layer.EVENTS, example={"index": 4, "times": 2})
def event_dup(
    draft: EventDraft,
    *,
    index: int,
    times: Times = 2,
) -> EventDraft:
    """Send one event several times.

    A repeat of the text that opens an answer is stutter; later repeats may be meant,
    and pass as they were sent (DESIGN, section 8).

    Args:
        draft: The stream.
        index: Which event; negative counts from the end.
        times: How often it is sent in all.
    """
    place = event_block(read_blocks(draft.blocks), index)
    return _repeated(draft, place, times).noted(
        f"sent event {index} (block {place}) {times} times in all"
    )


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
    """
    sayings = read_blocks(draft.blocks)
    events = [place for place, saying in enumerate(sayings) if saying.is_event]
    first = events.index(event_block(sayings, index))
    dropped = events[first : first + count]
    if len(dropped) < count:
        raise FaultError(
            f"only {len(dropped)} event(s) from there on, came {count}", key="count"
        )
    for place in reversed(dropped):
        draft = draft.without(place)
    return draft.noted(f"left out {count} event(s) from event {index} on")


@fault(Layer.EVENTS, example={"i": 3, "j": 4})
def event_swap(
    draft: EventDraft,
    *,
    i: int,
    j: int,
) -> EventDraft:
    """Let two events change places; each is sent at the other's time.

    Args:
        draft: The stream.
        i: One event; negative counts from the end.
        j: The other.
    """
    sayings = read_blocks(draft.blocks)
    first = event_block(sayings, i, key="i")
    second = event_block(sayings, j, key="j")
    if first == second:
        raise FaultError("expected two events, came one", key="j")
    one, other = draft.blocks[first], draft.blocks[second]
    draft = draft.with_sent(
        first, other.sent, meaning=other.meaning, meant=other.meant
    ).with_sent(second, one.sent, meaning=one.meaning, meant=one.meant)
    return draft.noted(f"event {i} and event {j} changed places")


@fault(Layer.EVENTS, example={"index": 3, "keep_bytes": 40})
def event_truncate(
    draft: EventDraft,
    *,
    index: int,
    keep_bytes: Count,
) -> EventDraft:
    """Cut an event's data short; its line and blank line stay whole.

    Args:
        draft: The stream.
        index: Which event; negative counts from the end.
        keep_bytes: How many bytes of the data are sent.
    """
    sayings = read_blocks(draft.blocks)
    place = event_block(sayings, index)
    data = (sayings[place].data or "").encode()
    if keep_bytes >= len(data):
        raise FaultError(
            f"the event has {len(data)} bytes of data, came {keep_bytes}",
            key="keep_bytes",
        )
    kept = data[:keep_bytes]
    lost = looks_like_object(kept.decode(errors="replace"))
    return draft.with_sent(
        place,
        with_data(draft.blocks[place].sent, kept),
        meaning=Meaning.LOST if lost else Meaning.NOTHING,
    ).noted(f"cut event {index} to {keep_bytes} of {len(data)} bytes")


@fault(Layer.EVENTS, example={"at": {"event": 4}, "data": "upstream busy"})
def insert(
    draft: EventDraft,
    *,
    at: Position,
    data: str | None = None,
    raw: str | None = None,
    meaning: Literal["nothing", "lost", "as_sent"] | None = None,
) -> EventDraft:
    """Put an event of any content between two others.

    Args:
        draft: The stream.
        at: Where.
        data: The event's data; several lines become several data fields.
        raw: Instead of ``data``: the bytes as they are, line ends and all.
        meaning: What a proxy that repairs must make of it. By default JSON passes, what
            begins like an object was lost, and anything else is noise.
    """
    if (data is None) is (raw is None):
        raise FaultError("expected either data or raw")
    sent = encode_event(data) if data is not None else (raw or "").encode()
    place = block_at(draft, at)
    chosen = Meaning(meaning) if meaning else _meaning_of(data)
    return draft.with_inserted(
        place, sent, at_ns=time_before(draft, place), meaning=chosen
    ).noted(f"put {len(sent)} bytes in at {shown_position(at)} (block {place})")


@fault(Layer.EVENTS, example={"size": 70_000, "at": {"after": "first_content"}})
def giant_event(
    draft: EventDraft,
    *,
    size: Count,
    at: Position,
) -> EventDraft:
    """Put in a chunk whose text has so many characters.

    Readers with line limits stop at 64 KiB, 128 KiB or 512 KiB (`research/FAULTS.md`,
    class 19). The text counts, so that a part that is lost is seen.

    Args:
        draft: The stream; it needs a text delta to be modelled on.
        size: Characters of text.
        at: Where.
    """
    place = block_at(draft, at)
    sayings = read_blocks(draft.blocks)
    model = landmark_block(sayings, "first_content")
    numbers = " ".join(str(number) for number in range(size // 2 + 1))
    sent = with_text(draft.blocks[model].sent, sayings[model], numbers[:size])
    return draft.with_inserted(place, sent, at_ns=time_before(draft, place)).noted(
        f"put in a text of {size} characters at {shown_position(at)} (block {place})"
    )


def with_text(sent: bytes, saying: Saying, text: str) -> bytes:
    """Return a text event with another text in place of its first.

    Args:
        sent: The event.
        saying: What it says.
        text: The new text; other texts in the event become empty.
    """
    places = iter([text])

    def change(value: Any) -> None:
        for choice in value["choices"]:
            delta = choice.get("delta") or {}
            for key in ("content", "reasoning_content", "reasoning", "refusal"):
                if isinstance(delta.get(key), str) and delta[key]:
                    delta[key] = next(places, "")

    if not saying.texts:
        raise FaultError("the event has no text")
    return rewrite(sent, change)


def _repeated(draft: EventDraft, place: int, times: int) -> EventDraft:
    """Send a block again, the repeats spread over the time to the next one."""
    sayings = read_blocks(draft.blocks)
    block = draft.blocks[place]
    saying = sayings[place]
    meaning, meant = block.meaning, block.meant
    if meaning is Meaning.REPLACED or (meaning is Meaning.AS_SENT and saying.is_done):
        meaning, meant = Meaning.NOTHING, b""
    elif meaning is Meaning.AS_SENT and opens_text(sayings, place):
        if saying.is_text_only:
            meaning = Meaning.NOTHING
        else:
            meaning, meant = Meaning.REPLACED, with_text(block.sent, saying, "")
    gap = (time_after(draft, place) - block.at_ns) // times
    for number in range(1, times):
        draft = draft.with_inserted(
            place + number,
            block.sent,
            at_ns=block.at_ns + number * gap,
            meaning=meaning,
            meant=meant,
        )
    return draft


def _meaning_of(data: str | None) -> Meaning:
    if data is None:
        return Meaning.AS_SENT
    if parse_payload(data).kind is not PayloadKind.MALFORMED:
        return Meaning.AS_SENT
    return Meaning.LOST if looks_like_object(data) else Meaning.NOTHING
