from __future__ import annotations

import pytest

from harness.dialects.anthropic_messages.dialect import AnthropicMessages

MESSAGES = AnthropicMessages()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('{"type":"message_stop"}', True),
        ('{"type":"message_delta"}', False),
        ('{"type":"message_stop","choices":[]}', False),
        ('{"type":["message_stop"]}', False),
        ('["message_stop"]', False),
        ("message_stop", False),
    ],
)
def test_only_its_stop_finishes_a_message(data, expected):
    """It has neither choices nor a sentinel."""
    assert expected is MESSAGES.finishes(MESSAGES.read(data))


def test_an_error_is_named_by_its_event_and_its_type():
    """Its clients look at the event's name."""
    error = MESSAGES.error("Overloaded", "overloaded_error")

    assert "error" == error.event
    assert {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
    } == error.value
