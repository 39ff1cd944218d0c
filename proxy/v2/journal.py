"""The journal of a stream for operators: its states, its metrics, its decisions.

Log lines and metrics are collected as commands, which the relay passes on; there are a
few for each stream, and none for an event that is like the last one.  They never hold
any text of an answer.
"""

from __future__ import annotations

from typing import Any

from proxy.relay import Command, LogLevel
from proxy.v2.states import State, StateTrigger, step
from proxy.v2.stutter.openings import Openings

__all__ = ["Journal"]


class Journal:
    """The journal of one stream.

    Attributes:
        state: The state of the text; every transition is logged.
        errors: How many events were malformed or errors, plus failures.
        notable: Whether the relay has more to do than send bytes: there are notes, or
            the stream has set it.
    """

    __slots__ = ("_malformed", "_notes", "errors", "notable", "state")

    def __init__(self) -> None:
        self.state = State.INITIAL
        self.errors = 0
        self.notable = False
        self._malformed = 0
        self._notes: list[Command] = []

    def take(self) -> list[Command]:
        """Return the commands collected since the last call."""
        notes, self._notes = self._notes, []
        self.notable = False
        return notes

    def step(self, trigger: StateTrigger) -> None:
        """Move the state."""
        before, self.state = self.state, step(self.state, trigger)
        if self.state is not before:
            self.log("info", f"State transition: {before.value} -> {self.state.value}")

    def dropped(self, number: int, payload: bytes, *, lossy: bool) -> None:
        """Note an event that was not JSON, by its number and size."""
        self.errors += 1
        self._malformed += 1
        self.step(StateTrigger.BROKEN)
        self.log(
            "warning",
            "Malformed event dropped",
            event=number,
            bytes=len(payload),
            text_may_be_lost=lossy,
        )

    def decided(self, openings: Openings) -> None:
        """Note what the detector has decided since the last call."""
        for decision in openings.decisions:
            self.log(
                "debug",
                "Stutter decision",
                choice=decision.choice,
                field=decision.field,
                decision=decision.relation.value,
                confidence=round(decision.confidence, 3),
                reason=decision.reason,
            )
        openings.decisions.clear()
        for kind in openings.kinds:
            self.count("stutter_decisions", 1, decision=kind)
        openings.kinds.clear()

    def first_token(self, ttft_ns: int, held_ns: int) -> None:
        """Note the time to the first token, and how long it was held back."""
        for name, value in (("ttft_seconds", ttft_ns), ("hold_seconds", held_ns)):
            self._notes.append(("observe", name, value / 1e9, {}))
        self.notable = True

    def over(self, chunks: int, openings: Openings | None) -> None:
        """Note that the stream is over, with its totals."""
        self.step(StateTrigger.ENDED)
        withheld = 0
        if openings is not None:
            openings.close()
            self.decided(openings)
            withheld = openings.withheld
        self.log(
            "info",
            f"Stream processing completed. Chunks processed: {chunks}, "
            f"Errors: {self.errors}",
            chunks=chunks,
            errors=self.errors,
            withheld_chars=withheld,
        )
        if self._malformed:
            self.count("malformed_events", self._malformed)

    def count(self, name: str, amount: int, **labels: str) -> None:
        """Add to a counter."""
        self._notes.append(("count", name, amount, labels))
        self.notable = True

    def log(self, level: LogLevel, message: str, **fields: Any) -> None:
        """Write a line of the log."""
        self._notes.append(("log", level, message, fields))
        self.notable = True
