from __future__ import annotations

import pytest

from harness.faults.errors import FaultError


def test_repeat_first_sends_the_first_text_again_and_means_nothing_by_it(play, kit):
    """The repeats stand behind the first, spread over the time to the next event."""
    wire = play({"repeat_first": {"times": 3}})
    assert kit.sent(wire) == [kit.ROLE, *[kit.HELLO] * 3, *kit.STREAM[2:]]
    assert kit.meanings(wire)[1:4] == ["as_sent", "nothing", "nothing"]
    assert [round(at) for at in kit.times(wire)[1:5]] == [110, 113, 117, 120]


def test_repeat_first_skips_white_space_that_comes_first(play, kit):
    """White space does not open a text."""
    space = kit.chunk({"content": "\n\n"})
    wire = play({"repeat_first": {}}, blocks=(space, kit.HELLO, kit.DONE))
    assert kit.sent(wire) == [space, kit.HELLO, kit.HELLO, kit.DONE]


def test_repeat_first_keeps_what_the_event_says_beside_its_text(play, kit):
    """Only the text of a repeat is to be dropped, never its role."""
    both = kit.chunk({"role": "assistant", "content": "Hi"})
    wire = play({"repeat_first": {}}, blocks=(both, kit.DONE))
    assert kit.meanings(wire) == ["as_sent", "replaced", "as_sent"]
    assert wire.spans[1].meant == kit.chunk({"role": "assistant", "content": ""})


def test_repeat_first_of_a_role_passes_as_sent(play, kit):
    """A role is no text."""
    wire = play({"repeat_first": {"which": "role"}})
    assert kit.sent(wire)[:3] == [kit.ROLE, kit.ROLE, kit.HELLO]
    assert kit.meanings(wire)[:3] == ["as_sent"] * 3


def test_repeat_first_refuses_a_stream_without_text(play, kit):
    """A fault that changes nothing would test nothing."""
    with pytest.raises(FaultError, match="no first content"):
        play({"repeat_first": {}}, blocks=(kit.ROLE, kit.DONE))


@pytest.mark.parametrize(
    ("index", "meaning"),
    [(1, "nothing"), (2, "as_sent"), (-3, "as_sent"), (-1, "nothing")],
)
def test_event_dup_is_stutter_only_at_the_opening(play, kit, index, meaning):
    """A later repeat may be meant; a second [DONE] never is."""
    wire = play({"event_dup": {"index": index}})
    place = index % len(kit.STREAM)
    expected = [*kit.STREAM[: place + 1], *kit.STREAM[place:]]
    assert kit.sent(wire) == expected
    assert kit.meanings(wire)[place + 1] == meaning


def test_event_dup_knows_the_opening_of_every_choice(play, kit):
    """The first text of the second choice opens it, late as it may come."""
    second = kit.chunk({"content": "Hallo"}, index=1)
    blocks = (kit.HELLO, kit.WORLD, second, kit.DONE)
    wire = play({"event_dup": {"index": 2}}, blocks=blocks)
    assert kit.meanings(wire)[3] == "nothing"


def test_event_drop_leaves_events_out(play, kit):
    """Comments are not counted."""
    blocks = (b": hi\n\n", *kit.STREAM)
    wire = play({"event_drop": {"index": 1, "count": 2}}, blocks=blocks)
    assert kit.sent(wire) == [b": hi\n\n", kit.ROLE, *kit.STREAM[3:]]
    with pytest.raises(FaultError, match=r"event_drop\.count: only 1 event"):
        play({"event_drop": {"index": -1, "count": 2}})


def test_event_swap_exchanges_bytes_but_not_times(play, kit):
    """Each event is sent when the other was due."""
    wire = play({"event_swap": {"i": 1, "j": 3}})
    assert kit.sent(wire)[1:4] == [kit.WORLD, kit.COMMA, kit.HELLO]
    assert kit.times(wire) == kit.times(play())
    with pytest.raises(FaultError, match="two events"):
        play({"event_swap": {"i": -1, "j": 7}})


def test_event_truncate_cuts_the_data_and_keeps_the_lines(play, kit):
    """What began like an object may have carried text, and is lost."""
    wire = play({"event_truncate": {"index": 3, "keep_bytes": 9}})
    assert kit.sent(wire)[3] == b'data: {"id":"ch\n\n'
    assert kit.meanings(wire)[3] == "lost"
    assert kit.meanings(play({"event_truncate": {"index": -1, "keep_bytes": 3}}))[
        -1
    ] == ("nothing")
    with pytest.raises(FaultError, match="6 bytes of data, came 6"):
        play({"event_truncate": {"index": -1, "keep_bytes": 6}})


@pytest.mark.parametrize(
    ("parameters", "sent", "meaning"),
    [
        ({"data": "<html>"}, b"data: <html>\n\n", "nothing"),
        ({"data": '{"a":'}, b'data: {"a":\n\n', "lost"),
        ({"data": '{"a":1}'}, b'data: {"a":1}\n\n', "as_sent"),
        ({"data": "a\nb"}, b"data: a\ndata: b\n\n", "nothing"),
        ({"data": "<p>", "meaning": "lost"}, b"data: <p>\n\n", "lost"),
        ({"raw": "junk\n\n"}, b"junk\n\n", "as_sent"),
    ],
)
def test_insert_puts_an_event_between_two_others(play, kit, parameters, sent, meaning):
    """What it means follows from what it is, unless the scenario says so."""
    wire = play({"insert": {"at": {"event": 2}, **parameters}})
    assert kit.sent(wire) == [*kit.STREAM[:2], sent, *kit.STREAM[2:]]
    assert kit.meanings(wire)[2] == meaning


def test_insert_wants_data_or_raw(play):
    """One of them, not both."""
    with pytest.raises(FaultError, match="either data or raw"):
        play({"insert": {"at": {"event": 2}}})


def test_giant_event_is_a_chunk_of_the_stream_with_a_long_text(play, kit):
    """Everything but the text is as in the first text event."""
    wire = play({"giant_event": {"size": 12, "at": {"after": "first_content"}}})
    assert kit.sent(wire)[2] == kit.chunk({"content": "0 1 2 3 4 5 "})
    assert kit.meanings(wire)[2] == "as_sent"
