"""The verdict on two judgements, and the decision over all verdicts.

Both have an order of precedence: the first rule that applies wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.judge.compare import Difference, compare, differ_in_repeats_only
from harness.judge.judgement import Judgement
from harness.judge.violation import Kind
from harness.scenario.model import Waiver

__all__ = [
    "EXIT_CODES",
    "Decision",
    "Gate",
    "Result",
    "Verdict",
    "best_repeat",
    "decide",
    "verdict_of",
    "worst_repeat",
]


class Verdict(StrEnum):
    """The verdict on one scenario."""

    INVALID = "INVALID"
    UNSTABLE_BASELINE = "UNSTABLE_BASELINE"
    RACE_SUSPECT = "RACE_SUSPECT"
    IDENTICAL = "IDENTICAL"
    EQUIVALENT = "EQUIVALENT"
    BOTH_WRONG_SAME = "BOTH_WRONG_SAME"
    BOTH_WRONG_DIFFERENT = "BOTH_WRONG_DIFFERENT"
    IMPROVED = "IMPROVED"
    REGRESSION = "REGRESSION"
    EXPECTED_DIVERGENCE = "EXPECTED_DIVERGENCE"
    UNEXPLAINED = "UNEXPLAINED"


class Gate(StrEnum):
    """The effect of a verdict on the decision."""

    PASS = "pass"  # noqa: S105 - a gate's word, no credential
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one scenario in one mode.

    Attributes:
        reason: The reason of the verdict, in one line.
        differences: The levels at which the two answers differ.
    """

    verdict: Verdict
    gate: Gate
    reason: str
    differences: tuple[Difference, ...]


_GATES: Mapping[Verdict, Gate] = {
    Verdict.INVALID: Gate.INVALID,
    Verdict.UNSTABLE_BASELINE: Gate.INCONCLUSIVE,
    Verdict.RACE_SUSPECT: Gate.FAIL,
    Verdict.IDENTICAL: Gate.PASS,
    Verdict.EQUIVALENT: Gate.PASS,
    Verdict.BOTH_WRONG_SAME: Gate.PASS,
    Verdict.IMPROVED: Gate.PASS,
    Verdict.REGRESSION: Gate.FAIL,
    Verdict.EXPECTED_DIVERGENCE: Gate.PASS,
    Verdict.UNEXPLAINED: Gate.FAIL,
}


def verdict_of(
    baseline: Sequence[Judgement],
    candidate: Sequence[Judgement],
    waivers: Sequence[Waiver] = (),
) -> Result:
    """Judge one scenario from all repeats of both targets.

    Args:
        baseline: The baseline's judgements, one a repeat.
        candidate: The candidate's, one a repeat.
        waivers: Accepted differences between two right answers. A wrong answer cannot
            be waived.
    """
    for judgement in (*baseline, *candidate):
        if judgement.observation.invalid is not None:
            return _result(Verdict.INVALID, judgement.observation.invalid)
    if not baseline or not candidate:
        return _result(Verdict.INVALID, "a target was not run")
    if not _stable(baseline):
        return _result(
            Verdict.UNSTABLE_BASELINE, "the baseline does not repeat its own answer"
        )
    if not _stable(candidate):
        return _result(
            Verdict.RACE_SUSPECT, "the candidate does not repeat its own answer"
        )
    return _compare(best_repeat(baseline), worst_repeat(candidate), waivers)


def worst_repeat(repeats: Sequence[Judgement]) -> Judgement:
    """Return the repeat that is worst for a target."""
    return max(repeats, key=_rank)


def best_repeat(repeats: Sequence[Judgement]) -> Judgement:
    """Return the repeat that is best for a target."""
    return min(repeats, key=_rank)


def _rank(judgement: Judgement) -> tuple[list[int], float]:
    severities = sorted((item.severity for item in judgement.violations), reverse=True)
    return severities, max(_measured(judgement).values(), default=0.0)


_TIMING = frozenset({Kind.HELD, Kind.HEAD_HELD, Kind.UPSTREAM_FREED_LATE})
"""Kinds whose figures differ from repeat to repeat when live."""

_WORSE_RATIO, _WORSE_MS = 1.5, 50.0
"""Of two delays above the limit, the candidate's is worse above 1.5 times the
baseline's plus 50 ms: less than that, live, is noise."""


def _measured(judgement: Judgement) -> dict[Kind, float]:
    return {
        item.kind: max(item.measured.values(), default=0.0)
        for item in judgement.violations
        if item.kind in _TIMING
    }


def _slower(one: Judgement, two: Judgement) -> bool:
    first = _measured(one)
    return any(
        kind in first and figure > first[kind] * _WORSE_RATIO + _WORSE_MS
        for kind, figure in _measured(two).items()
    )


def _compare(one: Judgement, two: Judgement, waivers: Sequence[Waiver]) -> Result:
    differences = compare(one, two)
    if differ_in_repeats_only(one, two):
        return _result(
            Verdict.EXPECTED_DIVERGENCE,
            "a repeat at the opening of a text, kept by one and dropped by the other; "
            "content alone cannot tell whether it was meant",
            differences,
        )
    if one.correct and two.correct:
        return _both_right(one, two, differences, waivers)
    if one.correct:
        return _result(
            Verdict.REGRESSION,
            f"the candidate is wrong ({_kinds(two)}), the baseline is right",
            differences,
        )
    if two.correct:
        return _result(
            Verdict.IMPROVED,
            f"the baseline is wrong ({_kinds(one)}), the candidate is right",
            differences,
        )
    return _both_wrong(one, two, differences)


def _both_right(
    one: Judgement,
    two: Judgement,
    differences: tuple[Difference, ...],
    waivers: Sequence[Waiver],
) -> Result:
    if not differences:
        return _result(Verdict.IDENTICAL, "the same bytes, and right", differences)
    noticed = [difference for difference in differences if not difference.harmless]
    if not noticed:
        return _result(Verdict.EQUIVALENT, "both right, cut differently", differences)
    waived = {waiver.level: waiver for waiver in waivers}
    if all(difference.level in waived for difference in noticed):
        reasons = "; ".join(waived[item.level].reason for item in noticed)
        return _result(Verdict.EXPECTED_DIVERGENCE, f"accepted: {reasons}", differences)
    liberty = _liberty(one, two)
    if liberty is not None:
        return _result(Verdict.EXPECTED_DIVERGENCE, liberty, differences)
    levels = ", ".join(sorted({difference.level for difference in noticed}))
    return _result(
        Verdict.UNEXPLAINED,
        f"both are right and still differ ({levels}); nothing says why",
        differences,
    )


def _liberty(one: Judgement, two: Judgement) -> str | None:
    """Name a choice that was left to the targets and made differently; None: none."""
    for name in sorted(one.liberties.keys() | two.liberties.keys()):
        first, second = one.liberties.get(name), two.liberties.get(name)
        if first == second:
            continue
        if name == "retry":
            return (
                "a retry is allowed, not demanded: "
                f"the baseline {first or 'asked once'}, "
                f"the candidate {second or 'asked once'}"
            )
        if name == "breaker":
            return (
                "a circuit breaker is allowed, not demanded: "
                f"the baseline {first or 'always asked'}, "
                f"the candidate {second or 'always asked'}"
            )
        return (
            f"policy {name} leaves it to the target: the baseline chose "
            f"{first or 'as usual'}, the candidate {second or 'as usual'}"
        )
    return None


def _both_wrong(
    one: Judgement, two: Judgement, differences: tuple[Difference, ...]
) -> Result:
    first, second = _wrongs(one), _wrongs(two)
    if first == second and _slower(one, two):
        return Result(
            verdict=Verdict.BOTH_WRONG_DIFFERENT,
            gate=Gate.FAIL,
            reason=f"both are wrong ({_kinds(one)}), the candidate for much longer",
            differences=differences,
        )
    if first == second:
        return _result(
            Verdict.BOTH_WRONG_SAME, f"known debt: {_kinds(two)}", differences
        )
    new = sorted({kind for kind, *_ in second} - {kind for kind, *_ in first})
    # Worst first; of two equally bad answers the one with fewer violations is better.
    one_rank = sorted((item.severity for item in one.violations), reverse=True)
    two_rank = sorted((item.severity for item in two.violations), reverse=True)
    if new:
        # A baseline that is wrong in another way does not excuse a regression.
        gate, words = Gate.FAIL, f"the candidate in a new way: {', '.join(new)}"
    elif second < first or two_rank < one_rank:
        gate, words = Gate.PASS, "the candidate less so"
    elif two_rank > one_rank:
        gate, words = Gate.FAIL, "the candidate worse"
    else:
        gate, words = Gate.FAIL, "neither worse; look at it"
    return Result(
        verdict=Verdict.BOTH_WRONG_DIFFERENT,
        gate=gate,
        reason=f"both are wrong ({_kinds(one)}; {_kinds(two)}), {words}",
        differences=differences,
    )


def _result(
    verdict: Verdict, reason: str, differences: tuple[Difference, ...] = ()
) -> Result:
    return Result(
        verdict=verdict,
        gate=_GATES[verdict],
        reason=reason,
        differences=differences,
    )


def _wrongs(judgement: Judgement) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (item.kind, item.where, "" if item.kind in _TIMING else item.got)
        for item in judgement.violations
    )


def _kinds(judgement: Judgement) -> str:
    return ", ".join(dict.fromkeys(item.kind for item in judgement.violations))


def _stable(repeats: Sequence[Judgement]) -> bool:
    """Whether all repeats agree in everything that is promised, timing excluded."""
    return len({_contract_fields(judgement) for judgement in repeats}) <= 1


def _contract_fields(judgement: Judgement) -> tuple[object, ...]:
    reading = judgement.reading
    if judgement.parts:
        kinds = frozenset(item.kind for item in judgement.violations) - _TIMING
        if judgement.liberties.get("breaker"):
            # Which client finds the circuit open is decided by milliseconds.
            return (kinds,)
        return (kinds, *(_contract_fields(part) for part in judgement.parts))
    if judgement.observation.end == "client_closed":
        # How much a client reads before it leaves depends on its own pace.
        kinds = frozenset(item.kind for item in judgement.violations) - _TIMING
        return (judgement.outcome, kinds)
    return (
        judgement.outcome,
        frozenset(item.kind for item in judgement.violations) - _TIMING,
        judgement.observation.status,
        str(reading.message.choices),
        str(reading.message.usage),
        len(reading.errors),
        reading.done,
    )


class Decision(StrEnum):
    """Whether the candidate may take the next step."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


EXIT_CODES: Mapping[Decision, int] = {
    Decision.GO: 0,
    Decision.NO_GO: 1,
    Decision.INCONCLUSIVE: 3,
    Decision.INVALID: 4,
}
"""Exit codes of decisions; 2 is an error of usage or configuration."""


def decide(results: Sequence[Result]) -> Decision:
    """Decide over all results: INVALID, then NO-GO, then INCONCLUSIVE, then GO.

    Missing evidence never passes: no results are INVALID.
    """
    gates = {result.gate for result in results}
    if not gates or Gate.INVALID in gates:
        return Decision.INVALID
    if Gate.FAIL in gates:
        return Decision.NO_GO
    if Gate.INCONCLUSIVE in gates:
        return Decision.INCONCLUSIVE
    return Decision.GO
