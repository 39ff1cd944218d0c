"""The table of endings, fact by fact."""

from __future__ import annotations

import pytest

from harness.cassette.model import EndingKind
from harness.record.ending import EndFacts, Hook, Side, classify

ERROR = Hook.ERROR


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        # The recorder itself.
        ({"hook": Hook.DONE}, EndingKind.RECORDER_STOPPED),
        ({"hook": Hook.DONE, "side": Side.CLIENT}, EndingKind.RECORDER_STOPPED),
        (
            {"hook": ERROR, "killed": True, "side": Side.CLIENT},
            EndingKind.RECORDER_STOPPED,
        ),
        # The message was whole.
        ({"hook": Hook.RESPONSE}, EndingKind.COMPLETE),
        ({"hook": Hook.RESPONSE, "upstream_reset": True}, EndingKind.COMPLETE),
        (
            {"hook": Hook.RESPONSE, "closed_by_length": False},
            EndingKind.COMPLETE,
        ),
        (
            {
                "hook": Hook.RESPONSE,
                "closed_by_length": False,
                "upstream_reset": True,
            },
            EndingKind.RESET,
        ),
        # The client; a reset that its leaving caused upstream says nothing.
        ({"hook": ERROR, "side": Side.CLIENT}, EndingKind.CLIENT_CLOSED),
        (
            {"hook": ERROR, "side": Side.CLIENT, "upstream_reset": True},
            EndingKind.CLIENT_CLOSED,
        ),
        ({"hook": ERROR, "client_gone": True}, EndingKind.CLIENT_CLOSED),
        (
            {"hook": ERROR, "side": Side.CLIENT, "stream_reset": True},
            EndingKind.CLIENT_CLOSED,
        ),
        # The layer knows better than the state of the connection.
        (
            {"hook": ERROR, "side": Side.UPSTREAM, "client_gone": True},
            EndingKind.TRUNCATED,
        ),
        # Idleness, known or only likely.
        (
            {"hook": ERROR, "side": Side.CLIENT, "timed_out": True},
            EndingKind.TIMEOUT,
        ),
        (
            {
                "hook": ERROR,
                "side": Side.CLIENT,
                "timed_out": False,
                "silent_ns": 99,
                "idle_limit_ns": 9,
            },
            EndingKind.CLIENT_CLOSED,
        ),
        (
            {
                "hook": ERROR,
                "side": Side.CLIENT,
                "silent_ns": 9,
                "idle_limit_ns": 9,
            },
            EndingKind.TIMEOUT,
        ),
        (
            {
                "hook": ERROR,
                "side": Side.CLIENT,
                "silent_ns": 8,
                "idle_limit_ns": 9,
            },
            EndingKind.CLIENT_CLOSED,
        ),
        # The upstream.
        ({"hook": ERROR, "side": Side.UPSTREAM}, EndingKind.TRUNCATED),
        ({"hook": ERROR}, EndingKind.TRUNCATED),
        (
            {"hook": ERROR, "side": Side.UPSTREAM, "upstream_reset": True},
            EndingKind.RESET,
        ),
        (
            {"hook": ERROR, "side": Side.UPSTREAM, "stream_reset": True},
            EndingKind.RESET,
        ),
        (
            {"hook": ERROR, "side": Side.UPSTREAM, "timed_out": True},
            EndingKind.TRUNCATED,
        ),
    ],
)
def test_classifies(facts, kind):
    """Each rule decides, in its order."""
    assert kind is classify(EndFacts(**facts))
