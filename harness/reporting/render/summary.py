"""Renders a report in 80 columns, as lines with a style each, the decision last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from harness.printable import printable
from harness.reporting.render.class_matrix import (
    tested_classes,
    untested_classes,
    wrong_classes,
)
from harness.reporting.render.clients import client_rows
from harness.reporting.render.findings import (
    Finding,
    FindingGroup,
    Improvement,
    findings,
    improvements,
)
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
from harness.reporting.render.sweep import sweep_lines

__all__ = ["Line", "summary_lines"]

Line = tuple[str, str]
"""A style of rich, and text without line ends or control characters."""

_TARGETS = ("baseline", "candidate")

_STYLES: Mapping[FindingGroup, str] = {
    FindingGroup.GATING: "bold red",
    FindingGroup.DEBT: "bold yellow",
    FindingGroup.IMPROVED: "bold green",
    FindingGroup.ACCEPTED: "bold cyan",
}

_SHOWN_IN_FULL = 3
"""Violations of one answer that are shown with both texts, expected and got."""

_NAMES_SHOWN = 12
"""Scenarios named for one improvement; ``report.json`` names all."""


def summary_lines(
    report: Mapping[str, Any], path: str | None = None, width: int = 80
) -> list[Line]:
    """Return the summary of a run.

    Only lines to be copied (commands that reproduce a finding) may be wider than
    ``width``.

    Args:
        report: From `harness.reporting.document.build.build_report`.
        path: Of its file, shown to the user.
        width: Columns.
    """
    return list(_Summary(report, width).lines(path))


_CLASSES_SHOWN = 12
"""The most classes listed in which a target was wrong; the matrix has all."""


class _Summary:
    def __init__(self, report: Mapping[str, Any], width: int) -> None:
        self._report = report
        self._width = width
        self._names = [report["targets"][target]["name"] for target in _TARGETS]
        widest = max(cell_len(printable(name)) for name in (*self._names, "expected"))
        self._label = min(widest, 16) + 2
        # Used only to measure wide characters.
        self._console = Console(width=width, file=StringIO())

    def lines(self, path: str | None) -> Iterator[Line]:
        if "sweep" in self._report:
            yield from sweep_lines(self._report)
            yield from self._decision(path)
            return
        yield from self._tables()
        found = findings(self._report)
        for group, tell in (
            (FindingGroup.GATING, self._in_full),
            (FindingGroup.DEBT, self._in_short),
            (FindingGroup.IMPROVED, self._improvements),
            (FindingGroup.ACCEPTED, self._accepted),
        ):
            if found[group]:
                yield "", ""
                yield from self._heading(group, len(found[group]))
                yield from tell(found[group])
        yield from self._decision(path)

    def _tables(self) -> Iterator[Line]:
        text = table(*verdict_rows(self._report), style="simple")
        if max(cell_len(line) for line in text.splitlines()) <= self._width:
            yield from (("", line) for line in text.splitlines())
        else:
            yield from self._verdicts_listed()
        headers, rows = hold_rows(self._report)
        if rows:
            yield "", ""
            yield "bold", "Hold: delay that a target adds to right streams, in ms"
            for line in table(headers, rows, style="simple").splitlines():
                yield "", line
        headers, rows = client_rows(self._report)
        if rows:
            yield "", ""
            yield "bold", "What clients see: answers by result in two SDKs"
            for line in table(headers, rows, style="simple").splitlines():
                yield "", line
        yield from self._classes()
        lag = describe_lag(self._report)
        if lag:
            degraded = self._report["volatile"]["lag"]["degraded"]
            yield from self._wrapped(lag, style="yellow" if degraded else "dim")

    def _classes(self) -> Iterator[Line]:
        """Summarize the matrix of classes; `harness report` has all of it."""
        found = len(tested_classes(self._report))
        if not found:
            return
        total = len(self._report["classes"])
        yield "", ""
        title = f"Classes of failure: scenarios of {found} of {total}"
        yield "bold", f"{title}; `harness report` has the matrix"
        for target, name in zip(_TARGETS, self._names, strict=True):
            wrong = wrong_classes(self._report, target)
            words = f"right in all scenarios of {found - len(wrong)} classes"
            if 0 < len(wrong) <= _CLASSES_SHOWN:
                words += f", wrong in some of {_numbers(wrong)}"
            yield from self._row(name, words)
        untested = untested_classes(self._report)
        if untested:
            yield from self._row("untested", untested)

    def _verdicts_listed(self) -> Iterator[Line]:
        """List the verdicts, if a table of all of them is too wide."""
        told = [
            (f"{row['family']} ({row['mode']})", row["verdicts"])
            for row in self._report["families"]
        ]
        for name, verdicts in (*told, ("total", self._report["totals"])):
            counts = ", ".join(f"{count} {word}" for word, count in verdicts.items())
            yield from self._wrapped(f"{name}: {counts}")

    def _heading(self, group: FindingGroup, count: int) -> Iterator[Line]:
        base, cand = self._names
        words = {
            FindingGroup.GATING: "Prevents GO",
            FindingGroup.DEBT: f"Known debt: {base} and {cand} are both wrong",
            FindingGroup.IMPROVED: f"Improved: {base} is wrong, {cand} is right",
            FindingGroup.ACCEPTED: (
                "Accepted: both are right, and a reason is given for the difference"
            ),
        }[group]
        yield from self._wrapped(f"{words} ({count})", style=_STYLES[group])

    def _in_full(self, found: list[Finding]) -> Iterator[Line]:
        for finding in found:
            scenario = finding.scenario
            yield "", ""
            title = f"{scenario['verdict']}  {finding.id}  ({finding.in_modes})"
            yield from self._wrapped(title, style="bold")
            yield from self._row("why", scenario["why"])
            yield from self._upstream(scenario)
            yield from self._row("verdict", scenario["reason"])
            yield from self._expected(scenario)
            for target, name in zip(_TARGETS, self._names, strict=True):
                yield from self._answers(scenario, target, name)
            yield from self._first(scenario)
            yield from self._repeat(scenario)

    def _upstream(self, scenario: Mapping[str, Any]) -> Iterator[Line]:
        client = scenario["client"]
        words = list(scenario["notes"])
        if client is not None:
            words.append(_describe_client(client))
        if words:
            yield from self._row("played", "; ".join(words))

    def _expected(self, scenario: Mapping[str, Any]) -> Iterator[Line]:
        one, two = (describe_oracle(scenario["oracle"][target]) for target in _TARGETS)
        if one == two:
            yield from self._row("expected", two)
            return
        for name, words in zip(self._names, (one, two), strict=True):
            yield from self._row("expected", f"of {name}: {words}")

    def _answers(
        self, scenario: Mapping[str, Any], target: str, name: str
    ) -> Iterator[Line]:
        side = scenario[target]
        if not side["answers"]:
            yield from self._row(name, "was not run")
        for answer in side["answers"]:
            right = "" if answer["invalid"] else "right: "
            mark = right if answer["correct"] else "WRONG: "
            yield from self._row(name, mark + describe_answer(answer))
            yield from self._violations(scenario, target, answer["violations"])

    def _violations(
        self, scenario: Mapping[str, Any], target: str, wrongs: list[Mapping[str, Any]]
    ) -> Iterator[Line]:
        for wrong in wrongs[:_SHOWN_IN_FULL]:
            figures = describe_measured(self._report, scenario, target, wrong["kind"])
            figures = f" [{figures}]" if figures else ""
            yield from self._row("", f"{wrong['kind']}, {wrong['where']}", style="bold")
            yield from self._row("", wrong["expected"], then="  expected ")
            yield from self._row("", f"{wrong['got']}{figures}", then="  got      ")
        rest = [wrong["kind"] for wrong in wrongs[_SHOWN_IN_FULL:]]
        if rest:
            yield from self._row("", f"and {len(rest)} more: {', '.join(rest)}")

    def _first(self, scenario: Mapping[str, Any]) -> Iterator[Line]:
        first = contrast_of(self._report, scenario)["first_difference"]
        if first is None:
            return
        place = f"{first['index']} (counting events with data, from 0)"
        yield "", f"  first differing event: {place}"
        for target, name in zip(_TARGETS, self._names, strict=True):
            yield from self._row(name, first[target] or "(already ended)")

    def _in_short(self, found: list[Finding]) -> Iterator[Line]:
        for finding in found:
            scenario = finding.scenario
            title = f"{scenario['verdict']}  {finding.id}  ({finding.in_modes})"
            yield from self._wrapped(title, style="bold")
            if scenario["verdict"] != "BOTH_WRONG_SAME":
                yield from self._row("verdict", scenario["reason"])
            for target, name in zip(_TARGETS, self._names, strict=True):
                same = scenario["verdict"] == "BOTH_WRONG_SAME"
                if same and target == "baseline":
                    continue
                for answer in scenario[target]["answers"]:
                    for wrong in answer["violations"][:1]:
                        label = "both" if same else name
                        yield from self._row(label, _describe_violation(wrong))
            yield from self._first(scenario)
            yield from self._repeat(scenario)

    def _improvements(self, found: list[Finding]) -> Iterator[Line]:
        for improvement in improvements(found):
            wrong = improvement.violation
            first, *others = improvement.findings
            # A scenario whose live and virtual findings differ is named once.
            names = list(dict.fromkeys(finding.id for finding in others))
            names = [name for name in names if name != first.id]
            more = f" and {len(names)} more" if names else ""
            title = f"{wrong['kind']}  {first.id}  ({first.in_modes}){more}"
            yield from self._wrapped(title, style="bold")
            if not others:
                yield from self._upstream(first.scenario)
            yield from self._row("expected", wrong["expected"])
            yield from self._row(self._names[0], wrong["got"])
            yield from self._besides(improvement)
            if names:
                yield from self._row("also", _some(names))
            yield from self._repeat(first.scenario)

    def _besides(self, improvement: Improvement) -> Iterator[Line]:
        """Name the other violations in the same streams, less bad or as bad."""
        kinds = {
            wrong["kind"]: None
            for finding in improvement.findings
            for answer in finding.scenario["baseline"]["answers"]
            for wrong in answer["violations"]
            if wrong["kind"] != improvement.violation["kind"]
        }
        if kinds:
            yield from self._row("besides", ", ".join(sorted(kinds)))

    def _accepted(self, found: list[Finding]) -> Iterator[Line]:
        for finding in found:
            title = f"{finding.id}  ({finding.in_modes})"
            yield from self._wrapped(title, style="bold")
            yield from self._row("why", finding.scenario["reason"])
            for waiver in finding.scenario["allow"]:
                words = f"{waiver['level']}, {waiver['owner']}, to {waiver['expires']}"
                yield from self._row("waiver", words)
            yield from self._repeat(finding.scenario)

    def _decision(self, path: str | None) -> Iterator[Line]:
        decision, run = self._report["decision"], self._report["run"]
        result = decision["result"]
        yield "", ""
        yield "dim", "─" * self._width
        style = "bold green" if result == "GO" else "bold red"
        title = f"{result} for the rollout {describe_step(decision['step'])}"
        yield from self._wrapped(title, style=style)
        for reason in decision["reasons"]:
            yield from self._wrapped(reason, indent=2)
        left = len(self._report["not_tested"])
        modes = " and ".join(run["modes"])
        told = (
            f"seed {run['seed']}, suite {run['suite']}, {modes}{describe_policy(run)}"
        )
        yield from self._row("run", told)
        if left:
            words = f"{left} things, listed by `harness report`"
            yield from self._row("untested", words)
        if path is not None:
            yield "", f"  {_padded('report', self._label)}{printable(path)}"
        yield from self._row(
            "exit code", f"{decision['exit_code']}: {DECISIONS[result]}"
        )

    def _repeat(self, scenario: Mapping[str, Any]) -> Iterator[Line]:
        # Never wrapped: it is there to be copied.
        yield "cyan", f"  $ {printable(scenario['reproduce'])}"

    def _row(
        self, label: str, text: str, *, then: str = "", style: str = ""
    ) -> Iterator[Line]:
        first = f"  {_padded(printable(label), self._label)}{then}"
        yield from self._fold(first, " " * cell_len(first), text, style)

    def _wrapped(
        self, text: str, *, indent: int = 0, style: str = ""
    ) -> Iterator[Line]:
        yield from self._fold(" " * indent, " " * (indent + 2), text, style)

    def _fold(self, first: str, rest: str, text: str, style: str) -> Iterator[Line]:
        room = max(10, self._width - max(cell_len(first), cell_len(rest)))
        for line in Text(printable(text)).wrap(self._console, room):
            yield style, f"{first}{line.plain}".rstrip()
            first = rest


def _padded(text: str, width: int) -> str:
    return text + " " * max(1, width - cell_len(text))


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _NAMES_SHOWN
    shown = ", ".join(listed[:_NAMES_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _describe_violation(wrong: Mapping[str, Any]) -> str:
    return (
        f"{wrong['kind']}, {wrong['where']}: expected {wrong['expected']}; "
        f"got {wrong['got']}"
    )


def _describe_client(client: Mapping[str, Any]) -> str:
    words = []
    if client["reads_bytes_per_s"] is not None:
        words.append(f"the client read {client['reads_bytes_per_s']} bytes a second")
    if client["pause"] is not None:
        for_ms = client["pause"]["for_ms"]
        did = "stopped reading" if for_ms is None else f"paused for {for_ms:g} ms"
        words.append(f"the client {did} after {client['pause']['after_bytes']} bytes")
    if client["how"] is not None:
        words.append(f"the client {_leaving(client)}")
    return "; ".join(words)


def _leaving(client: Mapping[str, Any]) -> str:
    half = client["how"] == "half_close"
    how = "closed its sending side" if half else f"left by {client['how'].upper()}"
    if client["before_head"]:
        return f"{how} before the head"
    if client["after_events"] is not None:
        return f"{how} after {client['after_events']} event(s)"
    if client["after_bytes"] is not None:
        return f"{how} after {client['after_bytes']} bytes"
    return f"{how} after {client['after_ms']:g} ms"
