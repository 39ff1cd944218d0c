"""An event stream on its way: bytes of the upstream in, bytes for the client out.

* Events keep their order, and payload bytes that need no change are not changed.
* JSON of any kind passes; only objects are looked into.
* An event that is no JSON is dropped and counted, and the stream goes on.  Where it
  began like an object, text may be lost with it, and the client is told at the end, in
  place of ``[DONE]``, or before the event that ends the answer in another dialect (it
  may hold the whole answer, so it passes).  Other data that is no JSON (a plain word,
  nothing at all) is some server's keep-alive: no text is lost.
* ``[DONE]`` counts in any spelling of line ends and white space; nothing follows it.
* What is held back goes before anything else: before ``[DONE]``, an error, an end.
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
"""Looking a member of an enum up costs, and every event would."""

_MAX_TRIES = 8
"""Templates to try before one was of use; each costs as much as reading twice."""


class EventStream:
    """The processor of one event stream: it returns what the client is to read.

    Args:
        settings: What to act on.
        dialect: The client's dialect.
        asked_at_ns: When the client asked.

    Attributes:
        journal: What there is to tell of it.  It is notable too where the stream has
            ended or failed, or the time of :attr:`flush_at_ns` has changed.
        chunks: Events read, malformed ones too.
        finished: Whether ``[DONE]`` was reached; nothing may follow it.
        failure: A failure that the bytes themselves are.
        error: An error that the upstream told in its stream.
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
        """Take body bytes and return what they let the client read."""
        template = self._template
        if template is None or not self._parser.clean:
            items = self._parser.feed(data)
            if not items:
                return b""
            self._now_ns = now_ns
            return self._pass_on(items)
        # What most reads of most streams are: more of events like the last.
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

        An unfinished event is finished by it.  Nothing is invented, but lost text is
        told.
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
        """Return what is held back, and the event that tells the client of a failure.

        There is no event where the answer is over, and only the connection was not:
        nothing follows an ending, and clients have stopped to read.
        """
        self.journal.errors += 1
        held = self.flush(now_ns, FlushReason.END)
        if self._over:
            return held
        return held + self._dialect.error_event(failure, self.chunks)

    @property
    def flush_at_ns(self) -> int | None:
        """When :meth:`flush` is due; None where nothing is held back."""
        buffer = self._buffer
        if buffer is None or buffer.since_ns is None:
            return None
        return buffer.since_ns + buffer.hold_ns

    def flush(self, now_ns: int, reason: FlushReason = FlushReason.AGE) -> bytes:
        """Return what is held back."""
        self._now_ns = now_ns
        out: list[bytes] = []
        if self._buffer is not None and self._buffer.since_ns is not None:
            self._release(self._buffer, reason, out)
        return b"".join(out)

    @property
    def outcome(self) -> str:
        """How a stream that ended by itself went, in one word."""
        if self.error is not None:
            return "error"
        return "lossy" if self._lossy else "complete"

    def terminate(self) -> None:
        """Learn that the stream is over."""
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
        """Pass an event that could be read, less what its opening repeats."""
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
        """Hold an event back where it has to wait; False where it may pass."""
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
        """Send all that is held back."""
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
        """Send an event, less what is not to be sent of its texts.

        Lines of blocks without data that came before it go with it.  Those are
        returned that could not, as nothing was left of it.
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
        """Learn an event's template, unless that has proved to be of no use."""
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
        # A text that has not begun, white space apart, still has an opening to come.
        if self._openings is None or self._openings.is_settled(key):
            self._template = template

    def _pass_odd(
        self, payload: bytes, raw: bytes, head: bytes, out: list[bytes]
    ) -> None:
        """Pass, drop or end with an event that is not plainly JSON."""
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
            # Whether it is JSON cannot be told, so it is not ours to drop.
            self._pass_event(None, payload, raw, head, out)
        except UnicodeDecodeError:
            # Readers of event streams have U+FFFD in the place of what is not UTF-8
            # (WHATWG, 9.2.6). SDKs that fail on the bytes lose all that follows.
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
        """See whether a chunk ends the answer, or tells an error.

        Lost text is told before the end: what comes after it, many do not read.
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
        """Move the state to where the event that was just read leaves the text."""
        openings, journal = self._openings, self.journal
        if openings is not None and openings.count:
            if journal.state is not State.STUTTERING:
                journal.step(StateTrigger.OPENING)
        elif openings is None or openings.begun or journal.state is State.RECOVERING:
            journal.step(StateTrigger.FLOWING)
