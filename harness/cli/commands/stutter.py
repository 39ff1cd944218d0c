"""``harness stutter``: scores of targets that tell stutter from meant repeats."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from harness.cli.option_groups import GroupedCommand, option
from harness.cli.options import (
    CASSETTE_FOLDER,
    config_option,
    jobs_option,
    output_option,
    quiet_option,
    seed_option,
    target_option,
)
from harness.cli.param_types import FiniteRange
from harness.cli.progress import map_with_progress
from harness.cli.recordings import read_recordings
from harness.config import Config, read_config
from harness.errors import InputError
from harness.play.virtual.relays import RelayUnderTest
from harness.play.workers import default_jobs
from harness.reporting.environment import environment
from harness.reporting.files import check_folder, run_name, write_named
from harness.stutter.gate import Thresholds
from harness.stutter.play import ScoringJob, check_relay, score_stream
from harness.stutter.render import stutter_lines, stutter_markdown
from harness.stutter.report import build_stutter_report
from harness.units import NS_PER_S

__all__ = ["stutter"]

_THRESHOLDS = "Thresholds"


@click.command(
    cls=GroupedCommand,
    short_help="Score how targets tell stutter from repeats that are meant.",
)
@click.argument("sources", nargs=-1, type=click.Path(path_type=Path))
@config_option
@target_option(
    "NAME[=RELAY][,SETTING=VALUE…]",
    "A target of --config, or any relay as module:factory; settings are added. "
    "Repeatable; the others are to replace the first one.  "
    "[default: baseline and candidate]",
)
@option(
    "--min-recall",
    group=_THRESHOLDS,
    type=FiniteRange(0, 1),
    default=Thresholds().min_recall,
    show_default=True,
    help="Share of the streams that stutter that must be reduced to what was meant.",
)
@option(
    "--max-false-positives",
    group=_THRESHOLDS,
    type=FiniteRange(0, 1),
    default=Thresholds().max_false_positives,
    show_default=True,
    help="Share of the streams that do not stutter that may be changed.",
)
@option(
    "--max-lost",
    group=_THRESHOLDS,
    type=click.IntRange(min=0),
    default=Thresholds().max_lost,
    show_default=True,
    help="Characters that all of the latter together may lose.",
)
@jobs_option("Number of processes.")
@seed_option("Seed of the relays.")
@output_option("Folder for the run's folder, with stutter.json and stutter.md.")
@quiet_option
def stutter(**given: Any) -> None:
    """Score targets on streams that stutter, and on streams that only look like it.

    SOURCES are cassettes, raw bodies (*.sse) or folders of both; none: cassettes/.
    Labelled sets are made of every clean chat stream, so what was meant is known to the
    letter. Each target plays all of them, in virtual time.

    Growing and cumulative openings, clean streams and repeats in the middle of a text
    count for the decision. A delta that is repeated at the opening is the same on the
    wire whether it was meant or stuttered: such sets are shown apart.

    \b
    Examples:
      harness stutter                                 v1 and v2, our cassettes
      harness stutter recordings/ --min-recall 0.98
      harness stutter --target v1 --target v2 \\
        --target v2-50=v2,STREAMING_HOLD_MS=50
      harness stutter --target mine=my.relay:make_relay

    \b
    Exit codes:
      0 every target but the first reaches the thresholds   1 one does not
      2 usage or configuration   3 no stream fits   4 invalid evidence
      130 interrupted
    """  # noqa: D301 - \b is click's
    relays = _relays(given["targets"], given["config"])
    for relay in relays:
        check_relay(relay)
    sources = given["sources"] or (CASSETTE_FOLDER,)
    recordings = read_recordings(sources)
    streams = [
        ScoringJob(
            name=f"{name}/{position}" if position else name,
            request=interaction.request,
            response=interaction.response,
            relays=relays,
            seed=given["seed"],
        )
        for name, _, cassette in recordings
        for position, interaction in enumerate(cassette.interactions)
    ]
    check_folder(given["output"])
    started, start_ns = datetime.now(UTC), time.monotonic_ns()
    jobs = given["jobs"] or min(default_jobs(), len(streams))
    scored = map_with_progress(score_stream, streams, jobs, quiet=given["quiet"])
    limits = Thresholds(
        min_recall=given["min_recall"],
        max_false_positives=given["max_false_positives"],
        max_lost=given["max_lost"],
    )
    invented = sum(
        len(cassette.interactions)
        for _, _, cassette in recordings
        if "times" in cassette.reconstructed
    )
    report = build_stutter_report(
        scored,
        relays,
        limits,
        run={
            "seed": given["seed"],
            "sources": [str(source) for source in sources],
            "times_invented": invented,
        },
        volatile={
            "started_at": started.isoformat(timespec="seconds"),
            "duration_s": round((time.monotonic_ns() - start_ns) / NS_PER_S, 3),
            "jobs": jobs,
            "machine": environment(),
        },
    )
    folder = given["output"] / f"{run_name(started, given['seed'])}-stutter"
    path = write_named(report, folder / "stutter.json")
    write_named(stutter_markdown(report), folder / "stutter.md")
    for line in stutter_lines(report)[-1 if given["quiet"] else 0 :]:
        click.echo(line)
    if not given["quiet"]:
        click.echo(_left_out(report))
        click.echo(f"report: {path}")
    sys.exit(report["decision"]["exit_code"])


def _left_out(report: dict[str, Any]) -> str:
    streams = report["streams"]
    why = "; ".join(f"{n}: {reason}" for reason, n in streams["left_out"].items())
    left = streams["found"] - streams["scored"]
    tail = f", {left} left out ({why})" if left else ""
    return f"{streams['scored']} of {streams['found']} recorded streams scored{tail}"


def _relays(targets: tuple[str, ...], path: Path) -> tuple[RelayUnderTest, ...]:
    needs_config = not targets or any(":" not in _relay_of(text) for text in targets)
    config = read_config(path) if needs_config else None
    if not targets and config is not None:
        targets = (config.baseline, config.candidate)
    relays = tuple(_relay(text, config) for text in targets)
    names = [relay.name for relay in relays]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"two targets are named {name!r}; write NAME={_relay_of(name)}",
                key="--target",
            )
    return relays


def _relay_of(text: str) -> str:
    """Return what a target names: a configured target, or a dotted path."""
    named = text.split(",", 1)[0]
    return named.partition("=")[2] or named


def _relay(text: str, config: Config | None) -> RelayUnderTest:
    head, *pairs = text.split(",")
    name = head.partition("=")[0]
    relay = _relay_of(text)
    settings: dict[str, str] = {}
    architecture = None
    if ":" not in relay:
        if config is None:
            raise ValueError("a target without a path needs a configuration")
        target = config.target(relay)
        if target.relay is None:
            raise InputError(
                f"target {relay!r} has no relay: virtual time cannot show anything "
                "about it",
                key="--target",
            )
        relay, settings = target.relay, dict(target.relay_settings)
        proof = target.proof
        architecture = proof.header[1] if proof and proof.header else None
    for pair in pairs:
        setting, sign, value = pair.partition("=")
        if not sign or not setting:
            raise InputError(
                f"expected SETTING=VALUE, got {pair!r} in {text!r}", key="--target"
            )
        settings[setting] = value
    return RelayUnderTest(
        name=name,
        path=relay,
        settings=tuple(sorted(settings.items())),
        architecture=architecture,
    )
