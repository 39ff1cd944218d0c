"""The command ``harness`` itself: its table of commands, and what loads them."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from harness.cli import COMMANDS, cli, main
from harness.errors import InputError
from harness.version import program_version

HEAVY = ("asyncio", "harness.config", "harness.play", "rich", "yaml")
"""Modules that commands need, and the command ``harness`` alone does not."""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_has_the_short_help_of_each_command(name):
    """Help is written without the commands, in their own words."""
    command = cli.get_command(click.Context(cli), name)

    assert name == command.name
    assert COMMANDS[name][1] == command.get_short_help_str(limit=200)


def test_help_lists_every_command():
    """In the order of the alphabet, each with its short help."""
    output = CliRunner().invoke(cli, ["--help"], terminal_width=120).output
    _, _, listed = output.partition("Commands:\n")
    names = [line.split()[0] for line in listed.splitlines()]

    assert sorted(COMMANDS) == names
    assert COMMANDS["sweep"][1] in listed


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name):
    """Its text needs no file and no target."""
    assert 0 == CliRunner().invoke(cli, [name, "--help"]).exit_code


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (["--help"], {}),
        (["--version"], {}),
        ([], {"_HARNESS_COMPLETE": "bash_complete", "COMP_CWORD": "1"}),
    ],
    ids=["help", "version", "completion"],
)
def test_no_command_is_loaded_before_it_is_called(words, variables):
    """Start-up time is paid by every call: nothing heavy is imported."""
    program = (
        "import sys; from harness.cli import cli\n"
        f"try: cli({words!r}, prog_name='harness')\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    environment = {**os.environ, "COMP_WORDS": "harness ", **variables}
    found = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(found.stderr.split())

    assert found.stdout
    assert "harness.cli" in loaded
    assert not loaded & set(HEAVY)
    assert not {one for one in loaded if one.startswith("harness.cli.commands.")}


def test_the_version_is_that_of_the_package():
    """One line, for reports of bugs."""
    output = CliRunner().invoke(cli, ["--version"]).output
    assert f"harness, version {program_version()}\n" == output


def test_a_command_that_is_not_there_names_the_nearest():
    """A usage error, exit code 2."""
    result = CliRunner().invoke(cli, ["comapre"])

    assert 2 == result.exit_code
    assert "No such command 'comapre'. Did you mean 'compare'?" in result.output


def test_an_error_is_one_message_and_an_exit_code(monkeypatch, capsys):
    """No traceback: the error is the user's to fix."""

    def fail(**_):
        raise InputError("expected a number, got 'x'", source="a.yaml", line=3)

    monkeypatch.setattr("harness.cli.cli", fail)
    with pytest.raises(SystemExit) as ended:
        main()

    assert 2 == ended.value.code
    assert "harness: a.yaml:3: expected a number, got 'x'\n" == capsys.readouterr().err


def test_the_current_folder_can_be_imported_from(monkeypatch, tmp_path):
    """Relays and faults of the user's own are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["elsewhere"])
    monkeypatch.setattr("harness.cli.cli", lambda **_: None)
    main()

    assert ["elsewhere", str(tmp_path)] == sys.path


@pytest.mark.parametrize(
    ("words", "incomplete", "found"),
    [
        ([], "s", ["scrub", "show", "stutter", "sweep"]),
        (["sweep"], "--li", ["--limit"]),
        (["compare"], "--sw", []),
        (["compare", "--suite"], "", ["pr", "full"]),
    ],
)
def test_a_shell_completes_commands_and_options(words, incomplete, found):
    """What is hidden is not offered."""
    shell = BashComplete(cli, {}, "harness", "_HARNESS_COMPLETE")
    items = shell.get_completions(words, incomplete)
    assert found == [item.value for item in items]


def test_the_program_gives_the_shell_its_script():
    """As README.md says it: no command has to be installed for it."""
    variables = {**os.environ, "_HARNESS_COMPLETE": "zsh_source"}
    program = "import sys; sys.argv = ['harness']; from harness.cli import main; main()"
    script = subprocess.run(
        [sys.executable, "-c", program],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert "_HARNESS_COMPLETE=zsh_complete" in script
