"""Options that several commands have, each declared once, and the groups of the help.

Where two commands mean different things by one option, they give its help text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.cassette.importers.segmentation import Split
from harness.cli.option_groups import combined, option
from harness.cli.param_types import FiniteRange
from harness.errors import InputError

__all__ = [
    "CASSETTE_FOLDER",
    "CONFIG",
    "HOW",
    "OUTPUT",
    "PLAYED",
    "SCENARIO_FOLDER",
    "TARGETS",
    "cassette_folder_option",
    "config_option",
    "fault_option",
    "force_option",
    "jobs_option",
    "listen_option",
    "output_option",
    "pacing_option",
    "parse_listen",
    "pick",
    "played_options",
    "quiet_option",
    "seed_option",
    "sources_argument",
    "speed_option",
    "split_option",
    "target_folder_option",
    "target_option",
    "target_options",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Part = TypeVar("_Part")

PLAYED = "What is played"
TARGETS = "Targets"
HOW = "How it is played"
OUTPUT = "Output"

CONFIG = Path("harness.yaml")
"""The default of ``--config``."""

SCENARIO_FOLDER = Path("scenarios")
"""The default of ``--scenarios``."""

CASSETTE_FOLDER = Path("cassettes")
"""The default of ``--cassettes``."""


def pick(part: type[_Part], given: Mapping[str, Any]) -> _Part:
    """Return those values of a command line that are fields of a dataclass."""
    names = (field.name for field in fields(part))  # type: ignore[arg-type] # a dataclass
    return part(**{name: given[name] for name in names})


# The targets.

config_option = option(
    "--config",
    group=TARGETS,
    type=click.Path(path_type=Path),
    default=CONFIG,
    show_default=True,
    help="Configuration that describes the targets.",
)


def target_option(metavar: str, what: str) -> Callable[[_Command], _Command]:
    """Return ``--target``, of commands that take any number of targets."""
    return option(
        "--target", "targets", group=TARGETS, multiple=True, metavar=metavar, help=what
    )


target_options = combined(
    config_option,
    option(
        "--baseline",
        group=TARGETS,
        metavar="NAME|URL",
        help="The baseline, instead of the configured one.",
    ),
    option(
        "--candidate",
        group=TARGETS,
        metavar="NAME|URL",
        help="The candidate, instead of the configured one.",
    ),
    option(
        "--baseline-upstream",
        group=TARGETS,
        metavar="HOST:PORT",
        help="Where a baseline given as a URL expects its model server.",
    ),
    option(
        "--candidate-upstream",
        group=TARGETS,
        metavar="HOST:PORT",
        help="Where a candidate given as a URL expects its model server.",
    ),
    option(
        "--contract",
        group=TARGETS,
        type=click.Choice(["repairing", "transparent"]),
        help="What targets given as URLs promise.  [default: transparent]",
    ),
    option(
        "--policy",
        group=TARGETS,
        multiple=True,
        metavar="NAME=VALUE",
        help="A point in which reasonable proxies differ, such as half_close=serve; "
        "overrides the configuration. Repeatable.",
    ),
)
"""The options of commands that compare two targets (`choose_targets.TargetOptions`)."""


# What is played.


def cassette_folder_option(
    metavar: str | None = None,
) -> Callable[[_Command], _Command]:
    """Return ``--cassettes``, of commands that read scenarios."""
    return option(
        "--cassettes",
        "cassette_folder",
        group=PLAYED,
        metavar=metavar,
        type=click.Path(path_type=Path),
        default=CASSETTE_FOLDER,
        show_default=True,
        help="Folder that scenarios name their cassettes in.",
    )


played_options = combined(
    click.argument("scenarios", nargs=-1),
    option(
        "--scenarios",
        "scenario_folder",
        group=PLAYED,
        type=click.Path(path_type=Path),
        default=SCENARIO_FOLDER,
        show_default=True,
        help="Folder of the suite.",
    ),
    cassette_folder_option(),
    option(
        "--cassette",
        "cassettes",
        group=PLAYED,
        type=click.Path(path_type=Path),
        multiple=True,
        help="Play these cassettes or raw bodies (*.sse), files or folders, instead of "
        "the suite. Repeatable.",
    ),
)
"""The arguments that choose streams (`choose_scenarios.ScenarioOptions`)."""


def fault_option(what: str) -> Callable[[_Command], _Command]:
    """Return ``--fault``."""
    return option(
        "--fault", "faults", group=PLAYED, multiple=True, metavar="FAULT", help=what
    )


# How it is played.


def seed_option(what: str) -> Callable[[_Command], _Command]:
    """Return ``--seed``."""
    return option(
        "--seed",
        group=HOW,
        type=click.IntRange(0, 2**32 - 1),
        default=1,
        show_default=True,
        help=what,
    )


def speed_option(limits: click.FloatRange, what: str) -> Callable[[_Command], _Command]:
    """Return ``--speed``."""
    return option(
        "--speed", group=HOW, default=1.0, show_default=True, type=limits, help=what
    )


def jobs_option(what: str) -> Callable[[_Command], _Command]:
    """Return ``--jobs``."""
    return option(
        "--jobs",
        group=HOW,
        type=click.IntRange(1, 256),
        default=None,
        help=f"{what}  [default: one per processor]",
    )


def listen_option(default: str, group: str = HOW) -> Callable[[_Command], _Command]:
    """Return ``--listen``; `parse_listen` reads it."""
    return option(
        "--listen",
        group=group,
        default=default,
        show_default=True,
        metavar="HOST:PORT",
        help="Address to listen on; port 0 takes a free one.",
    )


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of ``--listen``.

    Raises:
        InputError: It is no address.
    """
    # Loaded here to keep start-up short.
    from harness.config import parse_address  # noqa: PLC0415 - lazy

    try:
        return parse_address(text)
    except ValueError as error:
        raise InputError(str(error), key="--listen") from None


# Output.

quiet_option = option(
    "--quiet", "-q", group=OUTPUT, is_flag=True, help="Print only the decision."
)


def output_option(what: str) -> Callable[[_Command], _Command]:
    """Return ``--output``, of commands that write reports."""
    return option(
        "--output",
        group=OUTPUT,
        type=click.Path(path_type=Path),
        default=Path("reports"),
        show_default=True,
        help=what,
    )


# For commands that make cassettes of other files.

sources_argument = click.argument(
    "sources", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path)
)

target_folder_option = click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the cassettes; names of folders below FILE are kept.",
)

pacing_option = click.option(
    "--pacing",
    metavar="MS",
    type=FiniteRange(min=0, max=1_000_000),
    default=20.0,
    show_default=True,
    help="Milliseconds from one event to the next; the first one is at 100.",
)

force_option = click.option(
    "--force", is_flag=True, help="Overwrite existing cassettes."
)


def split_option(more: str = "") -> Callable[[_Command], _Command]:
    """Return ``--split``."""
    return click.option(
        "--split",
        metavar="event|whole|N",
        callback=_read_split,
        help="Where segments end: after each event (default), nowhere, or after N "
        f"bytes{more}.",
    )


def _read_split(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> Split | int | None:
    if value is None:
        return None
    if value in set(Split):
        return Split(value)
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(
        f"expected event, whole or a number of bytes, got {value!r}"
    )
