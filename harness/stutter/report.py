"""What targets make of labelled streams: one document, and a page for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from harness.judge.verdict import EXIT_CODES
from harness.play.virtual.relays import RelayUnderTest
from harness.printable import printable
from harness.reporting.escaping import code_span, markdown_text
from harness.statistics import Share
from harness.stutter.gate import (
    Detection,
    Thresholds,
    decide_detection,
    detection,
)
from harness.stutter.score import Score, Scored, Tally, tally
from harness.stutter.sets import SETS
from harness.units import NS_PER_MS

__all__ = ["build_stutter_report", "stutter_lines", "stutter_markdown"]

FORMAT = 1
"""Version of ``stutter.json``."""


_SECTIONS: tuple[tuple[bool, bool, str, str], ...] = (
    (True, True, "Stutter that content proves", "recognised"),
    (False, True, "No stutter", "changed"),
    (True, False, "Apart: stutter that content alone cannot prove", "recognised"),
    (False, False, "Apart: repeats at the opening that are meant", "changed"),
)
"""For each: whether its sets stutter, whether they count, its title, what is shown."""


_HEADERS = ("set", "target", "streams", "share", "95 %", "lost", "first ms", "all ms")


def build_stutter_report(
    scored: Sequence[Scored],
    relays: Sequence[RelayUnderTest],
    limits: Thresholds,
    *,
    run: Mapping[str, Any],
    volatile: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of ``stutter.json``.

    Args:
        scored: One a recorded stream.
        relays: The targets; the first is what the others are to replace.
        limits: What they must reach.
        run: What was asked: sources and seed.
        volatile: What differs between two equal runs.
    """
    by_target = [_of_target(scored, index) for index in range(len(relays))]
    detections = [
        detection(scores, by_target[0] if index else None, limits)
        for index, scores in enumerate(by_target)
    ]
    decision = decide_detection(detections)
    return {
        "stutter_format": FORMAT,
        "run": dict(run),
        "targets": [
            {
                "name": printable(relay.name),
                "relay": printable(relay.path),
                "settings": dict(relay.settings),
            }
            for relay in relays
        ],
        "streams": _streams(scored),
        "sets": [
            {
                "name": kind.name,
                "what": kind.what,
                "stutters": kind.stutters,
                "decidable": kind.decidable,
                "streams": len(by_target[0].get(kind.name, ())),
                "targets": [
                    _tally(
                        scores.get(kind.name, ()),
                        by_target[0].get(kind.name, ()) if index else None,
                    )
                    for index, scores in enumerate(by_target)
                ],
            }
            for kind in SETS
        ],
        "thresholds": {
            "min_recall": limits.min_recall,
            "max_false_positives": limits.max_false_positives,
            "max_lost": limits.max_lost,
        },
        "detection": [_detection(one) for one in detections],
        "decision": {
            "result": decision.value,
            "exit_code": EXIT_CODES[decision],
            "reasons": _reasons(relays, detections),
            "doubts": [
                f"{printable(relay.name)}: {doubt}"
                for relay, one in zip(relays, detections, strict=True)
                for doubt in one.doubts
            ],
        },
        "volatile": dict(volatile),
    }


def _of_target(scored: Sequence[Scored], index: int) -> dict[str, list[Score]]:
    scores: dict[str, list[Score]] = {}
    for stream in scored:
        for name, targets in stream.scores.items():
            scores.setdefault(name, []).append(targets[index])
    return scores


def _streams(scored: Sequence[Scored]) -> dict[str, Any]:
    left_out = Counter(one.why_not for one in scored if one.why_not is not None)
    return {
        "found": len(scored),
        "scored": sum(one.why_not is None for one in scored),
        "left_out": dict(sorted(left_out.items())),
    }


def _tally(scores: Sequence[Score], first: Sequence[Score] | None) -> dict[str, Any]:
    added_up: Tally = tally(scores, first)
    return {
        "right": _share(added_up.right),
        "wrong": _share(added_up.wrong),
        "lost": added_up.lost,
        "lost_streams": added_up.lost_streams,
        "added": added_up.added,
        "first_hold_ns": dict(zip(("p50", "p99"), added_up.first_hold_ns, strict=True)),
        "hold_ns": dict(zip(("p50", "p99"), added_up.hold_ns, strict=True)),
        "mcnemar_p": added_up.p,
        "better": added_up.better,
        "worse": added_up.worse,
    }


def _share(share: Share) -> dict[str, Any]:
    return {
        "count": share.count,
        "of": share.of,
        "rate": share.rate,
        "low": share.low,
        "high": share.high,
    }


def _detection(one: Detection) -> dict[str, Any]:
    return {
        "recall": _share(one.recall),
        "false_positives": _share(one.false_positives),
        "lost": one.lost,
        "invalid": one.invalid,
        "recall_mcnemar_p": one.recall_p,
        "reasons": list(one.reasons),
        "doubts": list(one.doubts),
    }


def _reasons(
    relays: Sequence[RelayUnderTest], detections: Sequence[Detection]
) -> list[str]:
    judged = list(zip(relays, detections, strict=True))
    reasons = [
        f"{printable(relay.name)}: {reason}"
        for relay, one in judged[1:] or judged
        for reason in one.reasons
    ]
    if any(one.invalid for one in detections):
        reasons.append("a target could not be shown to be what it is meant to be")
    if any(not one.recall.of or not one.false_positives.of for one in detections):
        reasons.append("no stream fits the sets: no evidence")
    return reasons


def stutter_lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for a terminal."""
    lines = []
    for stutters, decidable, title, shown in _SECTIONS:
        headers, rows = _rows(report, stutters=stutters, decidable=decidable)
        lines += [f"{title}: {shown}", *_aligned(headers, rows, "simple"), ""]
    lines += [*_gate_lines(report)]
    return lines


def stutter_markdown(report: Mapping[str, Any]) -> str:
    """Return the report as Markdown that GitHub shows."""
    lines = ["# Stutter detection", "", *_intro(report)]
    for stutters, decidable, title, shown in _SECTIONS:
        headers, rows = _rows(report, stutters=stutters, decidable=decidable)
        escaped = [[markdown_text(cell) for cell in row] for row in rows]
        lines += ["", f"## {title}: {shown}", "", *_aligned(headers, escaped, "github")]
    lines += ["", "## The sets", ""]
    lines += [f"- `{one['name']}`: {one['what']}." for one in report["sets"]]
    lines += ["", "## Decision", ""]
    lines += [f"- {markdown_text(line)}" for line in _gate_lines(report)]
    return "\n".join(lines) + "\n"


def _intro(report: Mapping[str, Any]) -> list[str]:
    streams = report["streams"]
    lines = [
        f"{streams['scored']} recorded streams, played in virtual time.",
        "From each of them every set that fits was made.",
        "Hold is the delay that a target adds to text that came out right.",
    ]
    if report["run"]["times_invented"]:
        lines.append(
            f"Of {report['run']['times_invented']} streams no times were recorded: "
            "their events are 20 ms apart, and their hold is a figure of that pace."
        )
    for target in report["targets"]:
        settings = ", ".join(
            f"{name}={value}" for name, value in target["settings"].items()
        )
        words = f"`{target['name']}` is {code_span(target['relay'])}"
        lines.append(
            f"{words} with {code_span(settings)}." if settings else f"{words}."
        )
    return lines


def _rows(
    report: Mapping[str, Any], *, stutters: bool, decidable: bool
) -> tuple[list[str], list[list[str]]]:
    names = [target["name"] for target in report["targets"]]
    share = "right" if stutters else "wrong"
    headers = [
        "set",
        "target",
        "streams",
        "share",
        "95 %",
        "lost",
        "first ms",
        "all ms",
    ]
    if len(names) > 1:
        headers.append("p")
    rows = []
    for kind in report["sets"]:
        if kind["stutters"] is not stutters or kind["decidable"] is not decidable:
            continue
        for index, (name, one) in enumerate(zip(names, kind["targets"], strict=True)):
            row = [
                "" if index else kind["name"],
                name,
                f"{one[share]['count']}/{one[share]['of']}",
                _percent(one[share]["rate"]),
                _interval(one[share]),
                str(one["lost"]),
                _quantiles(one["first_hold_ns"]),
                _quantiles(one["hold_ns"]),
            ]
            if len(names) > 1:
                row.append(_p(one["mcnemar_p"]))
            rows.append(row)
    return headers, rows


def _aligned(
    headers: Sequence[str], rows: Sequence[Sequence[str]], style: str
) -> list[str]:
    shown = [[printable(cell) for cell in row] for row in rows]
    align = ["left"] * 2 + ["right"] * (len(headers) - 2)
    return tabulate(
        shown,
        headers=headers,
        tablefmt=style,
        colalign=align if rows else None,
        disable_numparse=True,
    ).splitlines()


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f} %"


def _interval(share: Mapping[str, Any]) -> str:
    if not share["of"]:
        return "-"
    return f"{100 * share['low']:.1f}-{100 * share['high']:.1f}"


def _quantiles(hold: Mapping[str, int | None]) -> str:
    if hold["p50"] is None or hold["p99"] is None:
        return "-"
    return f"{hold['p50'] / NS_PER_MS:.0f}/{hold['p99'] / NS_PER_MS:.0f}"


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _gate_lines(report: Mapping[str, Any]) -> list[str]:
    lines = []
    for target, one in zip(report["targets"], report["detection"], strict=True):
        recall, changed = one["recall"], one["false_positives"]
        lines.append(
            f"{target['name']}: recall {_percent(recall['rate'])} "
            f"({recall['count']} of {recall['of']}, {_interval(recall)}), "
            f"false positives {_percent(changed['rate'])} "
            f"({changed['count']} of {changed['of']}, {_interval(changed)}), "
            f"{one['lost']} characters lost"
        )
    limits, decision = report["thresholds"], report["decision"]
    lines.append(
        f"{decision['result']}: expected a recall of at least "
        f"{_percent(limits['min_recall'])}, false positives of at most "
        f"{_percent(limits['max_false_positives'])}, at most {limits['max_lost']} "
        "characters lost where nothing stutters"
    )
    lines += decision["reasons"]
    lines += [f"not sure: {doubt}" for doubt in decision["doubts"]]
    return lines
