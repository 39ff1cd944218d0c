"""Which repeats belong to the opening of a text (DESIGN, section 8).

The opening of a choice's text is the run of deltas, from the first that is not white
space, each of which repeats or extends what the opening already holds. A repeat within
it is stutter, of which a repairing proxy sends only what is new; the first unrelated
delta ends it, and later repeats pass as they were sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Openings", "TextKey"]

TextKey = tuple[int, str]
"""Choice and field."""

Text = tuple[int, str, str]
"""Choice, field and text."""


class Openings:
    """The openings of a stream, as far as it was read."""

    def __init__(self, texts: Iterable[Sequence[Text]] = ()) -> None:
        self._open: dict[TextKey, str] = {}
        self._over: set[TextKey] = set()
        for block in texts:
            self.read(block)

    def read(self, texts: Sequence[Text]) -> None:
        """Take the texts of one more block, as they are sent."""
        for choice, field, text in texts:
            key = (choice, field)
            if key in self._over:
                continue
            opening = self._open.get(key)
            if opening is None:
                if text.strip():
                    self._open[key] = text
            elif text.startswith(opening):
                self._open[key] = text
            elif not opening.startswith(text):
                self._over.add(key)

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
            opening = self._open.get(key)
            if opening is None or key in self._over:
                continue
            if text.startswith(opening):
                new[key] = text[len(opening) :]
            elif opening.startswith(text):
                new[key] = ""
        return new
