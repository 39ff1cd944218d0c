"""Which repeats belong to the opening of a text.

The opening of a choice's text is the run of deltas, from the first that is not white
space, each of which repeats or extends what the opening already holds. A repeat within
it is stutter, of which a repairing proxy sends only what is new; the first unrelated
delta ends it, and later repeats pass as they were sent.

An upstream that stutters sends its first delta again; a model may mean ``ha``, ``ha``.
On the wire the two are equal, so of a stream whose own text opens that way both
readings are right, and they are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.dialects.message import TEXT_FIELDS, Text, TextKey

__all__ = ["OpeningTracker", "blank_openings", "reduced_openings"]


class OpeningTracker:
    """The openings of a stream's texts, as far as the stream was read.

    Args:
        texts: The texts of the blocks that were read already.
    """

    def __init__(self, texts: Iterable[Sequence[Text]] = ()) -> None:
        self._open: dict[TextKey, str] = {}
        self._over: set[TextKey] = set()
        for block in texts:
            self.read(block)

    def read(self, texts: Iterable[Text]) -> None:
        """Take the texts of one more block, as they are sent."""
        for choice, field, text in texts:
            self.take((choice, field), text)

    def take(self, key: TextKey, text: str) -> str:
        """Take the next delta of a text; return what is new in it."""
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
        """Whether a text only repeats or extends an opening, or nothing opened yet."""
        if key in self._over:
            return False
        opening = self._open.get(key, "")
        return text.startswith(opening) or opening.startswith(text)

    def new_texts(self, texts: Sequence[Text]) -> Mapping[TextKey, str]:
        """Return what is new in the texts of a block that repeat an opening.

        Texts that repeat nothing are left out.
        """
        new: dict[TextKey, str] = {}
        for choice, field, text in texts:
            key = (choice, field)
            if key in self._open and self.repeats(key, text):
                new[key] = text[len(self._open[key]) :]
        return new


def reduced_openings(texts: Iterable[Text]) -> Mapping[TextKey, tuple[str, ...]]:
    """Return, for every text with a repeat at its opening, its deltas as reduced.

    Args:
        texts: All texts of a stream, in order; the arguments of tool calls are left
            out.
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
    """Return the texts whose first delta is white space and nothing else.

    A cumulative upstream repeats it with the first word; a model may mean two line
    breaks. How much white space such a text begins with is not decided either.
    """
    first: dict[TextKey, str] = {}
    for choice, field, text in texts:
        if field in TEXT_FIELDS:
            first.setdefault((choice, field), text)
    return frozenset(key for key, text in first.items() if text.isspace())
