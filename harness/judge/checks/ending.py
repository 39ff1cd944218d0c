"""Check of the ending: the first law."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.evidence.outcome import Outcome
from harness.judge.evidence.reading import Reading
from harness.judge.oracle.expectation import Contract, Expectation
from harness.judge.violation import Kind, Violation
from harness.scenario.model import ExpectedEnding

__all__ = ["check_ending"]


def check_ending(
    expected: Expectation, observed: Observation, got: Reading, outcome: Outcome
) -> Iterator[Violation]:
    """Judge the ending: only an answer that finished may look finished, and it must.

    A failure may be reported in any way that a client cannot miss: an error event, an
    error status, an end that is not clean.
    """
    because = "; ".join(expected.ending.reasons)
    end = got.dialect.end
    if outcome is Outcome.HANG:
        if not expected.ending.hang_allowed:
            yield _violation(
                Kind.HANG, f"an end ({because})", "still open at the deadline"
            )
        return
    if expected.ending.kind is ExpectedEnding.ABORTED or outcome is Outcome.ABORTED:
        return
    if not expected.stream and expected.ending.upstream_clean:
        yield from _check_clean(expected, observed, got)
    if expected.ending.kind is ExpectedEnding.COMPLETE:
        yield from _check_complete(expected, observed, got, outcome, because)
    elif expected.ending.kind is ExpectedEnding.ERROR:
        yield from _check_error(expected, observed, got, outcome, because)
    elif expected.stream and outcome is Outcome.COMPLETE:
        yield _violation(
            Kind.DONE_INVENTED,
            f"no sign of a finish ({because})",
            _ended(observed, got),
        )
    elif expected.ending.error_forbidden and outcome is Outcome.ERROR:
        yield _violation(
            Kind.FALSE_FAILURE,
            f"no failure (policy missing_finish; {because})",
            _ended(observed, got),
        )
    if expected.ending.done_forbidden and got.done and outcome is Outcome.COMPLETE:
        yield _violation(
            Kind.DONE_INVENTED,
            f"no {end} that was not sent (policy done_synthesis; {because})",
            _ended(observed, got),
        )
    if (
        got.errors
        and not expected.content.reading.errors
        and (expected.ending.kind is ExpectedEnding.COMPLETE)
    ):
        yield _violation(
            Kind.ERROR_INVENTED,
            f"no error event ({because})",
            f"{len(got.errors)} error event(s)",
        )


def _violation(kind: Kind, expected: str, got: str) -> Violation:
    return Violation(kind=kind, where="ending", expected=expected, got=got)


def _check_complete(
    expected: Expectation,
    observed: Observation,
    got: Reading,
    outcome: Outcome,
    because: str,
) -> Iterator[Violation]:
    wanted = f"a complete end ({because})"
    if outcome is Outcome.ERROR and not got.errors:
        yield _violation(Kind.FALSE_FAILURE, wanted, _ended(observed, got))
        return
    if expected.ending.done_sent and not got.done and not got.errors:
        yield _violation(Kind.DONE_LOST, wanted, _ended(observed, got))
        return
    yield from _check_clean(expected, observed, got)


def _check_clean(
    expected: Expectation, observed: Observation, got: Reading
) -> Iterator[Violation]:
    if expected.ending.upstream_clean and observed.end is not ClientEnd.COMPLETE:
        yield _violation(
            Kind.NO_CLEAN_END,
            "a completed framing, as the upstream's was",
            _ended(observed, got),
        )


def _check_error(
    expected: Expectation,
    observed: Observation,
    got: Reading,
    outcome: Outcome,
    because: str,
) -> Iterator[Violation]:
    wanted = f"a failure is reported to the client ({because})"
    if outcome is Outcome.COMPLETE:
        kind = (
            Kind.LOSS_NOT_TOLD
            if expected.ending.done_sent and expected.contract is Contract.REPAIRING
            else Kind.SILENT_TRUNCATION
        )
        yield _violation(kind, wanted, _ended(observed, got))
    elif outcome is Outcome.UNFINISHED:
        yield _violation(Kind.CUT_NOT_TOLD, wanted, _ended(observed, got))
    elif got.done and not expected.ending.done_sent:
        yield _violation(
            Kind.DONE_INVENTED,
            f"no {got.dialect.end} ({because})",
            _ended(observed, got),
        )


_WIRE = {
    ClientEnd.COMPLETE: "a clean end",
    ClientEnd.TRUNCATED: "a close before the end of the framing",
    ClientEnd.RESET: "a reset",
    ClientEnd.PROTOCOL_ERROR: "bytes that are not HTTP",
    ClientEnd.REFUSED: "a refused connection",
    ClientEnd.TIMEOUT: "nothing until the deadline",
    ClientEnd.CLIENT_CLOSED: "the client left",
}


def _ended(observed: Observation, got: Reading) -> str:
    """Describe how the answer ended: its last events, and the end on the wire."""
    said = []
    if got.errors:
        said.append("an error event")
    if got.finished:
        said.append("a finish_reason")
    if got.done:
        said.append(got.dialect.end)
    words = " and ".join(said) or f"no {got.dialect.end}, no error event"
    return f"{words}, then {_WIRE[observed.end]}"
