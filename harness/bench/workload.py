"""The load of a bench: chunks that carry their number and the time of their sending.

The stamp is in the text, which every proxy passes on, and CLOCK_MONOTONIC is the same
for all processes of a machine: a reader needs no other message from the sender.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from harness.dialects.registry import OPENAI_CHAT
from harness.sse import encode_event

__all__ = ["DONE", "FINISH", "MARK", "REQUEST", "Workload", "event"]

_HEAD = (
    b'data: {"id":"chatcmpl-9yXb6KQp2Vd3mTn8Ls4RwZ1cJ7hF",'
    b'"object":"chat.completion.chunk","created":1795427072,"model":"bench",'
    b'"system_fingerprint":"fp_44709d","choices":[{"index":0,"delta":{"content":" '
)
_TAIL = b'"},"logprobs":null,"finish_reason":null}],"usage":null}\n\n'

MARK = re.compile(rb'"content":\s*" ([0-9]+)\.([0-9]+)"')
"""Number and stamp of a chunk, also where a proxy wrote the JSON again."""

FINISH = (
    b'data: {"id":"chatcmpl-9yXb6KQp2Vd3mTn8Ls4RwZ1cJ7hF",'
    b'"object":"chat.completion.chunk","created":1795427072,"model":"bench",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
)

DONE = encode_event(OPENAI_CHAT.end)

REQUEST = json.dumps(
    OPENAI_CHAT.request(model="bench", prompt="Count."), separators=(",", ":")
).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The load on one target.

    Attributes:
        streams: Streams at the same time.
        events: Text deltas of each stream.
        rate: Events per second of each stream; 0: as fast as possible.
    """

    streams: int
    events: int
    rate: float

    @property
    def total(self) -> int:
        """Text deltas of all streams together."""
        return self.streams * self.events

    @property
    def seconds(self) -> float:
        """Duration of a stream at its pace; 0 where it has none."""
        return self.events / self.rate if self.rate else 0.0


def event(number: int, at_ns: int) -> bytes:
    """Return one chunk of about 300 bytes, as providers send them.

    Args:
        number: Counted from 0 within its stream.
        at_ns: When it is sent, on the monotonic clock.
    """
    return b"%b%d.%d%b" % (_HEAD, number, at_ns, _TAIL)
