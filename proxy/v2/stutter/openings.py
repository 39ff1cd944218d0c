"""The opening rule: text that a stuttering upstream repeats is sent once.

Some upstreams send the beginning of a text again before they continue, and some send
the whole text so far with every delta.  In both, each delta is related to the text
before it.

The *opening* of a text is the run of deltas, from the first that is not white space,
each of which repeats or extends the text of the opening so far:

* a delta that extends it: only the new part is sent;
* a delta that is equal to it or a beginning of it: nothing is new;
* the first delta that is neither ends the opening permanently: from then on deltas pass
  unchanged, repeats too.

So the first token waits for nothing, and a cumulative stream streams.  The price:
text that repeats itself from its very beginning ("ha", "ha", "ha") loses the repeats,
because nothing in the stream distinguishes it from a stutter.

If openings are held back (``STREAMING_HOLD_MS``), an upstream may also take text back,
as long as nothing of the opening was sent: a delta that is a beginning of the opening,
or begins like it and continues differently, replaces it.  Once a part of an opening was
sent, the rule above holds for the rest.

Every choice has its own text, and so have its reasoning and its refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.v2.events.content import TEXT_FIELDS
from proxy.v2.events.payload import Edit
from proxy.v2.stutter.confidence import (
    REPLACE_THRESHOLD,
    Evidence,
    Relation,
    StutterDecision,
    begins_alike,
    relation_of,
)

__all__ = ["Openings"]


class _Opening:
    """The opening of one text, in progress.

    Attributes:
        text: The text so far.
        keys: The keys of its first delta.
        at_ns: When its last delta arrived.
        held: Its texts, while none of them was sent; else None.
        last: The relation of the last delta to it.
        kind: The kind of opening so far; see :class:`Openings`.
    """

    __slots__ = ("at_ns", "held", "keys", "kind", "last", "text")

    def __init__(self, text: str, keys: frozenset[str], at_ns: int) -> None:
        self.text = text
        self.keys = keys
        self.at_ns = at_ns
        self.held: list[Edit] | None = None
        self.last: Relation | None = None
        self.kind = "clean"


class Openings:
    """The openings of one stream, by choice and field.

    Args:
        held: Whether the caller holds texts of openings back until :meth:`release`.

    Attributes:
        count: How many are in progress.
        begun: Whether any text has been judged.
        withheld: How many characters were not sent.
        decisions: The decisions that are not logged yet.
        kinds: The kinds of openings that are over and not counted yet: ``clean``,
            ``repeated``, ``growing``, ``cumulative`` (to the end) or ``taken_back``.
    """

    __slots__ = (
        "_held",
        "_openings",
        "_settled",
        "begun",
        "count",
        "decisions",
        "kinds",
        "withheld",
    )

    def __init__(self, *, held: bool = False) -> None:
        self._held = held
        self._openings: dict[tuple[int, str], _Opening] = {}
        self._settled: set[tuple[int, str]] = set()
        self.begun = False
        self.count = 0
        self.withheld = 0
        self.decisions: list[StutterDecision] = []
        self.kinds: list[str] = []

    def judge(self, chunk: Any, now_ns: int = 0) -> Sequence[Edit]:
        """Return the texts of a chunk that must change; most often none.

        If openings are held, these are all texts of openings that were not sent yet:
        they may still change, until :meth:`release`.
        """
        choices = chunk.get("choices") if type(chunk) is dict else None
        if type(choices) is not list:
            return ()
        edits: list[Edit] | None = None
        for position, choice in enumerate(choices):
            delta = choice.get("delta") if type(choice) is dict else None
            if type(delta) is not dict:
                continue
            for name, text in delta.items():
                # Empty text is neutral: it belongs to tool calls, roles and finishes.
                if name not in TEXT_FIELDS or type(text) is not str or not text:
                    continue
                index = choice.get("index")
                key = (index if type(index) is int else position, name)
                if key in self._settled:
                    continue
                edit = self._judge_text(key, Edit(delta, name, text, text), now_ns)
                if edit is not None:
                    edits = edits or []
                    edits.append(edit)
        return edits or ()

    def is_settled(self, key: tuple[int, str]) -> bool:
        """Tell whether the opening of a text, by choice and field, is over."""
        return key in self._settled

    @property
    def holding(self) -> int:
        """How many openings are in progress of which nothing was sent."""
        return sum(one.held is not None for one in self._openings.values())

    def release(self) -> None:
        """Note that all texts judged so far are sent."""
        for opening in self._openings.values():
            opening.held = None

    def close(self) -> None:
        """End all openings: the stream is over."""
        for opening in self._openings.values():
            growing = opening.kind == "growing"
            self.kinds.append("cumulative" if growing else opening.kind)
        self._openings.clear()
        self.count = 0

    def _judge_text(self, key: tuple[int, str], edit: Edit, now_ns: int) -> Edit | None:
        text = edit.old
        opening = self._openings.get(key)
        if opening is None:
            if text.isspace():
                return None
            opening = _Opening(text, _keys_of(edit), now_ns)
            self._openings[key] = opening
            self.count += 1
            self.begun = True
            if not self._held:
                return None
            opening.held = [edit]
            return edit
        relation = self._relate(key, opening, edit, now_ns)
        if relation is Relation.DIFFERS:
            self._settle(key, opening)
            return None
        self._apply(relation, opening, edit)
        if opening.held is not None:
            opening.held.append(edit)
            return edit
        return edit if edit.new != text else None

    def _relate(
        self, key: tuple[int, str], opening: _Opening, edit: Edit, now_ns: int
    ) -> Relation:
        """Return the relation of a text to its opening, and note a change."""
        relation = relation_of(opening.text, edit.old)
        if relation is Relation.DIFFERS or relation is not opening.last:
            evidence = self._weigh(relation, opening, edit, now_ns)
            if relation is Relation.DIFFERS and opening.held is not None:
                guess = self._weigh(Relation.RESEMBLES, opening, edit, now_ns)
                alike = begins_alike(opening.text, edit.old)
                if alike and guess.confidence_of_text >= REPLACE_THRESHOLD:
                    relation, evidence = Relation.RESEMBLES, guess
            reason = evidence.reason(relation)
            decision = StutterDecision(*key, relation, evidence.confidence, reason)
            self.decisions.append(decision)
        opening.last = relation
        opening.at_ns = now_ns
        return relation

    def _weigh(
        self, relation: Relation, opening: _Opening, edit: Edit, now_ns: int
    ) -> Evidence:
        return Evidence.of(
            relation,
            opening.text,
            edit.old,
            same_keys=_keys_of(edit) == opening.keys,
            gap_ns=now_ns - opening.at_ns,
        )

    def _apply(self, relation: Relation, opening: _Opening, edit: Edit) -> None:
        """Update an opening by a related delta, and the text to send."""
        text = edit.old
        if relation is Relation.EXTENDS:
            edit.new = text[len(opening.text) :]
            opening.kind = "growing"
        elif opening.held is None or relation is Relation.REPEATS:
            # Sent text cannot be taken back; a shorter text has nothing new.
            edit.new = ""
            if opening.kind == "clean":
                opening.kind = "repeated"
        else:
            for earlier in opening.held:
                self.withheld += len(earlier.new)
                earlier.new = ""
            opening.kind = "taken_back"
        self.withheld += len(text) - len(edit.new)
        if relation is Relation.EXTENDS or edit.new:
            opening.text = text

    def _settle(self, key: tuple[int, str], opening: _Opening) -> None:
        del self._openings[key]
        self.count -= 1
        self._settled.add(key)
        self.kinds.append(opening.kind)


def _keys_of(edit: Edit) -> frozenset[str]:
    """Return the keys of a text's delta, except the role, which is sent once."""
    return frozenset(edit.holder) - {"role"}
