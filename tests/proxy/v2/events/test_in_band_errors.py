from __future__ import annotations

import pytest

from proxy.v2.events.in_band_errors import InBandError, in_band_error

THEIRS = InBandError(blames_upstream=True)
OURS = InBandError(blames_upstream=False)


@pytest.mark.parametrize(
    "chunk",
    [
        {"error": {"message": "overloaded", "type": "server_error", "code": 503}},
        {"error": "Internal error"},
        {"error": ["odd"]},
        {"choices": [], "error": {"code": 502, "message": "Provider error"}},
        {"type": "error", "error": {"type": "overloaded_error"}},
        {"type": "error", "code": "server_error", "message": "x"},
        {"type": "response.failed", "response": {"error": {"code": "server_error"}}},
        {"type": "response.failed"},
        {"error": {"type": ["odd"], "code": None}},
        {"error": {"code": 4}},
        {"error": {"code": "4001"}},
        {"error": {"code": "4xx"}},
    ],
)
def test_errors_of_the_upstream(chunk):
    """Every shape that servers write counts."""
    assert in_band_error(chunk) == THEIRS


@pytest.mark.parametrize(
    "chunk",
    [
        {"error": {"type": "invalid_request_error", "message": "x"}},
        {"error": {"code": "context_length_exceeded"}},
        {"error": {"code": 400}},
        {"error": {"code": "429"}},
        {"error": {"status": 404}},
        {"type": "error", "error": {"type": "invalid_request_error"}},
    ],
)
def test_errors_of_the_request(chunk):
    """They say nothing about the upstream's health."""
    assert in_band_error(chunk) == OURS


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"error": None},
        {"error": {}},
        {"type": "message_stop"},
        {"type": "response.completed", "response": {"error": None}},
        {"choices": [{"delta": {"content": "error"}}]},
    ],
)
def test_no_error(chunk):
    """An empty key is not an error."""
    assert in_band_error(chunk) is None
