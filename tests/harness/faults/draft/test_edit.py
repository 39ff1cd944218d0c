from __future__ import annotations

from dataclasses import replace

import pytest

from harness.faults.draft import edit as edit_module
from harness.faults.draft.blocks import Meaning
from harness.faults.draft.edit import Edit, delayed
from harness.faults.draft.lowering import draft_response, lower
from harness.faults.errors import FaultError


def test_all_changes_are_made_at_once_by_the_numbers_of_before(draft, kit):
    """A new block stands before the one that it names, behind those put there."""
    edit = Edit(draft)
    edit.drop(0)
    edit.insert(1, b": one\n\n", at_ns=1)
    edit.insert(1, b": two\n\n", at_ns=2)
    edit.replace_bytes(2, kit.BANG, meaning=Meaning.REPLACED, meant=kit.COMMA)
    edit.insert(8, b": end\n\n", at_ns=3)
    made = edit.apply()

    assert [block.sent for block in made.blocks] == [
        *(b": one\n\n", b": two\n\n", kit.HELLO, kit.BANG),
        *(*kit.STREAM[3:], b": end\n\n"),
    ]
    assert (made.blocks[3].meaning, made.blocks[3].meant) == (
        Meaning.REPLACED,
        kit.COMMA,
    )


def test_a_new_block_parts_the_write_that_it_stands_in(kit):
    """It has one of its own."""
    body = b"".join(kit.STREAM)
    edit = Edit(draft_response(kit.response((body,))))
    edit.insert(1, b":\n\n", at_ns=0)
    writes = [write.data for write in lower(edit.apply()).writes]

    assert writes == [kit.ROLE, b":\n\n", body[len(kit.ROLE) :]]


def test_a_change_keeps_the_meaning_and_the_borders_of_writes(kit):
    """What was meant is changed alike; the last write takes what is longer."""
    draft = draft_response(kit.response((b"data: a", b"bc\n\n")))
    [block] = draft.blocks
    block = replace(block, meaning=Meaning.REPLACED, meant=b"data: x\n\n")
    edit = Edit(replace(draft, blocks=(block,)))
    edit.change(0, lambda sent: sent.replace(b"\n", b"\r\n"))
    [changed] = edit.apply().blocks

    assert [part.data for part in changed.parts] == [b"data: a", b"bc\r\n\r\n"]
    assert changed.meaning is Meaning.REPLACED
    assert changed.meant == b"data: x\r\n\r\n"


def test_a_block_is_written_later(draft):
    """All of it."""
    late = delayed(draft.blocks[0], 5)

    assert late.at_ns == draft.blocks[0].at_ns + 5
    assert late.sent == draft.blocks[0].sent


def test_a_stream_that_grows_too_long_is_refused(draft, monkeypatch):
    """Before memory is taken for all of it."""
    monkeypatch.setattr(edit_module, "MAX_BODY", 1000)
    edit = Edit(draft)
    with pytest.raises(FaultError, match="would have more than 0 MiB"):
        edit.insert(0, b"x" * 1001, at_ns=0)
    small = Edit(draft)
    small.insert(0, b"x" * 500, at_ns=0)
    with pytest.raises(FaultError, match="would have more than 0 MiB"):
        small.apply()
