"""An event stream on its way: bytes of the upstream in, bytes for the client out.

* Events keep their order, and payload bytes that need no change are not changed.
* JSON of any kind passes; only objects are looked into.
* An event that is no JSON is dropped and counted, and the stream goes on.  Where it
  began like an object, text may be lost with it, and the client is told at the end, in
  place of ``[DONE]``.  Other data that is no JSON (a plain word, nothing at all) is
  some server's keep-alive: no text is lost.
* ``[DONE]`` counts in any spelling of line ends and white space; nothing follows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from proxy.relay import Command, LogLevel
from proxy.v2.dialect import Dialect, Failure
from proxy.v2.errors import ToldError, told_error
from proxy.v2.framing import EventParser, Item, encode_event
from proxy.v2.payload import read_leniently, rewrite
from proxy.v2.settings import OnMalformed, Settings, Stutter
from proxy.v2.states import Occurrence, State, step
from proxy.v2.stutter import Openings, carries_nothing

__all__ = ["EventStream"]

_NORMAL_FLOW = State.NORMAL_FLOW
"""Looking a member of an enum up costs, and every event would."""


class EventStream:
    """What one stream's client is to read.

    Args:
        settings: What to act on.
        dialect: The client's dialect.

    Attributes:
        state: Where the text stands.
        chunks: Events read, malformed ones too.
        finished: Whether ``[DONE]`` was reached; nothing may follow it.
        failure: A failure that the bytes themselves are.
        error: An error that the upstream told in its stream.
        notable: Whether there is more than bytes to see to: notes, an end, a failure.
    """

    def __init__(self, settings: Settings, dialect: Dialect) -> None:
        self._dialect = dialect
        self._report = settings.on_malformed is OnMalformed.REPORT
        self._openings = Openings() if settings.stutter is Stutter.OPENING else None
        self._parser = EventParser()
        self._carried: dict[bytes, bytes] = {}
        self._lossy = False
        self._errors = 0
        self._malformed = 0
        self._over = False
        self._notes: list[Command] = []
        self.state = State.INITIAL
        self.chunks = 0
        self.finished = False
        self.failure: Failure | None = None
        self.error: ToldError | None = None
        self.notable = False

    def feed(self, data: bytes) -> bytes:
        """Take body bytes and return what they let the client read."""
        return self._pass_on(self._parser.feed(data))

    def close(self) -> bytes:
        """Take the upstream's clean end and return the last bytes.

        An unfinished event is finished by it.  Nothing is invented, but lost text is
        told.
        """
        last = self._pass_on(self._parser.finish())
        if self.finished or not self._must_report:
            return last
        return last + self._dialect.error_event(Failure.MALFORMED, self.chunks)

    def fail(self, failure: Failure) -> bytes:
        """Return the event that tells the client of a failure.

        It is empty where the answer is over, and only the connection was not: nothing
        follows an ending, and clients have stopped to read.
        """
        self._errors += 1
        if self._over:
            return b""
        return self._dialect.error_event(failure, self.chunks)

    @property
    def outcome(self) -> str:
        """How a stream that ended by itself went, in one word."""
        if self.error is not None:
            return "error"
        return "lossy" if self._lossy else "complete"

    def take_notes(self) -> list[Command]:
        """Return the commands for operators that have come up since."""
        notes, self._notes = self._notes, []
        self.notable = False
        return notes

    def terminate(self) -> None:
        """Log that the stream is over."""
        self._step(Occurrence.ENDED)
        openings = self._openings
        self._log(
            "info",
            f"Stream processing completed. Chunks processed: {self.chunks}, "
            f"Errors: {self._errors}",
            chunks=self.chunks,
            errors=self._errors,
            withheld_chars=0 if openings is None else openings.withheld,
        )
        if self._malformed:
            self._notes.append(("count", "malformed_events", self._malformed, {}))

    @property
    def _must_report(self) -> bool:
        return self._lossy and self._report

    def _pass_on(self, items: Iterable[Item]) -> bytes:
        if not items:
            return b""
        out: list[bytes] = []
        for item in items:
            if item[0] == "event":
                try:
                    chunk = orjson.loads(item[1])
                except ValueError:
                    self._pass_odd(item[1], item[2], item[3], out)
                    if self.finished:
                        break
                else:
                    self._pass_event(chunk, item[1], item[2], item[3], out)
            elif item[0] == "ignored":
                out.append(item[1])
            elif item[0] == "fields":
                self._carried |= item[1]
            else:
                self.failure = Failure.TOO_LARGE
                self.notable = True
        return b"".join(out)

    def _pass_event(
        self, chunk: Any, payload: bytes, raw: bytes, head: bytes, out: list[bytes]
    ) -> None:
        """Pass an event that could be read, less what its opening repeats."""
        self.chunks += 1
        if type(chunk) is dict and ("error" in chunk or "type" in chunk):
            self._look_closer(chunk)
        openings = self._openings
        if openings is not None and (edits := openings.judge(chunk)):
            if carries_nothing(chunk, edits):
                raw = b""
            else:
                raw = encode_event(rewrite(payload, chunk, edits), head)
        if self.state is not _NORMAL_FLOW or (openings is not None and openings.count):
            self._settle()
        if self._carried and raw:
            out += self._carried.values()
            self._carried = {}
        out.append(raw)

    def _pass_odd(
        self, payload: bytes, raw: bytes, head: bytes, out: list[bytes]
    ) -> None:
        """Pass, drop or end with an event that is not plainly JSON."""
        if payload.strip() == b"[DONE]":
            self.finished = self.notable = True
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
        except ValueError:
            self._drop(payload)
        else:
            self._pass_event(chunk, payload, raw, head, out)

    def _drop(self, payload: bytes) -> None:
        self.chunks += 1
        self._errors += 1
        lossy = payload.lstrip().startswith(b"{")
        self._malformed += 1
        self._lossy |= lossy
        self._step(Occurrence.BROKEN)
        self._log(
            "warning",
            "Malformed event dropped",
            event=self.chunks,
            bytes=len(payload),
            text_may_be_lost=lossy,
        )

    def _look_closer(self, chunk: dict[str, Any]) -> None:
        """See whether a chunk ends the answer, or tells an error."""
        self._over |= self._dialect.is_last(chunk)
        error = told_error(chunk)
        if error is None or self.error is not None:
            return
        self.error = error
        self._errors += 1
        self._log("warning", "Upstream told an error", event=self.chunks)

    def _settle(self) -> None:
        """Move the state to where the event that was just read leaves the text."""
        openings = self._openings
        if openings is not None and openings.count:
            if self.state is not State.STUTTERING:
                self._step(Occurrence.OPENING)
        elif openings is None or openings.begun or self.state is State.RECOVERING:
            self._step(Occurrence.FLOWING)

    def _step(self, occurrence: Occurrence) -> None:
        before, self.state = self.state, step(self.state, occurrence)
        if self.state is not before:
            self._log("info", f"State transition: {before.value} -> {self.state.value}")

    def _log(self, level: LogLevel, message: str, **fields: Any) -> None:
        self._notes.append(("log", level, message, fields))
        self.notable = True
