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


def test_event_dup_can_come_after_other_events(play, kit):
    """Behind an unrelated text a repeat may be meant; before one it is stutter."""
    wire = play({"event_dup": {"index": 1, "gap_events": 1}})
    assert kit.sent(wire)[1:5] == [kit.HELLO, kit.COMMA, kit.HELLO, kit.WORLD]
    assert kit.meanings(wire)[3] == "as_sent"
    blocks = (kit.HELLO, kit.ROLE, kit.COMMA, kit.DONE)
    wire = play({"event_dup": {"index": 0, "gap_events": 1}}, blocks=blocks)
    assert kit.sent(wire) == [kit.HELLO, kit.ROLE, kit.HELLO, kit.COMMA, kit.DONE]
    assert kit.meanings(wire)[2] == "nothing"
    with pytest.raises(FaultError, match="gap_events: only 1 event"):
        play({"event_dup": {"index": -1, "gap_events": 1}})


def test_a_repeat_of_two_texts_is_reduced_to_the_one_that_is_new(play, kit):
    """The opening of one choice is over, the other's is not."""
    both = (
        b'data: {"choices":[{"index":0,"delta":{"content":"a"}},'
        b'{"index":1,"delta":{"content":"b"}}]}\n\n'
    )
    blocks = (kit.HELLO, kit.COMMA, both, kit.DONE)
    wire = play({"event_dup": {"index": 2}}, blocks=blocks)
    assert kit.meanings(wire)[3] == "replaced"
    assert wire.spans[3].meant == both.replace(b'"b"', b'""')


def test_replay_window_sends_a_run_again(play, kit):
    """Whatever follows the opening passes as sent."""
    wire = play({"replay_window": {"from": 1, "len": 3}})
    assert kit.sent(wire)[1:8] == [*kit.STREAM[1:4], *kit.STREAM[1:4], kit.BANG]
    assert kit.meanings(wire)[4:7] == ["as_sent"] * 3
    assert kit.times(wire)[3:8] == [130, 132.5, 135, 137.5, 140]


def test_replay_window_of_the_opening_is_stutter(play, kit):
    """One delta again, and again."""
    wire = play({"replay_window": {"from": 0, "len": 2, "times": 3}})
    assert kit.sent(wire)[:6] == [kit.ROLE, kit.HELLO] * 3
    assert kit.meanings(wire)[:6] == ["as_sent", "as_sent", *["as_sent", "nothing"] * 2]
    with pytest.raises(FaultError, match=r"replay_window\.len: only 2 event"):
        play({"replay_window": {"from": -2, "len": 3}})
    with pytest.raises(FaultError, match=r"replay_window\.from: the stream has 8"):
        play({"replay_window": {"from": 8, "len": 1}})


def test_event_swap_can_move_runs(play, kit):
    """Two events against two."""
    wire = play({"event_swap": {"i": 1, "j": 3, "count": 2}})
    assert kit.sent(wire)[1:5] == [kit.WORLD, kit.BANG, kit.HELLO, kit.COMMA]
    with pytest.raises(FaultError, match="runs that do not overlap"):
        play({"event_swap": {"i": 1, "j": 2, "count": 2}})


def test_a_repeat_of_a_cumulative_delta_means_nothing(play, kit):
    """Its new text was already said by the first."""
    wire = play({"growing_first": {"count": 3}}, {"event_dup": {"index": 2}})

    assert kit.sent(wire)[2] == kit.sent(wire)[3]
    assert kit.meanings(wire)[2:4] == ["replaced", "nothing"]
