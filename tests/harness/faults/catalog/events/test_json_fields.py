from __future__ import annotations

import pytest

from harness.faults.errors import FaultError


def test_json_patch_sets_and_removes_fields(play, kit):
    """In every choice, or in the chunk itself."""
    wire = play(
        {
            "json_patch": {
                "select": "finish",
                "set": {"delta.content": "", "finish_reason": "length", "model": "n"},
                "remove": ["created"],
            }
        }
    )
    assert kit.sent(wire)[5] == (
        b'data: {"id":"chatcmpl-1","model":"n","choices":'
        b'[{"index":0,"delta":{"content":""},"finish_reason":"length"}]}\n\n'
    )
    assert [*kit.sent(wire)[:5], *kit.sent(wire)[6:]] == [
        *kit.STREAM[:5],
        *kit.STREAM[6:],
    ]
    assert set(kit.meanings(wire)) == {"as_sent"}


@pytest.mark.parametrize(
    ("select", "places"),
    [
        ("role", [0]),
        ("first_content", [1]),
        ("last_content", [4]),
        ("content", [1, 2, 3, 4]),
        ("empty_choices", [6]),
        ([0, -2], [0, 6]),
        ("finish", [5]),
        ("usage", [6]),
        ("all", [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_json_patch_selects_chunks(play, kit, select, places):
    """All that fit, but for the first text."""
    wire = play({"json_patch": {"select": select, "set": {"seen": True}}})
    assert [at for at, block in enumerate(kit.sent(wire)) if b"seen" in block] == places


def test_json_patch_can_put_null_where_lists_and_objects_were(play, kit):
    """Azure sends a null delta, others null choices."""
    wire = play({"json_patch": {"select": "role", "set": {"delta": None}}})
    assert b'"delta":null' in kit.sent(wire)[0]
    wire = play({"json_patch": {"select": "role", "set": {"choices": None}}})
    assert b'"choices":null' in kit.sent(wire)[0]


def test_json_patch_refuses_to_do_nothing(play):
    """No change asked for, or no chunk that fits."""
    with pytest.raises(FaultError, match="one of set, null"):
        play({"json_patch": {"select": "all"}})
    with pytest.raises(FaultError, match="no chunk fits 'tool'"):
        play({"json_patch": {"select": "tool", "set": {"x": 1}}})


def test_json_patch_changes_what_is_meant_as_well(play, kit):
    """A delta that was made cumulative is still meant to say its own text."""
    wire = play(
        {"cumulative": {}}, {"json_patch": {"select": "content", "remove": ["id"]}}
    )
    assert b"chatcmpl-1" not in wire.spans[2].meant
    assert b'"content":", "' in wire.spans[2].meant


def test_json_patch_puts_null_and_renames(play, kit):
    """Null beside absent; the value of a renamed field stays."""
    patch = {"null": ["delta.role"], "rename": {"delta.content": "text"}}
    wire = play({"json_patch": {"select": "role", **patch}})
    assert b'"delta":{"role":null,"text":""}' in kit.sent(wire)[0]


def test_json_patch_reaches_into_lists(play, kit):
    """By the number of the entry."""
    calls = [{"index": 0, "id": "a"}, {"index": 1, "id": "b"}]
    blocks = (kit.chunk({"tool_calls": calls}), kit.DONE)
    patch = {"select": "tool", "null": ["delta.tool_calls.1.id"]}
    wire = play({"json_patch": patch}, blocks=blocks)
    assert b'{"index":0,"id":"a"},{"index":1,"id":null}' in kit.sent(wire)[0]


def test_json_patch_refuses_events_that_are_no_chunks(play):
    """And numbers that there are not, and a change that is none."""
    for select, message in (
        ([-1], "expected events that are chunks, got event -1"),
        ([], "got no event"),
        ([8], "the stream has 8 event"),
    ):
        with pytest.raises(FaultError, match=message):
            play({"json_patch": {"select": select, "null": ["x"]}})
    with pytest.raises(FaultError, match="it changes nothing"):
        play({"json_patch": {"select": "all", "remove": ["no.such.field"]}})
