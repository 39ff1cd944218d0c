"""The processing of an event stream: upstream bytes in, client bytes out.

* Events keep their order, and payload bytes that need no change are not changed.
* JSON of any kind passes; only objects are examined.
* An event that is not JSON is dropped and counted, and the stream goes on.  If it
  begins like an object, text may be lost with it, and the client gets an error event at
  the end, in place of ``[DONE]``, or before the event that ends the answer in another
  dialect (which may hold the whole answer, so it passes).  Other data that is not JSON
  (a plain word, or empty) is the keep-alive of some server: no text is lost.
* ``[DONE]`` counts with any line end and white space around it; nothing follows it.
* Held events are sent before anything else: before ``[DONE]``, an error, an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from proxy.v2.dialect import Dialect, Failure
from proxy.v2.events.content import carries_nothing, carries_text, comes_after_text
from proxy.v2.events.event_parser import EventParser, Item, encode_event
from proxy.v2.events.in_band_errors import InBandError, in_band_error
from proxy.v2.events.payload import Edit, as_utf8, read_leniently, rewrite
from proxy.v2.events.template import EventTemplate, template_of
from proxy.v2.journal import Journal
from proxy.v2.settings import OnMalformed, Settings, StutterMode
from proxy.v2.states import State, StateTrigger
from proxy.v2.stutter.hold_buffer import FlushReason, HeldEvent, HoldBuffer
from proxy.v2.stutter.openings import Openings

__all__ = ["EventStream"]

_NORMAL_FLOW = State.NORMAL_FLOW
"""A constant, because each lookup of an enum member costs, and every event has one."""

_MAX_TRIES = 8
"""How many templates to try in a row without a match; each costs two readings."""


class EventStream:
    """The processor of one event stream: it returns the bytes for the client.

    Args:
        settings: The settings of this stream.
        dialect: The client's dialect.
        asked_at_ns: The time of the client's request.

    Attributes:
        journal: The journal for operators.  It is also notable if the stream has ended
            or failed, or the time of :attr:`flush_at_ns` has changed.
        chunks: How many events were read, malformed ones included.
        finished: Whether ``[DONE]`` was reached; nothing may follow it.
        failure: A failure found in the bytes themselves.
        error: An error that the upstream sent as an event.
    """

    def __init__(
        self, settings: Settings, dialect: Dialect, asked_at_ns: int = 0
    ) -> None:
        self._dialect = dialect
        self._report = settings.on_malformed is OnMalformed.REPORT
        self._openings: Openings | None = None
        self._buffer: HoldBuffer | None = None
        if settings.stutter is StutterMode.OPENING:
            if settings.hold_ns:
                self._buffer = HoldBuffer(settings.buffer_bytes, settings.hold_ns)
            self._openings = Openings(held=self._buffer is not None)
        self._parser = EventParser()
        self._template: EventTemplate | None = None
        self._tries = _MAX_TRIES
        self._learned_at = 0
        self._carried: dict[bytes, bytes] = {}
        self._asked_at_ns = asked_at_ns
        self._now_ns = asked_at_ns
        self._first_token_seen = False
        self._lossy = False
        self._over = False
        self.journal = Journal()
        self.chunks = 0
        self.finished = False
        self.failure: Failure | None = None
        self.error: InBandError | None = None

    def feed(self, data: bytes, now_ns: int = 0) -> bytes:
        """Take body bytes and return the bytes for the client."""
        template = self._template
        if template is None or not self._parser.clean:
            items = self._parser.feed(data)
            if not items:
                return b""
            self._now_ns = now_ns
            return self._pass_on(items)
        # Most reads of most streams: one more event like the last.
        if data.find(b"\n") == len(data) - 2 and template.matches(data):
            self.chunks += 1
            return data
        count, end = template.match_run(data)
        self.chunks += count
        if end == len(data):
            return data
        self._now_ns = now_ns
        return data[:end] + self._pass_on(self._parser.feed(data[end:]))

    def close(self, now_ns: int = 0) -> bytes:
        """Take the upstream's clean end and return the last bytes.

        It completes an unfinished event.  Nothing is invented, but lost text is
        reported.
        """
        self._now_ns = now_ns
        last = self._pass_on(self._parser.finish())
        if self.finished:
            return last
        last += self.flush(now_ns, FlushReason.END)
        if not self._must_report:
            return last
        return last + self._dialect.error_event(Failure.MALFORMED, self.chunks)

    def fail(self, failure: Failure, now_ns: int = 0) -> bytes:
        """Return the held events, and the event that reports a failure to the client.

        There is no error event if the answer is over and only the connection was not:
        nothing follows an ending, and clients have stopped reading.
        """
        self.journal.errors += 1
        held = self.flush(now_ns, FlushReason.END)
        if self._over:
            return held
        return held + self._dialect.error_event(failure, self.chunks)

    @property
    def flush_at_ns(self) -> int | None:
        """When :meth:`flush` is due; None if nothing is held back."""
        buffer = self._buffer
        if buffer is None or buffer.since_ns is None:
            return None
        return buffer.since_ns + buffer.hold_ns

    def flush(self, now_ns: int, reason: FlushReason = FlushReason.AGE) -> bytes:
        """Return the held events."""
        self._now_ns = now_ns
        out: list[bytes] = []
        if self._buffer is not None and self._buffer.since_ns is not None:
            self._release(self._buffer, reason, out)
        return b"".join(out)

    @property
    def outcome(self) -> str:
        """The outcome of a stream that ended by itself, in one word."""
        if self.error is not None:
            return "error"
        return "lossy" if self._lossy else "complete"

    def terminate(self) -> None:
        """Close the journal: the stream is over."""
        self.journal.over(self.chunks, self._openings)

    @property
    def _must_report(self) -> bool:
        return self._lossy and self._report and not self._over

    def _pass_on(self, items: Iterable[Item]) -> bytes:
        out: list[bytes] = []
        template = self._template
        for item in items:
            if item[0] == "event":
                if template is not None and template.matches(item[2]):
                    self.chunks += 1
                    out.append(item[2])
                    continue
                try:
                    chunk = orjson.loads(item[1])
                except ValueError:
                    self._pass_odd(item[1], item[2], item[3], out)
                else:
                    self._pass_event(chunk, item[1], item[2], item[3], out)
                if self.finished:
                    break
                template = self._template
            elif item[0] == "ignored":
                out.append(item[1])
            elif item[0] == "fields":
                self._carried |= item[1]
                template = self._template = None
            else:
                self.failure = Failure.TOO_LARGE
                self.journal.notable = True
        return b"".join(out)

    def _pass_event(
        self, chunk: Any, payload: bytes, raw: bytes, head: bytes, out: list[bytes]
    ) -> None:
        """Pass a readable event, without the text that its opening repeats."""
        self.chunks += 1
        if type(chunk) is dict and ("error" in chunk or "type" in chunk):
            self._look_closer(chunk, out)
        openings, journal = self._openings, self.journal
        edits: Sequence[Edit] = ()
        opening = False
        if openings is not None:
            edits = openings.judge(chunk, self._now_ns)
            opening = openings.count > 0
            if openings.decisions or openings.kinds:
                journal.decided(openings)
        if opening or journal.state is not _NORMAL_FLOW:
            self._settle()
        lines, self._carried = self._carried, {}
        event = HeldEvent(payload, chunk, raw, head, edits, lines)
        if self._buffer is not None and self._holds(self._buffer, event, out):
            return
        self._carried = self._emit(event, lines, self._now_ns, out)
        if self._first_token_seen and journal.state is _NORMAL_FLOW and not head:
            self._learn_template(chunk, raw)

    def _holds(self, buffer: HoldBuffer, event: HeldEvent, out: list[bytes]) -> bool:
        """Hold an event back if it has to wait; return False if it may pass."""
        openings = self._openings
        holding = 0 if openings is None else openings.holding
        if buffer.since_ns is None and not (holding and event.edits):
            return False
        buffer.add(self._now_ns, event)
        self._template = None
        self.journal.notable = True
        after_text = comes_after_text(event.chunk)
        reason = buffer.due(self._now_ns, after_text=after_text, openings=holding)
        if reason is not None:
            self._release(buffer, reason, out)
        return True

    def _release(
        self, buffer: HoldBuffer, reason: FlushReason, out: list[bytes]
    ) -> None:
        """Send all held events."""
        since_ns = buffer.since_ns or 0
        lines: Mapping[bytes, bytes] = {}
        for event in buffer.take():
            lines = self._emit(event, {**lines, **event.lines}, since_ns, out)
        self._carried = {**lines, **self._carried}
        if self._openings is not None:
            self._openings.release()
        self.journal.count("buffer_flushes", 1, reason=reason.value)

    def _emit(
        self,
        event: HeldEvent,
        lines: Mapping[bytes, bytes],
        since_ns: int,
        out: list[bytes],
    ) -> dict[bytes, bytes]:
        """Send an event, without the repeated part of its texts.

        Lines of earlier blocks without data are sent with it.  They are returned if
        nothing was left of the event, so that nothing was sent.
        """
        payload, chunk, raw, head, edits, _ = event
        if edits:
            edits = [edit for edit in edits if edit.new != edit.old]
        if edits:
            if carries_nothing(chunk, edits):
                return dict(lines)
            raw = encode_event(rewrite(payload, chunk, edits), head)
        if not self._first_token_seen and carries_text(chunk):
            self._first_token_seen = True
            now_ns = self._now_ns
            self.journal.first_token(now_ns - self._asked_at_ns, now_ns - since_ns)
        out += lines.values()
        out.append(raw)
        return {}

    def _learn_template(self, chunk: Any, raw: bytes) -> None:
        """Learn an event's template, unless too many were of no use."""
        if self.chunks - self._learned_at > _MAX_TRIES:
            self._tries = _MAX_TRIES
        if not self._tries:
            return
        self._tries -= 1
        self._learned_at = self.chunks
        found = template_of(raw, chunk)
        if found is None:
            return
        template, key = found
        # A text of white space only still has its opening ahead.
        if self._openings is None or self._openings.is_settled(key):
            self._template = template

    def _pass_odd(
        self, payload: bytes, raw: bytes, head: bytes, out: list[bytes]
    ) -> None:
        """Pass or drop an event that orjson cannot read, or end with it."""
        self._template = None
        if payload.strip() == b"[DONE]":
            self.finished = self.journal.notable = True
            out.append(self.flush(self._now_ns, FlushReason.PATTERN))
            if self._must_report:
                out.append(self._dialect.error_event(Failure.MALFORMED, self.chunks))
            else:
                out += self._carried.values()
                out.append(encode_event(b"[DONE]", head))
            return
        try:
            chunk = read_leniently(payload)
        except RecursionError:
            # Whether it is JSON is unknown, so it must not be dropped.
            self._pass_event(None, payload, raw, head, out)
        except UnicodeDecodeError:
            # Readers of event streams replace invalid UTF-8 by U+FFFD (WHATWG,
            # 9.2.6). An SDK that fails on the bytes loses everything after them.
            self._pass_odd(as_utf8(payload), as_utf8(raw), head, out)
        except ValueError:
            self._drop(payload)
        else:
            self._pass_event(chunk, payload, raw, head, out)

    def _drop(self, payload: bytes) -> None:
        self.chunks += 1
        lossy = payload.lstrip().startswith(b"{")
        self._lossy |= lossy
        self.journal.dropped(self.chunks, payload, lossy=lossy)

    def _look_closer(self, chunk: dict[str, Any], out: list[bytes]) -> None:
        """Check whether a chunk ends the answer, or is an error.

        Lost text is reported before the end: many clients read nothing after it.
        """
        if self._dialect.is_last(chunk):
            if self._must_report:
                out.append(self.flush(self._now_ns, FlushReason.PATTERN))
                out.append(self._dialect.error_event(Failure.MALFORMED, self.chunks))
            self._over = True
        error = in_band_error(chunk)
        if error is None or self.error is not None:
            return
        self.error = error
        self.journal.errors += 1
        self.journal.log("warning", "Upstream told an error", event=self.chunks)

    def _settle(self) -> None:
        """Move the state of the text, after an event was read."""
        openings, journal = self._openings, self.journal
        if openings is not None and openings.count:
            if journal.state is not State.STUTTERING:
                journal.step(StateTrigger.OPENING)
        elif openings is None or openings.begun or journal.state is State.RECOVERING:
            journal.step(StateTrigger.FLOWING)
