from __future__ import annotations

from typing import get_args

import pytest

from harness.faults.catalog.events.tools import Mode
from harness.faults.errors import FaultError


def test_a_stream_without_tool_calls_is_refused(play):
    """A fault that changes nothing would test nothing."""
    with pytest.raises(FaultError, match="no tool call"):
        play({"tool": {"mode": "whole"}})


@pytest.mark.parametrize("mode", get_args(Mode))
def test_every_mode_changes_the_stream_and_says_so(play, calls, mode):
    """A mode without an entry in the table would be an error of the code."""
    wire = play({"tool": {"mode": mode}}, blocks=calls)

    assert wire.body != b"".join(calls)
    [note] = wire.notes
    assert note.startswith(f"tool calls: {mode.replace('_', ' ')} (")
