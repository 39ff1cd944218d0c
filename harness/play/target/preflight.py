"""The stream that is played first, to show that a target is between the two ends."""

from __future__ import annotations

import json

from harness.cassette.model import Framing, Request
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.blocks import Meaning, StreamEnd
from harness.faults.draft.wire import BlockSpan, WireDraft, Write
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script
from harness.sse import EVENT_STREAM

__all__ = ["preflight_script"]


def preflight_script() -> Script:
    """Return the script of a short correct answer without pauses."""
    events = OPENAI_CHAT.answer(name="preflight", text="ready")
    spans = []
    start = 0
    for event in events:
        end = start + len(event)
        spans.append(
            BlockSpan(start=start, end=end, meaning=Meaning.AS_SENT, meant=b"")
        )
        start = end
    wire = WireDraft(
        status=200,
        http_version="HTTP/1.1",
        headers=(("Content-Type", EVENT_STREAM),),
        framing=Framing.CHUNKED,
        head_at_ns=0,
        writes=tuple(Write(0, event) for event in events),
        spans=tuple(spans),
        end=StreamEnd.COMPLETE,
        end_at_ns=0,
    )
    asked = OPENAI_CHAT.request(model="preflight", prompt="ready?")
    return Script(
        scenario_id="preflight",
        seed=0,
        request=Request(
            method="POST",
            path=OPENAI_CHAT.path,
            headers=(("Content-Type", "application/json"),),
            body=json.dumps(asked, separators=(",", ":")).encode(),
        ),
        attempts=(wire,),
        client=ClientPlan(),
    )
