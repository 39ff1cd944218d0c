from __future__ import annotations

import pytest

from harness.faults.errors import FaultError


def test_prefix_makes_every_delta_carry_the_text_so_far(play, kit):
    """What was meant is the original delta."""
    wire = play({"cumulative": {"mode": "prefix"}})
    texts = ["Hello", "Hello, ", "Hello, 世界", "Hello, 世界!"]
    assert kit.sent(wire)[1:5] == [kit.chunk({"content": text}) for text in texts]
    assert kit.meanings(wire)[1:5] == ["as_sent", *["replaced"] * 3]
    assert [span.meant for span in wire.spans[2:5]] == list(kit.STREAM[2:5])
    assert kit.sent(wire)[5:] == list(kit.STREAM[5:])


def test_choices_add_up_each_for_itself(play, kit):
    """Two choices in one event are two texts."""
    other = kit.chunk({"content": "Hallo"}, index=1)
    more = kit.chunk({"content": " Welt"}, index=1)
    wire = play({"cumulative": {}}, blocks=(kit.HELLO, other, kit.BANG, more))
    assert kit.sent(wire)[2] == kit.chunk({"content": "Hello!"})
    assert kit.sent(wire)[3] == kit.chunk({"content": "Hallo Welt"}, index=1)


def test_final_full_passes_as_sent_once_the_opening_is_over(play, kit):
    """Nothing tells it from a repeat that is meant; a second delta still can be."""
    wire = play({"cumulative": {"mode": "final_full"}})
    assert kit.sent(wire)[2:5] == [
        kit.COMMA,
        kit.WORLD,
        kit.chunk({"content": "Hello, 世界!"}),
    ]
    assert set(kit.meanings(wire)) == {"as_sent"}
    short = play(
        {"cumulative": {"mode": "final_full"}}, blocks=(kit.HELLO, kit.BANG, kit.DONE)
    )
    assert kit.meanings(short) == ["as_sent", "replaced", "as_sent"]


def test_intermittent_full_repeats_all_in_every_fourth_delta(play, kit):
    """The others stay as they were."""
    blocks = tuple(kit.chunk({"content": letter}) for letter in "abcdefgh")
    wire = play({"cumulative": {"mode": "intermittent_full"}}, blocks=blocks)
    texts = ["a", "b", "c", "abcd", "e", "f", "g", "abcdefgh"]
    assert kit.sent(wire) == [kit.chunk({"content": text}) for text in texts]
    with pytest.raises(FaultError, match="longest has 3"):
        play({"cumulative": {"mode": "intermittent_full"}}, blocks=blocks[:3])


def test_reasoning_adds_up_under_both_of_its_names(play, kit):
    """Only where the scenario names the field."""
    one = kit.chunk({"reasoning_content": "a", "reasoning": "a"})
    two = kit.chunk({"reasoning_content": "b", "reasoning": "b"})
    faults = {"cumulative": {"fields": ["reasoning"]}}
    wire = play(faults, blocks=(one, two, kit.HELLO, kit.BANG))
    assert kit.sent(wire)[1] == kit.chunk(
        {"reasoning_content": "ab", "reasoning": "ab"}
    )
    assert kit.sent(wire)[2:] == [kit.HELLO, kit.BANG]


def test_growing_first_grows_and_then_goes_on_plainly(play, kit):
    """Three deltas grow, the first of them as it was."""
    wire = play({"growing_first": {"count": 3}})
    assert kit.sent(wire)[1:5] == [
        kit.HELLO,
        kit.chunk({"content": "Hello, "}),
        kit.chunk({"content": "Hello, 世界"}),
        kit.BANG,
    ]
    assert kit.meanings(wire)[1:5] == ["as_sent", "replaced", "replaced", "as_sent"]


def test_one_delta_cannot_add_up(play, kit):
    """A fault that changes nothing would test nothing."""
    for name in ("cumulative", "growing_first"):
        with pytest.raises(FaultError, match="two text deltas"):
            play({name: {}}, blocks=(kit.HELLO, kit.DONE))


def test_a_repeat_before_it_adds_nothing_to_the_text(play, kit):
    """Left to right: the first delta twice, then every delta with the text so far."""
    wire = play({"repeat_first": {}}, {"cumulative": {}})
    assert kit.sent(wire)[1:4] == [
        kit.HELLO,
        kit.HELLO,
        kit.chunk({"content": "Hello, "}),
    ]
    assert kit.meanings(wire)[1:4] == ["as_sent", "nothing", "replaced"]


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        (
            b'data: {"choices": [{"delta": {"content": "b"}}]}\r\n\r\n',
            b'data: {"choices": [{"delta": {"content": "ab"}}]}\r\n\r\n',
        ),
        (
            b'id: 4\ndata:{"choices":[{"delta":{"content":"\\u4e16"}}]}\n\n',
            b'id: 4\ndata:{"choices":[{"delta":{"content":"a\\u4e16"}}]}\n\n',
        ),
        (
            'data: {"choices":[{"delta":{"content":"世, : "}}]}\n\n'.encode(),
            'data: {"choices":[{"delta":{"content":"a世, : "}}]}\n\n'.encode(),
        ),
        (
            b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
            b'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n',
        ),
    ],
)
def test_changed_json_keeps_the_style_of_its_provider(play, kit, original, expected):
    """Spacing, escapes, line ends and other fields of the event stay."""
    first = kit.chunk({"content": "a"})
    wire = play({"cumulative": {}}, blocks=(first, original))
    assert kit.sent(wire)[1] == expected


def test_drift_repeats_not_quite_what_was_sent(play, kit):
    """So it is no repeat: the opening is over, and all passes as sent."""
    wire = play({"cumulative": {"mode": "drift"}})
    texts = ["Hello", " Hello, ", "Hello, 世界", " Hello, 世界!"]
    assert kit.sent(wire)[1:5] == [kit.chunk({"content": text}) for text in texts]
    assert set(kit.meanings(wire)) == {"as_sent"}


def test_drift_takes_a_space_away_that_is_there(play, kit):
    """Where the text begins with one."""
    one, two = kit.chunk({"content": " a"}), kit.chunk({"content": "b"})
    wire = play({"cumulative": {"mode": "drift"}}, blocks=(one, two, kit.DONE))
    assert kit.sent(wire)[1] == kit.chunk({"content": "ab"})


def test_start_says_which_delta_is_the_first_to_carry_all(play, kit):
    """From the third on the opening is over by then."""
    wire = play({"cumulative": {"start": 3}})
    texts = ["Hello", ", ", "Hello, 世界", "Hello, 世界!"]
    assert kit.sent(wire)[1:5] == [kit.chunk({"content": text}) for text in texts]
    assert set(kit.meanings(wire)) == {"as_sent"}
    assert play({"cumulative": {"start": 2}}).body == play({"cumulative": {}}).body
    with pytest.raises(FaultError, match=r"cumulative\.start: .* longest has 4"):
        play({"cumulative": {"start": 5}})


def test_cumulative_knows_both_names_of_reasoning(play, kit):
    """As the wire and as the judge call it."""
    blocks = (kit.chunk({"reasoning": "a"}), kit.chunk({"reasoning": "b"}))
    one, other = (
        play({"cumulative": {"fields": [name]}}, blocks=blocks)
        for name in ("reasoning", "reasoning_content")
    )
    assert one.body == other.body


def test_of_one_event_only_the_text_in_its_opening_is_reduced(play, kit):
    """The other text is past it, and passes as sent."""
    both = (
        b'data: {"choices":[{"index":0,"delta":{"content":"c"}},'
        b'{"index":1,"delta":{"content":"d"}}]}\n\n'
    )
    other = kit.chunk({"content": "x"}, index=1)
    plain = kit.chunk({"content": ", "})
    wire = play(
        {"cumulative": {"mode": "final_full"}},
        blocks=(kit.HELLO, plain, other, both, kit.DONE),
    )
    assert kit.sent(wire)[3] == both.replace(b'"c"', b'"Hello, c"').replace(
        b'"d"', b'"xd"'
    )
    assert kit.meanings(wire)[3] == "replaced"
    assert wire.spans[3].meant == both.replace(b'"c"', b'"Hello, c"')


def test_shrinking_first_takes_text_back(play, kit):
    """What was sent is not: the shorter repeats mean nothing."""
    wire = play({"shrinking_first": {"count": 3}})
    texts = ["Hello, 世界", "Hello, ", "Hello", "!"]
    assert kit.sent(wire)[1:5] == [kit.chunk({"content": text}) for text in texts]
    assert kit.meanings(wire)[1:5] == ["as_sent", "nothing", "nothing", "as_sent"]
    with pytest.raises(FaultError, match=r"at most 4.* got 5"):
        play({"shrinking_first": {"count": 5}})


def test_shrinking_first_keeps_what_an_event_says_beside_its_text(play, kit):
    """A role in every delta stays, without the text."""
    blocks = tuple(
        kit.chunk({"role": "assistant", "content": letter}) for letter in "abc"
    )
    wire = play({"shrinking_first": {"count": 2}}, blocks=blocks)
    assert kit.meanings(wire) == ["as_sent", "replaced", "as_sent"]
    assert kit.sent(wire)[1] == blocks[0]
    assert wire.spans[1].meant == kit.chunk({"role": "assistant", "content": ""})
