"""The command ``harness``: one module a command, loaded when it is called."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from harness.errors import HarnessError, InterruptedRunError, closest

__all__ = ["cli", "main"]

_COMMANDS = {
    "bench": "harness.cli.commands.bench:bench",
    "check": "harness.cli.commands.check:check",
    "compare": "harness.cli.commands.compare:compare",
    "export": "harness.cli.commands.exports:export_group",
    "faults": "harness.cli.commands.faults:faults",
    "import": "harness.cli.commands.imports:import_group",
    "record": "harness.cli.commands.record:record",
    "replay": "harness.cli.commands.replay:replay",
    "report": "harness.cli.commands.report:report",
    "scrub": "harness.cli.commands.scrub:scrub",
    "show": "harness.cli.commands.show:show",
    "stutter": "harness.cli.commands.stutter:stutter",
    "sweep": "harness.cli.commands.sweep:sweep",
}


class _LazyGroup(click.Group):
    """Loads a command's module when it is needed: start-up time is felt."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            nearest = closest(cmd_name, _COMMANDS)
            hint = f" Did you mean {nearest!r}?" if nearest else ""
            ctx.fail(f"No such command {cmd_name!r}.{hint}")
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C while it reads its files is no NO-GO, click's 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise InterruptedRunError from None


def _version() -> str:
    try:
        return version("stream-rollout-harness")
    except PackageNotFoundError:
        return "not installed"


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="harness")
def cli() -> None:
    """Show what a new streaming core does with the streams production really sees.

    Exit codes: 0 GO, 1 NO-GO, 2 usage or configuration, 3 inconclusive,
    4 invalid evidence, 130 interrupted.
    """


def main() -> None:
    """Run the command line; errors become one message and an exit code.

    Relays and faults of the user's own are named by dotted paths, and looked for in the
    current folder too, as ``python -m`` does.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        cli(standalone_mode=True)
    except HarnessError as error:
        click.echo(f"harness: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has seen enough (`harness … | head`).
        sys.stderr.close()
        sys.exit(0)
