"""Builders of the sets: what is on the wire, and what was meant."""

from __future__ import annotations

import json

import pytest

from harness.cassette.model import Ending, EndingKind, Response, Segment
from harness.judge.evidence.reading import read_stream
from harness.stutter.recorded_stream import read_recorded_stream
from harness.stutter.sets import SETS

MS = 1_000_000
WORDS = ("Once", " upon", " a", " time", " there", " was", " light")


def event(text, *, field="content", **more):
    """One chunk with a text."""
    choice = {"index": 0, "delta": {**more, field: text}, "finish_reason": None}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def recorded(*events, kind="text/event-stream", status=200):
    """A recording with one event to a segment, 10 ms apart."""
    segments = tuple(
        Segment(at_ns=10 * MS * number, data=data)
        for number, data in enumerate((*events, FINISH, DONE), start=1)
    )
    return Response(
        status=status,
        http_version="HTTP/1.1",
        headers=(("content-type", kind),),
        segments=segments,
        ending=Ending(at_ns=segments[-1].at_ns, kind=EndingKind.COMPLETE),
    )


STORY = recorded(*(event(word) for word in WORDS))


def made(name, response=STORY):
    """Return a labelled stream; None where the set does not fit."""
    [kind] = [kind for kind in SETS if kind.name == name]
    return kind.build(read_recorded_stream(response))


def sent(labelled):
    """The text deltas on the wire, in order."""
    reading = read_stream(labelled.wire.body)
    return [text for item in reading.events for _, _, text in item.deltas]


def meant(labelled):
    """The text that was meant."""
    return "".join(text for _, _, _, text in labelled.meant)


GROWN = ["Once", "Once upon", "Once upon a", " time", " there", " was", " light"]
WHOLE = "".join(WORDS)


@pytest.mark.parametrize(
    ("name", "deltas", "text"),
    [
        ("clean", list(WORDS), WHOLE),
        ("growing", GROWN, WHOLE),
        ("cumulative", ["".join(WORDS[: n + 1]) for n in range(7)], WHOLE),
        ("repeat-first-2", ["Once", *WORDS], WHOLE),
        ("repeat-first-3", ["Once", "Once", *WORDS], WHOLE),
        ("shrinking", ["Once upon a", "Once upon", "Once", *WORDS[3:]], WHOLE),
        ("duplicate-middle", [*WORDS[:5], " there", *WORDS[5:]], WHOLE),
        ("cumulative-every-4th", [*WORDS[:3], "".join(WORDS[:4]), *WORDS[4:]], WHOLE),
        ("cumulative-final", [*WORDS[:6], WHOLE], WHOLE),
        ("meant-opening-2", ["Once", *WORDS], "Once" + WHOLE),
        ("meant-opening-3", ["Once", "Once", *WORDS], "OnceOnce" + WHOLE),
        (
            "meant-middle",
            [*WORDS[:5], " there", " there", *WORDS[5:]],
            "Once upon a time there there there was light",
        ),
        (
            "meant-first-later",
            [*WORDS[:5], "Once", "Once", *WORDS[5:]],
            "Once upon a time thereOnceOnce was light",
        ),
    ],
)
def test_a_set_says_what_it_is_said_to(name, deltas, text):
    """Wire and label of every set, to the letter."""
    labelled = made(name)

    assert sent(labelled) == deltas
    assert meant(labelled) == text


def test_common_repeats_stand_in_the_middle():
    """What models repeat rightly is said as it is meant."""
    labelled = made("meant-common")

    assert "666\n\n        | - | - hahanono" in meant(labelled)
    assert "".join(sent(labelled)) == meant(labelled)


@pytest.mark.parametrize(
    ("fault", "twin"),
    [("repeat-first-2", "meant-opening-2"), ("repeat-first-3", "meant-opening-3")],
)
def test_what_cannot_be_decided_is_the_same_on_the_wire(fault, twin):
    """Bytes and times are equal: only the label tells them apart."""
    assert made(fault).wire.body == made(twin).wire.body
    assert made(fault).wire.writes == made(twin).wire.writes
    assert made(fault).meant != made(twin).meant


@pytest.mark.parametrize("kind", SETS, ids=lambda kind: kind.name)
def test_every_piece_that_was_meant_is_on_the_wire_where_it_is_said_to_be(kind):
    """At its offset the client can know the text so far, as far as it was meant."""
    labelled = kind.build(read_recorded_stream(STORY))
    if labelled is None:
        assert kind.name == "clean-opening"
        return
    for end, choice, field, text in labelled.meant:
        block = read_stream(labelled.wire.body[:end]).events[-1]
        [(at, name, said)] = block.deltas
        assert (at, name) == (choice, field)
        assert said.endswith(text)


def test_reasoning_and_text_grow_each_by_itself():
    """A field knows nothing of another."""
    response = recorded(
        *(event(word, field="reasoning_content") for word in ("So", " it", " is")),
        *(event(word) for word in ("Yes", ",", " it")),
    )

    assert sent(made("cumulative", response)) == [
        *("So", "So it", "So it is"),
        *("Yes", "Yes,", "Yes, it"),
    ]


def test_the_middle_is_behind_the_opening_of_its_own_text():
    """Deltas of a text that has hardly begun are no middle, however late they come."""
    response = recorded(
        *(event(word, field="reasoning_content") for word in ("So", " it")),
        event("Yes"),
        event(" indeed"),
    )

    assert made("meant-middle", response) is None


def test_a_stream_that_opens_with_a_repeat_is_counted_apart():
    """Of it even the recording's own text is in doubt."""
    laugh = recorded(*(event(word) for word in ("ha", "ha", "!", " Good")))

    assert made("clean", laugh) is None
    assert sent(made("clean-opening", laugh)) == ["ha", "ha", "!", " Good"]
    assert made("growing", laugh) is None


def test_what_an_event_carries_beside_text_stays():
    """A repeat has the role again, as the server sends it."""
    response = recorded(
        event("Once", role="assistant"), *(event(word) for word in WORDS[1:])
    )

    body = made("repeat-first-2", response).wire.body
    assert body.count(b'"role": "assistant"') == 2
