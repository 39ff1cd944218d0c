"""``harness report``: the findings of a run, for those who decide on the rollout."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.param_types import FiniteRange
from harness.errors import InputError
from harness.reporting.files import latest_run, read_report
from harness.reporting.render.markdown import render_classes, render_markdown

__all__ = ["report"]


@click.command(short_help="Write the rollout-readiness report of a run.")
@click.argument("run", required=False)
@click.option(
    "--reports",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder of all runs.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "classes"]),
    default="markdown",
    show_default=True,
    help="markdown: the whole report. classes: what each target did per class of "
    "failure, and in each scenario of it.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of standard output.",
)
@click.option(
    "--current-percent",
    type=FiniteRange(0, 100),
    help="Current percentage of the rollout.  [default: that of the run]",
)
def report(
    run: str | None,
    reports: Path,
    form: str,
    output: Path | None,
    current_percent: float | None,
) -> None:
    """Write the rollout-readiness report of RUN, by default of the newest run.

    RUN is a run's name, or the path of its folder or of its report.json.

    Exit codes: 0 the report was written, whatever it decides; 2 bad input.
    """
    found = read_report(latest_run(reports) if run is None else run, reports)
    if form == "classes":
        text = render_classes(found)
    else:
        text = render_markdown(found, current_percent=current_percent)
    if output is None:
        # Bytes: the report must not depend on the terminal's encoding.
        click.echo(text.encode(), nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write: {reason}", source=str(output)) from None
