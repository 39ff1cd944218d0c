from __future__ import annotations

import pytest

from harness.faults.errors import FaultError


def test_lost_fragment_loses_the_middle_of_the_arguments(
    play, calls, read_calls, whole_calls
):
    """Never a fragment that names a call."""
    wire = play({"tool": {"mode": "lost_fragment"}}, blocks=calls)
    assert read_calls(wire) == [(0, "call_a", "f", '{"x"'), whole_calls[1]]


def test_split_every_n_sends_fragments_of_so_many_characters(  # noqa: PLR0917 - fixtures are arguments
    play, calls, kit, read_calls, fragments, whole_calls
):
    """The calls stay the same; the times lie between the events."""
    wire = play({"tool": {"mode": "split_every_n", "n": 2}}, blocks=calls)
    assert read_calls(wire) == whole_calls
    parts = ["", '{"', 'x"', ":1", "}"]
    assert [text for index, text in fragments(wire) if index == 0] == parts
    assert kit.times(wire) == sorted(kit.times(wire))
    with pytest.raises(FaultError, match=r"tool\.n: no fragment has more than 9"):
        play({"tool": {"mode": "split_every_n", "n": 9}}, blocks=calls)


def test_dup_final_flush_sends_all_arguments_once_more(play, calls, read_calls):
    """Behind the last fragment of each call, without id and name."""
    wire = play({"tool": {"mode": "dup_final_flush"}}, blocks=calls)
    assert read_calls(wire) == [
        (0, "call_a", "f", '{"x":1}' * 2),
        (1, "call_b", "g", "{}" * 2),
    ]


def test_a_flush_never_repeats_the_finish(play, kit):
    """Where the last fragment shares its event."""
    call = {"index": 0, "id": "call_a", "function": {"name": "f", "arguments": "{}"}}
    last = kit.chunk({"tool_calls": [call]}, finish="tool_calls", usage={"total": 1})
    wire = play({"tool": {"mode": "dup_final_flush"}}, blocks=(last, kit.DONE))
    again = {"index": 0, "function": {"arguments": "{}"}}
    assert kit.sent(wire) == [last, kit.chunk({"tool_calls": [again]}), kit.DONE]


def test_arguments_can_lose_their_first_brace_or_their_end(
    play, calls, read_calls, fragments
):
    """The other fragments stay."""
    wire = play({"tool": {"mode": "missing_brace"}}, blocks=calls)
    assert [call[3] for call in read_calls(wire)] == ['"x":1}', "}"]
    wire = play({"tool": {"mode": "truncated_end"}}, blocks=calls)
    assert [call[3] for call in read_calls(wire)] == ['{"x":', "{"]
