from __future__ import annotations

import pytest

from harness.dialects.openai_responses.dialect import OpenAIResponses


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "response.created"}, True),
        ({"type": "response.output_text.delta"}, True),
        ({"type": "responses"}, False),
        ({"type": None}, False),
        (["response.created"], False),
    ],
)
def test_its_events_are_known_by_their_type(value, expected):
    """Every type of an event begins alike."""
    assert expected is OpenAIResponses().owns(value)
