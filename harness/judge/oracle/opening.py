"""Repeats at the opening of a text, which content alone cannot decide.

An upstream that stutters sends its first delta again; a model may mean ``ha``, ``ha``.
On the wire the two are equal. A repairing proxy reduces such an opening, so of a stream
whose own text opens that way both readings are right, and they are counted apart: what
reducing costs on legitimate repeats is measured, not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.judge.evidence.reading import Event

__all__ = ["Key", "blank_openings", "reduced_openings"]

Key = tuple[int, str]
"""Choice and field."""

_REDUCED_FIELDS = frozenset({"content", "reasoning", "refusal"})


def reduced_openings(events: Iterable[Event]) -> Mapping[Key, tuple[str, ...]]:
    """Return, for every text with a repeat at its opening, its deltas as reduced.

    The opening is the run of deltas, from the first that is not white space, each of
    which repeats or extends what the opening already holds.
    """
    deltas: dict[Key, list[str]] = {}
    for event in events:
        for choice, name, text in event.deltas:
            if name in _REDUCED_FIELDS:
                deltas.setdefault((choice, name), []).append(text)
    reduced = {key: _reduce(texts) for key, texts in deltas.items()}
    return {key: tuple(new) for key, new in reduced.items() if new != deltas[key]}


def blank_openings(events: Iterable[Event]) -> frozenset[Key]:
    """Return the texts whose first delta is white space and nothing else.

    A cumulative upstream repeats it with the first word; a model may mean two line
    breaks. How much white space such a text begins with is not decided either.
    """
    first: dict[Key, str] = {}
    for event in events:
        for choice, name, text in event.deltas:
            first.setdefault((choice, name), text)
    return frozenset(
        key
        for key, text in first.items()
        if key[1] in _REDUCED_FIELDS and text.isspace()
    )


def _reduce(deltas: Sequence[str]) -> list[str]:
    reduced: list[str] = []
    opening = ""
    for position, delta in enumerate(deltas):
        if not opening:
            reduced.append(delta)
            opening = delta if delta.strip() else ""
        elif delta.startswith(opening):
            reduced.append(delta[len(opening) :])
            opening = delta
        elif opening.startswith(delta):
            reduced.append("")
        else:
            return [*reduced, *deltas[position:]]
    return reduced
