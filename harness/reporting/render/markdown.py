"""A run as Markdown that GitHub shows: the rollout-readiness report, and the matrix."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.reporting.document.build import next_step
from harness.reporting.document.classes import (
    class_rows,
    found_words,
    tested,
    untested_words,
)
from harness.reporting.document.findings import Group, findings, improvements
from harness.reporting.escaping import code_span, markdown_text
from harness.reporting.render.phrases import (
    DECISIONS,
    answer_words,
    contrast_of,
    hold_rows,
    lag_words,
    measured_words,
    oracle_words,
    policy_words,
    step_words,
    table,
    verdict_rows,
)

__all__ = ["render_classes", "render_markdown"]

_WHY_LINES = 3

_SAYS_WHICH = "x-streaming-architecture"
"""The header by which the reference proxy tells what served a stream."""


def render_markdown(
    report: Mapping[str, Any], *, current_percent: float | None = None
) -> str:
    """Return the rollout-readiness report.

    It fits GitHub: no raw HTML, and one sentence a line. Text of others is escaped or
    stands in code.

    Args:
        report: As `harness.reporting.document.build.build_report` returns it.
        current_percent: Where the rollout stands; None: as the report has it.
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
        gating=found[Group.GATING],
        debt=found[Group.DEBT],
        improved=improvements(found[Group.IMPROVED]),
        improved_count=len(found[Group.IMPROVED]),
        accepted=found[Group.ACCEPTED],
        verdicts=_table(verdict_rows(report)),
        holds=_table(hold_rows(report)),
        classes=_classes(report),
        untested=untested_words(report),
        lag=lag_words(report),
        reference=_is_reference(report["targets"]["candidate"]),
        baseline=report["targets"]["baseline"]["name"],
        candidate=report["targets"]["candidate"]["name"],
    )
    return _spaced(text)


def render_classes(report: Mapping[str, Any]) -> str:
    """Return the page of the matrix: every class, and what came of each scenario.

    Args:
        report: As `harness.reporting.document.build.build_report` returns it.
    """
    template = _environment().get_template("classes.md.j2")
    text = template.render(
        report=report,
        classes=_classes(report),
        tested=tested(report),
        untested=untested_words(report),
        found=found_words,
        count=len({scenario["id"] for scenario in report["scenarios"]}),
        baseline=report["targets"]["baseline"]["name"],
        candidate=report["targets"]["candidate"]["name"],
    )
    return _spaced(text)


def _is_reference(target: Mapping[str, Any]) -> bool:
    """Tell whether the switches and log lines of the reference proxy are a target's."""
    relay = target["relay"] or ""
    return relay.startswith("proxy.") or _SAYS_WHICH in (target["proof"] or "")


def _classes(report: Mapping[str, Any]) -> str:
    headers, rows = class_rows(report)
    return _table((headers, rows), left={"what fails", *headers[5::2]})


def _spaced(text: str) -> str:
    # Parts that are left out leave their blank lines; no text of others has any.
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _environment() -> Environment:
    environment = Environment(
        # HTML is not what is written here: the filters escape for Markdown.
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
        answer_words=answer_words,
        contrast_of=contrast_of,
        measured_words=measured_words,
        oracle_words=oracle_words,
        policy_words=policy_words,
        step_words=step_words,
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
