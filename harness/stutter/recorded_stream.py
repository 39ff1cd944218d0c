"""A recorded stream, read once for all sets, and the deltas in it that can repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.cassette.model import Response
from harness.dialects.message import TextKey
from harness.dialects.openai_chat.opening import reduced_openings
from harness.dialects.payload import PayloadKind
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import DecodedBlock, decode_blocks
from harness.faults.draft.lowering import draft_response
from harness.sse import is_event_stream

__all__ = ["RecordedStream", "read_recorded_stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStream:
    """A stream from which labelled ones are made, if it is clean.

    Attributes:
        draft: The recording.
        decoded: The meaning of each of its blocks.
        texts: Places of the blocks with text, in order.
        opens_with_repeat: Whether its own text opens with a repeat: then content does
            not even show what this recording meant.
        why_not: Why it is in no set; None: it is in some.
    """

    draft: EventDraft
    decoded: tuple[DecodedBlock, ...]
    texts: tuple[int, ...]
    opens_with_repeat: bool
    why_not: str | None

    def has_texts(self, at_least: int) -> bool:
        """Whether enough deltas have text, and the text does not open with a repeat."""
        return not self.opens_with_repeat and len(self.texts) >= at_least

    def opening_delta(self) -> int | None:
        """Return the place of the delta that opens the text, where it can repeat."""
        if self.opens_with_repeat:
            return None
        first = next((at for at in self.texts if self.decoded[at].has_words), None)
        fits = first is not None and len(self.texts) > 1
        return first if fits and self.is_repeatable(first or 0) else None

    def middle_delta(self) -> int | None:
        """Return the place of a delta in the middle of a text that can repeat."""
        if self.opens_with_repeat:
            return None
        middle = [place for place in self._past_opening() if self.is_repeatable(place)]
        return middle[len(middle) // 2] if middle else None

    def is_repeatable(self, place: int) -> bool:
        """Whether an event has nothing except text that a repeat would double."""
        block = self.decoded[place]
        return block.has_words and not block.has_finish and not block.has_tool

    def _past_opening(self) -> list[int]:
        """Return the blocks whose texts are past their opening.

        The opening ends with the delta after the one that opens the text, since the
        stream does not open with a repeat; both are left out.
        """
        past = []
        spoken: dict[TextKey, int] = {}
        for place in self.texts:
            texts = self.decoded[place].texts
            if all(spoken.get((choice, field), 0) > 1 for choice, field, _ in texts):
                past.append(place)
            for choice, field, text in texts:
                if text.strip() or (choice, field) in spoken:
                    spoken[choice, field] = spoken.get((choice, field), 0) + 1
        return past


def read_recorded_stream(response: Response) -> RecordedStream:
    """Read a recording, and find out whether it is a clean chat stream."""
    draft = draft_response(response)
    decoded = tuple(decode_blocks(draft.blocks))
    texts = tuple(place for place, block in enumerate(decoded) if block.texts)
    all_texts = [text for block in decoded for text in block.texts]
    return RecordedStream(
        draft=draft,
        decoded=decoded,
        texts=texts,
        opens_with_repeat=bool(reduced_openings(all_texts)),
        why_not=_why_not(response, decoded),
    )


def _why_not(response: Response, decoded: Sequence[DecodedBlock]) -> str | None:
    kind = response.header("content-type")
    if response.status >= 400 or not is_event_stream(kind, anywhere=True):
        return "no event stream"
    kinds = {block.payload.kind for block in decoded if block.payload}
    if PayloadKind.ERROR in kinds:
        return "it reports an error"
    if PayloadKind.MALFORMED in kinds:
        return "it has malformed events"
    if PayloadKind.CHUNK not in kinds:
        return "no chat chunks"
    return None
