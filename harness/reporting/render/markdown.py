"""Renders a run as GitHub Markdown: the rollout-readiness report, and the matrix."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.reporting.escaping import code_span, markdown_text
from harness.reporting.render.class_matrix import (
    class_rows,
    describe_kinds,
    tested_classes,
    untested_classes,
)
from harness.reporting.render.findings import FindingGroup, findings, improvements
from harness.reporting.render.phrases import (
    DECISIONS,
    contrast_of,
    describe_answer,
    describe_lag,
    describe_measured,
    describe_oracle,
    describe_policy,
    describe_step,
    hold_rows,
    table,
    verdict_rows,
)
from harness.reporting.rollout_steps import next_step

__all__ = ["render_classes", "render_markdown"]

_WHY_LINES = 3

_SAYS_WHICH = "x-streaming-architecture"
"""The header in which the reference proxy names the architecture of a stream."""


def render_markdown(
    report: Mapping[str, Any], *, current_percent: float | None = None
) -> str:
    """Return the rollout-readiness report.

    It has no raw HTML, and one sentence per line. Untrusted text is escaped or in code.

    Args:
        report: From `harness.reporting.document.build.build_report`.
        current_percent: Of the rollout; None: the report's own.
    """
    step = report["decision"]["step"]
    if current_percent is not None:
        step = {"from": current_percent, "to": next_step(current_percent)}
    found = findings(report)
    template = _environment().get_template("rollout.md.j2")
    text = template.render(
        report=report,
        step=step,
        meaning=DECISIONS[report["decision"]["result"]],
        reasons=report["decision"]["reasons"][:_WHY_LINES],
        gating=found[FindingGroup.GATING],
        debt=found[FindingGroup.DEBT],
        improved=improvements(found[FindingGroup.IMPROVED]),
        improved_count=len(found[FindingGroup.IMPROVED]),
        accepted=found[FindingGroup.ACCEPTED],
        verdicts=_table(verdict_rows(report)),
        holds=_table(hold_rows(report)),
        classes=_classes(report),
        untested=untested_classes(report),
        lag=describe_lag(report),
        reference=_is_reference(report["targets"]["candidate"]),
        baseline=report["targets"]["baseline"]["name"],
        candidate=report["targets"]["candidate"]["name"],
    )
    return _spaced(text)


def render_classes(report: Mapping[str, Any]) -> str:
    """Return the page of the matrix: every class, with the result of each scenario.

    Args:
        report: From `harness.reporting.document.build.build_report`.
    """
    template = _environment().get_template("classes.md.j2")
    text = template.render(
        report=report,
        classes=_classes(report),
        tested=tested_classes(report),
        untested=untested_classes(report),
        found=describe_kinds,
        count=len({scenario["id"] for scenario in report["scenarios"]}),
        baseline=report["targets"]["baseline"]["name"],
        candidate=report["targets"]["candidate"]["name"],
    )
    return _spaced(text)


def _is_reference(target: Mapping[str, Any]) -> bool:
    """Tell whether a target has the switches and log lines of the reference proxy."""
    relay = target["relay"] or ""
    return relay.startswith("proxy.") or _SAYS_WHICH in (target["proof"] or "")


def _classes(report: Mapping[str, Any]) -> str:
    headers, rows = class_rows(report)
    return _table((headers, rows), left={"what fails", *headers[5::2]})


def _spaced(text: str) -> str:
    # Parts that are left out leave blank lines; untrusted text has none.
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _environment() -> Environment:
    environment = Environment(
        # The output is not HTML: the filters escape for Markdown.
        autoescape=False,  # noqa: S701 - as above
        loader=PackageLoader("harness.reporting.render"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = markdown_text
    environment.filters["code"] = code_span
    environment.filters["sentence"] = _sentence
    environment.globals.update(
        describe_answer=describe_answer,
        contrast_of=contrast_of,
        describe_measured=describe_measured,
        describe_oracle=describe_oracle,
        describe_policy=describe_policy,
        describe_step=describe_step,
    )
    return environment


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _table(
    table_of: tuple[list[str], list[list[str]]], left: Collection[str] = ()
) -> str:
    headers, rows = table_of
    if not rows:
        return ""
    escaped = [[markdown_text(cell) for cell in row] for row in rows]
    return table(headers, escaped, style="github", left=left)
