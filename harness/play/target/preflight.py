"""The stream that is played before all others, to show that a target is in the way."""

from __future__ import annotations

from harness.cassette.model import Framing, Request
from harness.faults.draft.blocks import Meaning, StreamEnd
from harness.faults.draft.wire import BlockSpan, WireDraft, Write
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script
from harness.sse.encoder import encode_event

__all__ = ["preflight_script"]

_CHUNK = (
    '{"id":"chatcmpl-preflight","object":"chat.completion.chunk","created":0,'
    '"model":"preflight","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}'
)


def preflight_script() -> Script:
    """Return a short right answer with no pauses."""
    events = [
        encode_event(_CHUNK % ('{"role":"assistant","content":"ready"}', "null")),
        encode_event(_CHUNK % ("{}", '"stop"')),
        encode_event("[DONE]"),
    ]
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
        headers=(("Content-Type", "text/event-stream"),),
        framing=Framing.CHUNKED,
        head_at_ns=0,
        writes=tuple(Write(0, event) for event in events),
        spans=tuple(spans),
        end=StreamEnd.COMPLETE,
        end_at_ns=0,
    )
    return Script(
        scenario_id="preflight",
        seed=0,
        request=Request(
            method="POST",
            path="/v1/chat/completions",
            headers=(("Content-Type", "application/json"),),
            body=b'{"model":"preflight","messages":[{"role":"user","content":"ready?"}],'
            b'"stream":true}',
        ),
        attempts=(wire,),
        client=ClientPlan(),
    )
