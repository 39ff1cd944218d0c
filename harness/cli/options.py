"""Options that several commands have, each declared once.

Where two commands mean different things by one option, they give its help text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.cassette.importers.segmentation import Split
from harness.cli.param_types import FiniteRange
from harness.errors import InputError

__all__ = [
    "CASSETTE_FOLDER",
    "CONFIG",
    "cassette_folder_option",
    "config_option",
    "fault_option",
    "force_option",
    "jobs_option",
    "listen_option",
    "output_option",
    "pacing_option",
    "parse_listen",
    "quiet_option",
    "seed_option",
    "sources_argument",
    "split_option",
    "target_folder_option",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])

CONFIG = Path("harness.yaml")
"""The configuration of a command that is told of none."""

CASSETTE_FOLDER = Path("cassettes")
"""The cassettes of a command that is told of none."""

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=CONFIG,
    show_default=True,
    help="The targets.",
)

quiet_option = click.option(
    "--quiet", "-q", is_flag=True, help="Print the decision only."
)


def cassette_folder_option(
    metavar: str | None = None,
) -> Callable[[_Command], _Command]:
    """Return ``--cassettes``, of commands that read scenarios."""
    return click.option(
        "--cassettes",
        "cassette_folder",
        metavar=metavar,
        type=click.Path(path_type=Path),
        default=CASSETTE_FOLDER,
        show_default=True,
        help="Folder that scenarios name their cassettes in.",
    )


def seed_option(what: str) -> Callable[[_Command], _Command]:
    """Return ``--seed``."""
    return click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=1,
        show_default=True,
        help=what,
    )


def output_option(what: str) -> Callable[[_Command], _Command]:
    """Return ``--output``, of commands that write reports."""
    return click.option(
        "--output",
        type=click.Path(path_type=Path),
        default=Path("reports"),
        show_default=True,
        help=what,
    )


def jobs_option(what: str) -> Callable[[_Command], _Command]:
    """Return ``--jobs``."""
    return click.option(
        "--jobs",
        type=click.IntRange(1, 256),
        default=None,
        help=f"{what}  [default: one a processor]",
    )


def fault_option(what: str) -> Callable[[_Command], _Command]:
    """Return ``--fault``."""
    return click.option("--fault", "faults", multiple=True, metavar="FAULT", help=what)


def listen_option(default: str) -> Callable[[_Command], _Command]:
    """Return ``--listen``; `parse_listen` reads it."""
    return click.option(
        "--listen",
        default=default,
        show_default=True,
        metavar="HOST:PORT",
        help="Where to listen; port 0 takes a free one.",
    )


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of ``--listen``.

    Raises:
        InputError: It is no address.
    """
    # Loaded where it is needed: start-up time is felt.
    from harness.config import parse_address  # noqa: PLC0415

    try:
        return parse_address(text)
    except ValueError as error:
        raise InputError(str(error), key="--listen") from None


# Of commands that make cassettes of other files.

sources_argument = click.argument(
    "sources", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path)
)

target_folder_option = click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the cassettes go; names of folders below FILE are kept.",
)

pacing_option = click.option(
    "--pacing",
    metavar="MS",
    type=FiniteRange(min=0, max=1_000_000),
    default=20.0,
    show_default=True,
    help="Milliseconds from one event to the next; the first comes after 100.",
)

force_option = click.option(
    "--force", is_flag=True, help="Overwrite cassettes that are there."
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
        f"expected event, whole or a number of bytes, came {value!r}"
    )
