from __future__ import annotations

import pytest

from harness.judge.evidence.reading import read_stream
from harness.judge.oracle.opening import reduced_openings
from harness.judge.verdict import Verdict, verdict_of


def stream(bench, texts):
    """Those deltas as a body."""
    return b"".join(
        f"data: {bench.chunk({'content': text})}\n\n".encode() for text in texts
    )


@pytest.mark.parametrize(
    ("texts", "reduced"),
    [
        (["ha", "ha", "ha", "!"], ("ha", "", "", "!")),
        (["Hel", "Hello", "Hello wo", "rld"], ("Hel", "lo", " wo", "rld")),
        (["T", "The", " end"], ("T", "he", " end")),
        (["\n", "a", "a", "b"], ("\n", "a", "", "b")),
        (["ab", "a", "c"], ("ab", "", "c")),
    ],
)
def test_opening_that_repeats_has_another_reading(bench, texts, reduced):
    """The run of deltas that repeat or extend the opening is reduced."""
    found = reduced_openings(read_stream(stream(bench, texts)).events)

    assert {(0, "content"): reduced} == found


@pytest.mark.parametrize("texts", [["a", "b", "b"], ["a"], ["", "a"], [" ", " ", "a"]])
def test_other_texts_have_one_reading(bench, texts):
    """After the first unrelated delta repeats are meant; white space opens nothing."""
    assert {} == reduced_openings(read_stream(stream(bench, texts)).events)


def test_kept_or_dropped_opening_repeat_is_right_and_counted_apart(bench):
    """v2 drops it, a transparent relay keeps it; neither is a regression."""
    wanted = bench.scenario(bench.answer("ha", "ha", "ha", "!"))
    dropped = bench.play("proxy.v2:make_relay", wanted)
    kept = bench.play("tests.planted.relays:passing", wanted)

    result = verdict_of([kept], [dropped])

    assert [] == bench.kinds(dropped)
    assert frozenset({(0, "content")}) == dropped.dropped_repeats
    assert frozenset() == kept.dropped_repeats
    assert Verdict.EXPECTED_DIVERGENCE is result.verdict
    assert 0 == dropped.hold.max_ns


def test_text_lost_after_the_opening_is_still_lost(bench):
    """The other reading covers the opening and nothing more."""
    wanted = bench.scenario(bench.answer("ha", "ha", "!", " and", " more"))
    wrong = bench.play("tests.planted.relays:drop_last_delta", wanted)

    assert ["text_lost"] == bench.kinds(wrong)
