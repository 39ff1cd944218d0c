from __future__ import annotations

import pytest

from harness.faults.errors import FaultError


@pytest.mark.parametrize(
    ("where", "place"), [("opening", 1), ("middle", 3), ("end", 5)]
)
def test_legit_repeats_are_text_that_counts(play, kit, where, place):
    """Modelled on the first text, spread over the time that there is."""
    wire = play({"legit_repeats": {"where": where, "count": 3}})
    six = kit.chunk({"content": "6"})
    assert kit.sent(wire)[place : place + 3] == [six] * 3
    assert set(kit.meanings(wire)) == {"as_sent"}
    assert len(kit.sent(wire)) == len(kit.STREAM) + 3
    assert kit.times(wire) == sorted(kit.times(wire))


@pytest.mark.parametrize(
    ("parameters", "texts"),
    [
        ({"text": "table", "count": 7}, ["|", "---", "|", "---", "|", "\n", "|"]),
        ({"text": "growing", "count": 3}, ["1", "11", "111"]),
        ({"deltas": ["no ", "no "], "count": 3}, ["no "] * 3),
    ],
)
def test_legit_repeats_go_through_their_pieces(play, kit, parameters, texts):
    """Over and over."""
    wire = play({"legit_repeats": parameters})
    count = len(texts)
    assert kit.sent(wire)[3 : 3 + count] == [
        kit.chunk({"content": text}) for text in texts
    ]


def test_legit_repeats_need_text_to_stand_between(play, kit):
    """And pieces that are text."""
    with pytest.raises(FaultError, match="two text deltas, got 1"):
        play({"legit_repeats": {}}, blocks=(kit.HELLO, kit.DONE))
    for deltas in ([], [""]):
        with pytest.raises(FaultError, match="not empty"):
            play({"legit_repeats": {"deltas": deltas}})
