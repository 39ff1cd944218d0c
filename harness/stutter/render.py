"""The stutter report for people: lines for a terminal, and a page of Markdown.

Both read ``stutter.json`` (`harness.stutter.report`) and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from harness.printable import printable
from harness.reporting.escaping import code_span, markdown_text
from harness.units import NS_PER_MS

__all__ = ["stutter_lines", "stutter_markdown"]

_SECTIONS: tuple[tuple[bool, bool, str, str], ...] = (
    (True, True, "Stutter that content proves", "recognised"),
    (False, True, "No stutter", "changed"),
    (True, False, "Apart: stutter that content alone cannot prove", "recognised"),
    (False, False, "Apart: repeats at the opening that are meant", "changed"),
)
"""For each: whether its sets stutter, whether they count, its title, its counts."""

_HEADERS = ("set", "target", "streams", "share", "95 %", "lost", "first ms", "all ms")


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
        "Each gave one labelled stream for every set that fits.",
        "Hold is the delay that a target adds to text that arrived right.",
    ]
    if report["run"]["times_invented"]:
        lines.append(
            f"{report['run']['times_invented']} streams were recorded without times: "
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
    headers = [*_HEADERS]
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
