"""The judgement of one observation, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.dialects.message import TextKey
from harness.judge.checks.hold import Hold, summarise_hold
from harness.judge.evidence.observation import Observation
from harness.judge.evidence.outcome import Outcome
from harness.judge.evidence.reading import Reading
from harness.judge.evidence.sdk_models import ClientView
from harness.judge.violation import Violation

__all__ = ["Judgement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The judgement of one observation.

    Attributes:
        reading: The answer as the client understood it.
        violations: Everything that was wrong, the worst first.
        clients: What each modelled client makes of it; empty: it is no event stream.
        dropped_repeats: Texts that arrived without a repeat at their opening, where
            content alone cannot tell whether the repeat was meant.
        holds_ns: Hold of text, of events with more than text, and of comments; empty
            where the stream was wrong.
        liberties: What the target did where it had a choice; empty words: the usual.
        name: Name of the stream in its scenario; empty where there is only one.
        parts: The judgement of each stream, where the scenario has several.
    """

    observation: Observation
    reading: Reading
    outcome: Outcome
    violations: tuple[Violation, ...]
    holds_ns: tuple[int, ...]
    dropped_repeats: frozenset[TextKey] = frozenset()
    clients: tuple[ClientView, ...] = ()
    liberties: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    parts: tuple[Judgement, ...] = ()

    @property
    def severities(self) -> list[int]:
        """The severities of all violations, the worst first."""
        return sorted((item.severity for item in self.violations), reverse=True)

    @property
    def hold(self) -> Hold | None:
        """Median, p95 and maximum of the hold; None without samples."""
        return summarise_hold(self.holds_ns)

    @property
    def correct(self) -> bool:
        """Whether nothing was wrong."""
        return not self.violations
