"""Changes to the blocks of a draft, collected first and made in one pass.

A fault that changes every event of a long stream copies its blocks only once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.faults.draft.blocks import MAX_BODY, Block, BlockPart, EventDraft, Meaning
from harness.faults.errors import FaultError

__all__ = ["Edit", "delayed"]


class Edit:
    """A collection of changes to the blocks of one draft.

    Block numbers are always those of the given draft, whatever was changed before.
    """

    def __init__(self, draft: EventDraft) -> None:
        self._draft = draft
        self._replaced: dict[int, tuple[Block, ...]] = {}
        self._inserted: dict[int, list[Block]] = {}
        self._next_segment = draft.next_segment
        self._added = 0

    def replace(self, place: int, *blocks: Block) -> None:
        """Put blocks in the place of one block."""
        self._count(sum(block.size for block in blocks))
        self._replaced[place] = blocks

    def replace_bytes(
        self, place: int, sent: bytes, *, meaning: Meaning, meant: bytes = b""
    ) -> None:
        """Send other bytes instead of a block, whole, when its last part is due."""
        last = self._draft.blocks[place].parts[-1]
        part = BlockPart(last.at_ns, sent, last.segment)
        self.replace(place, Block(parts=(part,), meaning=meaning, meant=meant))

    def change(self, place: int, change: Callable[[bytes], bytes]) -> None:
        """Change a block's bytes and leave its meaning as it is.

        The bytes meant instead change in the same way. Borders between writes stay at
        the same offsets of the block.
        """
        old = self._draft.blocks[place]
        new = replace(
            old,
            parts=_cut_alike(old, change(old.sent)),
            meant=change(old.meant) if old.meant else b"",
        )
        self.replace(place, new)

    def drop(self, place: int) -> None:
        """Leave a block out."""
        self._replaced[place] = ()

    def delay(self, place: int, delay_ns: int) -> None:
        """Write a block later; no other change of the block is possible."""
        if delay_ns:
            block = self._draft.blocks[place]
            self._replaced[place] = (delayed(block, delay_ns),)

    def insert(
        self,
        place: int,
        sent: bytes,
        *,
        at_ns: int,
        meaning: Meaning = Meaning.AS_SENT,
        meant: bytes = b"",
    ) -> None:
        """Put a new block before block ``place``, after those put there earlier.

        The new block has a write of its own; between two blocks of one write it splits
        that write.
        """
        self._count(len(sent))
        part = BlockPart(at_ns, sent, self._next_segment)
        self._next_segment += 1
        new = Block(parts=(part,), meaning=meaning, meant=meant)
        self._inserted.setdefault(place, []).append(new)

    def apply(self) -> EventDraft:
        """Return the draft with all changes made.

        Raises:
            FaultError: The stream would become too long.
        """
        blocks: list[Block] = []
        for place, block in enumerate(self._draft.blocks):
            blocks += self._inserted.get(place, ())
            blocks += self._replaced.get(place, (block,))
        blocks += self._inserted.get(len(self._draft.blocks), ())
        if sum(block.size for block in blocks) > MAX_BODY:
            raise _too_long()
        return replace(
            self._draft, blocks=tuple(blocks), next_segment=self._next_segment
        )

    def _count(self, size: int) -> None:
        """Refuse too large a stream before memory is taken for all of it."""
        self._added += size
        if self._added > MAX_BODY:
            raise _too_long()


def _too_long() -> FaultError:
    return FaultError(f"the stream would have more than {MAX_BODY // 2**20} MiB")


def delayed(block: Block, delay_ns: int) -> Block:
    """Return a block that is written later by ``delay_ns``."""
    parts = tuple(replace(part, at_ns=part.at_ns + delay_ns) for part in block.parts)
    return replace(block, parts=parts)


def _cut_alike(old: Block, sent: bytes) -> tuple[BlockPart, ...]:
    if len(old.parts) == 1:
        return (replace(old.parts[0], data=sent),)
    parts = []
    done = 0
    old_end = 0
    for part in old.parts:
        old_end += len(part.data)
        last = part is old.parts[-1]
        end = len(sent) if last else min(len(sent), old_end)
        if end > done:
            parts.append(replace(part, data=sent[done:end]))
            done = end
    return tuple(parts) or (replace(old.parts[-1], data=sent),)
