from __future__ import annotations

import json

import pytest

from harness.faults.errors import FaultError


def _values(wire, kit, name):
    blocks = [block[6:] for block in kit.sent(wire) if b"[DONE]" not in block]
    return [json.loads(block).get(name) for block in blocks]


def test_identity_changes_in_every_chunk_or_from_one_on(play, kit):
    """The first keeps its own."""
    wire = play({"identity": {"id": "per_chunk", "created": {"change_at": 5}}})
    ids = ["chatcmpl-1", *(f"chatcmpl-1-{number}" for number in range(1, 7))]
    assert _values(wire, kit, "id") == ids
    assert _values(wire, kit, "created") == [7, 7, 7, 7, 7, 8, 1]
    assert kit.sent(wire)[-1] == kit.DONE


def test_identity_gives_a_name_where_there_was_none(play, kit):
    """A fingerprint that begins in mid stream."""
    wire = play({"identity": {"system_fingerprint": {"change_at": 6}}})
    assert _values(wire, kit, "system_fingerprint")[5:] == [
        None,
        "system_fingerprint-1",
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "expected one of id, created"),
        ({"model": {"change_at": 0}}, r"model\.change_at: expected 1 to 6, got 0"),
        ({"model": {"change_at": 7}}, r"model\.change_at: expected 1 to 6, got 7"),
        ({"model": {"at": 1}}, r"identity\.model: expected per_chunk or"),
    ],
)
def test_identity_refuses_what_is_no_change(play, parameters, message):
    """With the field that is to blame."""
    with pytest.raises(FaultError, match=message):
        play({"identity": parameters})


@pytest.mark.parametrize(
    ("field", "delta"),
    [
        ("reasoning", {"reasoning": "hm"}),
        ("both", {"reasoning_content": "hm", "reasoning": "hm"}),
        (
            "reasoning_details",
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "hm", "index": 0}
                ]
            },
        ),
        (
            "reasoning_items",
            {
                "reasoning_items": [
                    {
                        "type": "reasoning",
                        "summary": [{"type": "summary_text", "text": "hm"}],
                    }
                ]
            },
        ),
    ],
)
def test_reasoning_is_named_otherwise(play, kit, field, delta):
    """The content stays as it is."""
    thinks = kit.chunk({"reasoning_content": "hm"})
    blocks = (thinks, kit.HELLO, kit.DONE)
    wire = play({"reasoning": {"field": field}}, blocks=blocks)
    assert kit.sent(wire) == [kit.chunk(delta), kit.HELLO, kit.DONE]


def test_reasoning_can_stay_beside_content_empty(play, kit):
    """An empty field in every chunk behind the switch."""
    thinks = kit.chunk({"reasoning_content": "hm"})
    blocks = (kit.BANG, thinks, kit.HELLO, kit.DONE)
    named = {"field": "reasoning_content", "empty_after_switch": True}
    wire = play({"reasoning": named}, blocks=blocks)
    beside = kit.chunk({"content": "Hello", "reasoning_content": ""})
    assert kit.sent(wire) == [kit.BANG, thinks, beside, kit.DONE]


def test_reasoning_needs_some(play):
    """A fault that changes nothing would test nothing."""
    with pytest.raises(FaultError, match="no reasoning"):
        play({"reasoning": {"field": "both"}})
