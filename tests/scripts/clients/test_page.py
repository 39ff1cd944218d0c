"""The page about clients, from readings that are made up."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("openai", reason="the extra sdks is not installed")
pytest.importorskip("anthropic", reason="the extra sdks is not installed")

from scripts.clients.page import Column, page, worse_ones
from scripts.clients.reading import Meant, Reading
from scripts.clients.shapes import TABLES, Shape

RIGHT = Reading(text="Hello", finish="stop", requests=1)
CUT = Reading(text="Hel", requests=1)
FAILED = Reading(text="He|lo", error="APIError", requests=3)


def column(sdk="sdk", **shapes):
    """Return a column: readings by way, directly and through v1 and v2, by shape."""
    return Column(
        sdk=sdk,
        version=f"{sdk} 1.2",
        shapes=[
            Shape(
                name=name,
                what=f"the {name}",
                script=None,
                meant=Meant(text="Hello", finish="stop"),
                directly={},
                excused={"sdk": "on purpose"} if name == "excused" else {},
            )
            for name in shapes
        ],
        readings={
            name: dict(zip(("directly", "v1", "v2"), ways, strict=True))
            for name, ways in shapes.items()
        },
    )


SOME = column(
    same=(RIGHT, RIGHT, RIGHT), lost=(RIGHT, CUT, RIGHT), excused=(RIGHT, CUT, CUT)
)


def test_worse_readings_are_listed():
    """Excused ones are not."""
    assert ["sdk 1.2: lost through v1: right directly, silent through the proxy"] == (
        worse_ones([SOME], "v1")
    )
    assert [] == worse_ones([SOME], "v2")


def test_an_excuse_is_for_one_sdk():
    """Another client has none."""
    other = column("other", excused=(RIGHT, CUT, CUT))
    assert [
        "other 1.2: excused through v2: right directly, silent through the proxy"
    ] == (worse_ones([other], "v2"))


def test_grades_are_counted_by_way():
    """Best first, zeros as dots; better and worse are only counted for proxies."""
    lines = page([SOME], SOME).splitlines()
    assert {
        "| sdk 1.2 | directly | 3 | . | . | . | . | . |  |  |",
        "| sdk 1.2 | through v1 | 1 | . | . | . | 2 | . | 0 | 2 |",
        "| sdk 1.2 | through v2 | 2 | . | . | . | 1 | . | 0 | 1 |",
    } <= set(lines)


def test_cells_hold_grade_text_and_error():
    """Untrusted text is code, long text is cut."""
    long = Reading(text="Hello" * 10, finish="length", error=None)
    read = column(one=(FAILED, RIGHT, long), none=(Reading(), Reading(), Reading()))
    lines = page([read], read).splitlines()
    cut = "`HelloHelloHelloHelloHell…`"
    why = "garbled directly, false through the proxy"
    expected = f"false, {cut}, length<br>**worse**: {why} |"
    assert any(line.endswith(f"| right | {expected}") for line in lines)
    silent = "silent, no text"
    assert f"| `none` the none | {silent} | {silent} | {silent} |" in lines


def test_requests_are_listed_by_way():
    """Of the client that retries."""
    repeats = column(
        "again", cut=(FAILED, RIGHT, Reading(text="", error="x", requests=9))
    )
    text = page([SOME], repeats)
    assert "| `cut` the cut | 3 | 1 | 9 |" in text.splitlines()
    assert "Here again 1.2 retries" in text


def test_excuses_are_listed_under_their_client():
    """A client without one has no list."""
    text = page([SOME, column("other", same=(RIGHT, RIGHT, RIGHT))], SOME)
    assert 1 == text.count("Worse on purpose:\n\n- `excused`: on purpose\n")
    assert "read 3 shapes of an answer" in text


def test_the_page_in_the_repository_has_the_headings_of_this_one():
    """It was written by an earlier run."""
    written = (TABLES.parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
    text = page([SOME], SOME)
    titles = [
        line
        for line in text.splitlines()
        if re.match(r"#+ ", line) and "1.2" not in line
    ]
    assert titles == [line for line in written.splitlines() if line in titles]
