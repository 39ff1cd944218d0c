r"""The same text through each of its uses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.printable import (
    cut,
    escape_all,
    excerpt,
    one_line,
    printable,
    python_escape,
    quote,
    short_escape,
    visible,
)


def as_python(text):
    """What logs show."""
    return printable(text, python_escape)


def as_short(text):
    """What a cassette's texts look like."""
    return printable(text, short_escape)


USES = (
    printable,
    as_python,
    as_short,
    excerpt,
    quote,
    visible,
    one_line,
    escape_all,
)

TABLE = {
    "plain": (
        "plain", "plain", "plain",
        '"plain"', '"plain"',
        "plain", "plain", "plain",
    ),
    "": (
        "", "", "",
        '""', '""',
        '""', "", "",
    ),
    "größe 你": (
        "größe 你", "größe 你", "größe 你",
        '"größe 你"', '"größe 你"',
        "größe 你", "größe 你", "gr\\xf6\\xdfe \\u4f60",
    ),
    "a\n\r\tb": (
        "a\\u000a\\u000d\\u0009b", "a\\n\\r\\tb", "a\\n\\r\\tb",
        '"a\\n\\r\\tb"', '"a\\n\\r\\tb"',
        '"a\\n\\r\\tb"', "a\\n\\r\\tb", "a\\n\\r\\tb",
    ),
    "\x1b[31m\x07": (
        "\\u001b[31m\\u0007", "\\x1b[31m\\x07", "\\x1b[31m\\x07",
        '"\\x1b[31m\\x07"', '"\\u001b[31m\\u0007"',
        '"\\u001b[31m\\u0007"', "\\x1b[31m\\x07", "\\x1b[31m\\x07",
    ),
    "\x7f\x9b2J": (
        "\\u007f\\u009b2J", "\\x7f\\x9b2J", "\\x7f\\x9b2J",
        '"\\x7f\\x9b2J"', '"\\u007f\\u009b2J"',
        '"\\u007f\\u009b2J"', "\\x7f\\x9b2J", "\\x7f\\x9b2J",
    ),
    "\u202eabc\u2028": (
        "\\u202eabc\\u2028", "\\u202eabc\\u2028", "\\u202eabc\\u2028",
        '"\\u202eabc\\u2028"', '"\\u202eabc\\u2028"',
        '"\\u202eabc\\u2028"', "\\u202eabc\\u2028", "\\u202eabc\\u2028",
    ),
    "\ud800": (
        "\\ud800", "\\ud800", "\\ud800",
        '"\\ud800"', '"\\ud800"',
        '"\\ud800"', "\\ud800", "\\ud800",
    ),
    "\U000e0001": (
        "\\U000e0001", "\\U000e0001", "\\ue0001",
        '"\\ue0001"', '"\\ue0001"',
        '"\\udb40\\udc01"', "\\U000e0001", "\\U000e0001",
    ),
    'say "a\\b"': (
        'say "a\\b"', 'say "a\\b"', 'say "a\\b"',
        '"say "a\\b""', '"say \\"a\\\\b\\""',
        'say "a\\b"', 'say "a\\b"', 'say "a\\\\b"',
    ),
    "a\\b\n": (
        "a\\b\\u000a", "a\\b\\n", "a\\b\\n",
        '"a\\b\\n"', '"a\\\\b\\n"',
        '"a\\\\b\\n"', "a\\\\b\\n", "a\\\\b\\n",
    ),
}  # fmt: skip
"""By text: what each of `USES` makes of it."""


@pytest.mark.parametrize("text", TABLE)
def test_each_use_has_its_notation(text):
    """What nobody could see is an escape, on one line; letters stay."""
    assert TABLE[text] == tuple(use(text) for use in USES)


@pytest.mark.parametrize("use", USES)
@given(text=st.text())
def test_nothing_controls_the_terminal(use, text):
    """Whatever came, only printable characters go out, on one line."""
    assert use(text).isprintable()


def test_values_of_other_types_are_shown_as_text():
    """An error is shown by its message."""
    assert "1\\u000a2" == printable(ValueError("1\n2"))


def test_a_cut_text_ends_in_an_ellipsis():
    """At most so many characters are left, the ellipsis counted."""
    assert ("abcd", "abc…") == (cut("abcd", 4), cut("abcde", 4))
    assert 60 == len(one_line("x" * 61)) == len(cut("x" * 61))
    assert f'"{"x" * 59}…"' == quote("x" * 61)


def test_an_excerpt_is_cut_before_it_is_escaped():
    """Of a long text 160 characters are read, however long their escapes are."""
    escapes = "\\x1b" * 160
    assert f'"{escapes}…"' == excerpt("\x1b" * 161)
