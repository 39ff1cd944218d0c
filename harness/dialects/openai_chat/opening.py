"""The opening of a text, in which repeats count as stutter.

The opening of a choice's text begins with the first delta that is not white space. It
continues as long as each delta repeats or extends the opening so far. A repeat in it is
stutter, of which a repairing proxy sends only the new part. The first unrelated delta
ends the opening, and later repeats pass as sent.

A stuttering upstream sends its first delta again; a model may intend ``ha``, ``ha``.
Both are equal on the wire. So for a stream whose own text opens that way, both readings
are correct, and they are counted separately.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.dialects.message import TEXT_FIELDS, Text, TextKey

__all__ = ["OpeningTracker", "blank_openings", "reduced_openings"]


class OpeningTracker:
    """The openings of a stream's texts, as far as the stream was read.

    Args:
        texts: The texts of the blocks that were already read.
    """

    def __init__(self, texts: Iterable[Sequence[Text]] = ()) -> None:
        self._open: dict[TextKey, str] = {}
        self._over: set[TextKey] = set()
        for block in texts:
            self.read(block)

    def read(self, texts: Iterable[Text]) -> None:
        """Take the texts of one more block, as sent."""
        for choice, field, text in texts:
            self.take((choice, field), text)

    def take(self, key: TextKey, text: str) -> str:
        """Take the next delta of a text; return the new part of it."""
        opening = self._open.get(key)
        if key in self._over:
            return text
        if opening is None:
            if text.strip():
                self._open[key] = text
            return text
        if text.startswith(opening):
            self._open[key] = text
            return text[len(opening) :]
        if opening.startswith(text):
            return ""
        self._over.add(key)
        return text

    def repeats(self, key: TextKey, text: str) -> bool:
        """Return whether a text repeats or extends an opening, or can begin one."""
        if key in self._over:
            return False
        opening = self._open.get(key, "")
        return text.startswith(opening) or opening.startswith(text)

    def new_texts(self, texts: Sequence[Text]) -> Mapping[TextKey, str]:
        """Return the new parts of those texts of a block that repeat an opening."""
        new: dict[TextKey, str] = {}
        for choice, field, text in texts:
            key = (choice, field)
            if key in self._open and self.repeats(key, text):
                new[key] = text[len(self._open[key]) :]
        return new


def reduced_openings(texts: Iterable[Text]) -> Mapping[TextKey, tuple[str, ...]]:
    """Return the reduced deltas of every text with a repeat in its opening.

    Args:
        texts: All texts of a stream, in order; arguments of tool calls are ignored.
    """
    tracker = OpeningTracker()
    deltas: dict[TextKey, list[str]] = {}
    reduced: dict[TextKey, list[str]] = {}
    for choice, field, text in texts:
        if field in TEXT_FIELDS:
            key = (choice, field)
            deltas.setdefault(key, []).append(text)
            reduced.setdefault(key, []).append(tracker.take(key, text))
    return {key: tuple(new) for key, new in reduced.items() if new != deltas[key]}


def blank_openings(texts: Iterable[Text]) -> frozenset[TextKey]:
    """Return the texts whose first delta is only white space.

    A cumulative upstream repeats it with the first word; a model may intend two line
    breaks. So the amount of white space at the beginning of such a text is undecided.
    """
    first: dict[TextKey, str] = {}
    for choice, field, text in texts:
        if field in TEXT_FIELDS:
            first.setdefault((choice, field), text)
    return frozenset(key for key, text in first.items() if text.isspace())
