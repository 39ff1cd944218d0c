"""The command ``harness``: one module per command, loaded when it is called."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from harness.errors import HarnessError, InterruptedRunError, closest

__all__ = ["COMMANDS", "cli", "main"]

_PACKAGE = "harness.cli.commands"

COMMANDS = {
    "bench": ("bench:bench", "Measure what targets cost, side by side."),
    "check": (
        "check:check",
        "Check cassettes, scenarios and configurations, and report every mistake.",
    ),
    "compare": (
        "compare:compare",
        "Play scenarios through two targets and judge both.",
    ),
    "export": ("exports:export_group", "Write recordings in the formats of others."),
    "faults": ("faults:faults", "List the faults, or explain some."),
    "import": ("imports:import_group", "Make cassettes of what others recorded."),
    "record": ("record:record", "Record the answers of a real server, as they arrive."),
    "replay": ("replay:replay", "Answer any client with recorded answers."),
    "report": ("report:report", "Write the rollout-readiness report of a run."),
    "scrub": ("scrub:scrub", "Replace prompts, answers and ids by invented ones."),
    "show": ("show:show", "Show when a recording's bytes arrived, and what they say."),
    "stutter": (
        "stutter:stutter",
        "Score how targets tell stutter from repeats that are meant.",
    ),
    "sweep": ("sweep:sweep", "Cut and split every stream at every byte."),
}
"""Module, attribute and short help of each command.

The short help is repeated here so that `harness --help` loads no command: with all of
them it takes ten times as long.
"""


class _LazyGroup(click.Group):
    """Loads a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            nearest = closest(cmd_name, COMMANDS)
            hint = f" Did you mean {nearest!r}?" if nearest else ""
            ctx.fail(f"No such command {cmd_name!r}.{hint}")
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        loaded = importlib.import_module(f"{_PACKAGE}.{module}")
        command: click.Command = getattr(loaded, attribute)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands by the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, COMMANDS[name][1]) for name in self.list_commands(ctx)]
            )

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[CompletionItem]:
        """Complete commands by the table alone."""
        commands = [
            CompletionItem(name, help=COMMANDS[name][1])
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C while it reads its files is no NO-GO, click's 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise InterruptedRunError from None


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if not wanted or ctx.resilient_parsing:
        return
    # It reads the metadata of packages: only this option needs that.
    from harness.version import program_version  # noqa: PLC0415 - lazy

    click.echo(f"harness, version {program_version()}")
    ctx.exit()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Show what a new streaming core does with the streams production really sees.

    Exit codes: 0 GO, 1 NO-GO, 2 usage or configuration, 3 inconclusive,
    4 invalid evidence, 130 interrupted.
    """


def main() -> None:
    """Run the command line; errors become one message and an exit code.

    A user names relays and faults of their own by dotted paths, which may be in the
    current folder, as for ``python -m``.
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
