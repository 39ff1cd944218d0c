"""Options in named groups."""

from __future__ import annotations

import click
from click.testing import CliRunner

from harness.cli.option_groups import GroupedCommand, combined, option

TWO = combined(option("--red", group="Colours"), option("--loud", group="Sounds"))


def command():
    """Return a command with options of two groups, one without, and an argument."""

    @click.command(cls=GroupedCommand)
    @click.option("--plain", help="Belongs nowhere.")
    @TWO
    @option("--blue", "sky", group="Colours", is_flag=True)
    @option("--secret", group="Secrets", hidden=True)
    @click.argument("word")
    def show(**given):
        click.echo(sorted(given))

    return show


def test_the_help_lists_options_by_group():
    """Groups in the order of their first option; options without a group are last."""
    output = CliRunner().invoke(command(), ["--help"]).output
    lines = [line.split("  ")[:2] for line in output.splitlines()[2:] if line]

    assert [
        ["Colours:"],
        ["", "--red TEXT"],
        ["", "--blue"],
        ["Sounds:"],
        ["", "--loud TEXT"],
        ["Options:"],
        ["", "--plain TEXT"],
        ["", "--help"],
    ] == [[part.strip() for part in line] for line in lines]


def test_a_group_changes_nothing_but_the_help():
    """Names and values are click's."""
    output = CliRunner().invoke(command(), ["x", "--blue"]).output
    assert f"{['loud', 'plain', 'red', 'secret', 'sky', 'word']}\n" == output
