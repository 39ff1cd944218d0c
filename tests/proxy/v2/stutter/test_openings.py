from __future__ import annotations

import pytest

from proxy.v2.stutter.confidence import Relation
from proxy.v2.stutter.openings import Openings


def chunk(text, index=0, field="content", **more):
    """Return a chunk with one text."""
    return {"choices": [{"index": index, "delta": {field: text}, **more}]}


def passed(*texts, field="content"):
    """Return the output of these deltas of one text."""
    openings = Openings()
    out = []
    for text in texts:
        edits = openings.judge(chunk(text, field=field))
        out.append(edits[0].new if edits else text)
    return out


class TestOpening:
    @pytest.mark.parametrize(
        ("deltas", "expected"),
        [
            (["Hello", "Hello", " world"], ["Hello", "", " world"]),
            (["Hel", "Hello", "Hello wo"], ["Hel", "lo", " wo"]),
            (["The", "The cat", " sat", " down"], ["The", " cat", " sat", " down"]),
            (["**ds", "**dstY", "**", "The"], ["**ds", "tY", "", "The"]),
            (["A", "B", "C", "C", "CD"], ["A", "B", "C", "C", "CD"]),
            (["Hello", "hello"], ["Hello", "hello"]),
            (["é", "e\u0301"], ["é", "e\u0301"]),
            (["Hi", "x", "Hi", "Hi"], ["Hi", "x", "Hi", "Hi"]),
        ],
    )
    def test_only_what_is_new_is_sent_on(self, deltas, expected):
        """Repeats and extensions are reduced until the first unrelated delta."""
        assert expected == passed(*deltas)

    def test_white_space_before_the_opening_passes(self):
        """Repeated line breaks at the start are layout, not a stutter."""
        assert passed("\n", "\n", " ", "x", "x") == ["\n", "\n", " ", "x", ""]

    def test_empty_text_is_neutral(self):
        """An empty delta neither opens, nor ends, nor belongs to an opening."""
        assert passed("", "He", "", "Hello") == ["", "He", "", "llo"]

    def test_legitimate_repeat_at_the_opening_is_lost(self):
        """The known price of the rule: it looks like a stutter."""
        assert passed("ha", "ha", "ha", "!") == ["ha", "", "", "!"]

    @pytest.mark.parametrize("field", ["content", "reasoning_content", "reasoning"])
    def test_every_text_field_has_an_opening(self, field):
        """Reasoning stutters as answers do."""
        assert passed("a", "ab", field=field) == ["a", "b"]

    def test_choices_and_fields_do_not_mix(self):
        """Each choice's text, and its reasoning, is judged by itself."""
        openings = Openings()

        assert not openings.judge(chunk("Foo", 0))
        assert not openings.judge(chunk("Foo", 1))
        assert not openings.judge(chunk("Foo", 0, "reasoning"))
        assert openings.count == 3
        assert not openings.judge(chunk("Bar", 0))
        assert [edit.new for edit in openings.judge(chunk("FooBaz", 1))] == ["Baz"]
        assert openings.count == 2

    def test_choice_without_index_counts_by_position(self):
        """Some upstreams leave the index out."""
        openings = Openings()
        openings.judge({"choices": [{"delta": {"content": "Hi"}}]})

        edits = openings.judge(chunk("Hi", 0))

        assert [edit.new for edit in edits] == [""]

    @pytest.mark.parametrize(
        "odd",
        [
            None,
            [1],
            "x",
            {},
            {"choices": None},
            {"choices": {"0": {}}},
            {"choices": ["x", None]},
            {"choices": [{"delta": None}]},
            {"choices": [{"delta": {"content": 5}}]},
            {"choices": [{"delta": {"content": None}, "index": []}]},
        ],
    )
    def test_other_shapes_are_left_alone(self, odd):
        """A payload without text changes nothing."""
        openings = Openings()

        assert not openings.judge(odd)
        assert (openings.count, openings.begun) == (0, False)

    def test_withheld_characters_are_counted(self):
        """Operators see how much was not sent."""
        openings = Openings()
        for text in ("Hel", "Hello", "Hel"):
            openings.judge(chunk(text))

        assert openings.withheld == 6


def kinds(*texts, held=False):
    """Return what the opening of these deltas turns out to be."""
    openings = Openings(held=held)
    for text in texts:
        openings.judge(chunk(text))
    openings.close()
    return openings.kinds


class TestDecisions:
    @pytest.mark.parametrize(
        ("deltas", "kind"),
        [
            (["A"], "clean"),
            (["A", "B", "B"], "clean"),
            (["A", "A", "B"], "repeated"),
            (["Hello", "He", "B"], "repeated"),
            (["He", "Hello", "B"], "growing"),
            (["He", "Hello", "Hello you"], "cumulative"),
            (["He", "Hello", "Hello", "He"], "cumulative"),
            (["He", "Hello", "He", "B"], "growing"),
        ],
    )
    def test_opening_is_counted_once_for_what_it_was(self, deltas, kind):
        """Operators see how many streams stutter, and how."""
        assert kinds(*deltas) == [kind]

    def test_opening_that_was_taken_back_is_counted_as_such(self):
        """Only held openings can be."""
        assert kinds("Hello you", "Hello", "!", held=True) == ["taken_back"]
        assert kinds("Hello you", "Hello", "!") == ["repeated"]

    def test_each_turn_is_told_once_with_confidence_and_reason(self):
        """A cumulative stream does not fill the log."""
        openings = Openings()
        for number, text in enumerate(["Hello", "Hello", "Hello", "Hello you", "x"]):
            openings.judge(chunk(text), number)

        found = [(one.choice, one.field, one.relation) for one in openings.decisions]
        assert found == [
            (0, "content", Relation.REPEATS),
            (0, "content", Relation.EXTENDS),
            (0, "content", Relation.DIFFERS),
        ]
        repeats, extends, differs = openings.decisions
        assert min(repeats.confidence, extends.confidence) > 0.9 > differs.confidence
        assert "repeats" in repeats.reason
        assert "Hello" not in repeats.reason + extends.reason + differs.reason

    @pytest.mark.parametrize("gap_ns", [0, 10**9])
    def test_timing_changes_the_confidence_and_nothing_else(self, gap_ns):
        """A slow network must not change what a client reads."""
        deltas = ["Hello", "Hello", "Hello wor", "Help", "x", "x"]
        edits, confidences = [], []
        for gap in (0, gap_ns):
            openings = Openings()
            for number, text in enumerate(deltas):
                found = openings.judge(chunk(text), number * gap)
                edits.append([edit.new for edit in found])
            confidences.append([one.confidence for one in openings.decisions])

        assert edits[: len(deltas)] == edits[len(deltas) :]
        assert (confidences[0] == confidences[1]) == (gap_ns == 0)


class TestHeld:
    def held(self, *deltas):
        """Return the output of these deltas of a held opening."""
        openings = Openings(held=True)
        edits = [openings.judge(chunk(text)) for text in deltas]
        return [
            found[0].new if found else text
            for found, text in zip(edits, deltas, strict=True)
        ]

    @pytest.mark.parametrize(
        ("deltas", "expected"),
        [
            (["Hello", "Hello", " you"], ["Hello", "", " you"]),
            (["Hel", "Hello", " you"], ["Hel", "lo", " you"]),
            (["Hello wor", "Hello", " you"], ["", "Hello", " you"]),
            (["Hello wor", "Hello", "Hello you"], ["", "Hello", " you"]),
            (["Helo", "Hello wor", "ld"], ["", "Hello wor", "ld"]),
            (["He", "Helo", "Hello", "!"], ["", "", "Hello", "!"]),
            (["A", "B", "AB"], ["A", "B", "AB"]),
            (["The", " Then", "!"], ["The", " Then", "!"]),
        ],
    )
    def test_later_delta_replaces_what_was_not_sent(self, deltas, expected):
        """An upstream may take its opening back, or write it anew."""
        assert self.held(*deltas) == expected

    def test_what_was_sent_is_not_taken_back(self):
        """From then on the rule of openings that are not held is in force."""
        openings = Openings(held=True)
        openings.judge(chunk("Hello wor"))
        openings.release()

        assert [edit.new for edit in openings.judge(chunk("Hello"))] == [""]
        assert [edit.new for edit in openings.judge(chunk("Hello world"))] == ["ld"]
        assert not openings.judge(chunk("Help"))
