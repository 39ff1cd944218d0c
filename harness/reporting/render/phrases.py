"""Describes the report's values in plain words, the same in every output."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from harness.judge.oracle.policy import Policy
from harness.printable import printable
from harness.units import NS_PER_MS

__all__ = [
    "DECISIONS",
    "contrast_of",
    "describe_answer",
    "describe_lag",
    "describe_measured",
    "describe_oracle",
    "describe_policy",
    "describe_step",
    "hold_rows",
    "table",
    "verdict_rows",
]

DECISIONS: Mapping[str, str] = {
    "GO": "nothing that was tested speaks against the next step",
    "NO-GO": "the candidate is worse, or differs without an explanation",
    "INCONCLUSIVE": "not enough evidence to decide",
    "INVALID": "no valid evidence: fix the run, not the candidate",
}
"""The meaning of each decision, and so of its exit code."""

_ENDINGS: Mapping[str, str] = {
    "complete": "a complete answer",
    "error": "a failure is reported to the client",
    "unfinished": "an answer that does not look finished",
    "aborted": "at most the bytes sent before the client left",
}

_OUTCOMES: Mapping[str, str] = {
    "complete": "a complete answer",
    "error": "a failure reported to the client",
    "unfinished": "an answer that does not look finished",
    "hang": "no end within the client's time limit",
    "aborted": "the client left",
}

_ENDS: Mapping[str, str] = {
    "complete": "a clean end",
    "truncated": "closed before the end",
    "reset": "reset",
    "protocol_error": "invalid HTTP",
    "refused": "connection refused",
    "timeout": "still open",
    "client_closed": "closed by the client",
}


def describe_oracle(oracle: Mapping[str, Any] | None) -> str:
    """Describe what a correct proxy had to do, and why."""
    if oracle is None:
        return "unknown: the scenario could not be played"
    reasons = "; ".join(oracle["reasons"])
    words = _ENDINGS[oracle["ending"]]
    return f"{words} ({reasons})" if reasons else words


def describe_answer(answer: Mapping[str, Any]) -> str:
    """Describe the answer of one target."""
    if answer["invalid"] is not None:
        return f"no evidence: {answer['invalid']}"
    words = [_OUTCOMES[answer["outcome"]]]
    if answer["outcome"] != "aborted":
        words.append(_ENDS.get(answer["end"], answer["end"]))
    status = answer["status"]
    words.append("no head" if status is None else f"status {status}")
    if answer["events"] is not None:
        words.append(_many(answer["events"], "event"))
    if answer["text"]:
        length = sum(choice["characters"] for choice in answer["text"])
        words.append(_many(length, "character"))
    streams = answer["streams"]
    if streams:
        words.insert(0, f"the worst of {_describe_streams(streams)}")
    if answer["upstream_requests"] not in {None, 1}:
        words.append(_many(answer["upstream_requests"], "upstream request"))
    return ", ".join(words)


def _describe_streams(streams: Sequence[Mapping[str, Any]]) -> str:
    """Describe the outcomes of several streams, with the number of each."""
    told = [
        f"{len(group['streams'])} x {_OUTCOMES[group['outcome']]}"
        f" (status {group['status'] or 'none'})"
        for group in streams
    ]
    more = f" and {len(told) - 3} other outcomes" if len(told) > 3 else ""
    return "; ".join(told[:3]) + more


def describe_measured(
    report: Mapping[str, Any], scenario: Mapping[str, Any], target: str, kind: str
) -> str:
    """Describe the figures of a violation, exact or live; empty without figures."""
    if scenario["mode"] == "virtual":
        answers = scenario[target]["answers"]
    else:
        answers = (_live(report, scenario) or {}).get(target, ())
    figures = [
        f"{name} {figure:g}"
        for answer in answers
        for violation in answer["violations"]
        if violation["kind"] == kind
        for name, figure in sorted(violation["measured"].items())
    ]
    return ", ".join(figures)


def contrast_of(
    report: Mapping[str, Any], scenario: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the differences of two answers, volatile or not."""
    live = _live(report, scenario) if scenario["mode"] == "live" else None
    contrast: Mapping[str, Any] = (live and live["contrast"]) or scenario
    return contrast


def _live(
    report: Mapping[str, Any], scenario: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    for record in report["volatile"]["live"]:
        if record["id"] == scenario["id"]:
            found: Mapping[str, Any] = record
            return found
    return None


def describe_policy(run: Mapping[str, Any]) -> str:
    """Describe the switches of the suite that differ from their default."""
    default = Policy().switches
    told = [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in run["policy"].items()
        if value != default.get(name)
    ]
    return f", policy {', '.join(told)}" if told else ""


def describe_step(step: Mapping[str, Any]) -> str:
    """Describe the step of the rollout that is decided on."""
    if step["to"] is None:
        return f"at {step['from']:g} %, with no step left"
    return f"from {step['from']:g} % to {step['to']:g} %"


def describe_lag(report: Mapping[str, Any]) -> str | None:
    """Describe how late the harness itself was; None: nothing ran live."""
    lag = report["volatile"]["lag"]
    if lag is None:
        return None
    words = (
        f"the harness itself was late by {_ms(lag['p50_ns'])} ms (median), "
        f"{_ms(lag['p99_ns'])} ms (p99), {_ms(lag['max_ns'])} ms (longest)"
    )
    if lag["degraded"]:
        words += "; above 1 ms at p99, so live timing is degraded and proves little"
    return words


def verdict_rows(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the verdicts by family and mode, then a total."""
    verdicts = [
        verdict
        for verdict in _ORDER
        if any(row["verdicts"].get(verdict) for row in report["families"])
    ]
    rows = [
        [
            row["family"],
            row["mode"],
            *(_count(row["verdicts"], verdict) for verdict in verdicts),
        ]
        for row in report["families"]
    ]
    rows.append(
        ["total", "", *(_count(report["totals"], verdict) for verdict in verdicts)]
    )
    return ["family", "mode", *verdicts], rows


# Good verdicts first, so gating ones are at the right edge, where the eye ends.
_ORDER = (
    "IDENTICAL",
    "EQUIVALENT",
    "IMPROVED",
    "EXPECTED_DIVERGENCE",
    "BOTH_WRONG_SAME",
    "BOTH_WRONG_DIFFERENT",
    "UNSTABLE_BASELINE",
    "RACE_SUSPECT",
    "UNEXPLAINED",
    "REGRESSION",
    "INVALID",
)


def hold_rows(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the hold of both targets, in milliseconds."""
    rows = []
    for mode, totals in (
        ("virtual", report["hold"]["virtual"]),
        ("live", report["volatile"]["hold"]["live"]),
    ):
        scopes = [("both right", totals["shared"])]
        if totals["own"] != totals["shared"]:
            scopes.append(("it is right", totals["own"]))
        for scope, both in scopes:
            for target in ("baseline", "candidate"):
                name = report["targets"][target]["name"]
                row = _hold_row(both[target])
                if row is not None:
                    rows.append([mode, scope, name, *row])
    headers = ["mode", "streams where", "target", "streams", "samples"]
    return [*headers, "median", "p95", "max"], rows


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    style: str,
    left: Collection[str] = (),
) -> str:
    """Return a table whose cells are aligned as numbers but shown as given.

    Args:
        headers: Of the columns; words joined by ``_`` may be put on separate lines.
        rows: Cells as text.
        style: One of tabulate's formats.
        left: Headers of more columns that hold words.
    """
    text = [[printable(cell) for cell in row] for row in rows]
    align = [
        "left" if header in _LEFT or header in left else "right" for header in headers
    ]
    return tabulate(
        text,
        headers=[printable(header) for header in headers]
        if style == "github"
        else [printable(header).replace("_", "\n") for header in headers],
        tablefmt=style,
        colalign=align if rows else None,
        disable_numparse=True,
    )


_LEFT = frozenset({"client", "family", "mode", "streams where", "target"})


def _hold_row(total: Mapping[str, Any]) -> list[str] | None:
    hold = total["hold"]
    if hold is None:
        return None
    figures = (hold["median_ns"], hold["p95_ns"], hold["max_ns"])
    return [
        str(total["streams"]),
        str(hold["count"]),
        *(_ms(figure) for figure in figures),
    ]


def _ms(figure_ns: int) -> str:
    return f"{figure_ns / NS_PER_MS:.3f}"


def _count(counts: Mapping[str, int], verdict: str) -> str:
    return str(counts.get(verdict, "")) or "."


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
