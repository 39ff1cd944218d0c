"""Options that several commands have."""

from __future__ import annotations

import importlib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cassette.importers.segmentation import Split
from harness.cli import cli
from harness.cli.options import (
    cassette_folder_option,
    config_option,
    jobs_option,
    parse_listen,
    quiet_option,
    seed_option,
    split_option,
)
from harness.errors import InputError


def run(*arguments: str, options) -> dict:
    """Return what a command with these options is given."""
    given = {}

    @click.command()
    def command(**values):
        given.update(values)

    for option in options:
        command = option(command)
    result = CliRunner().invoke(command, arguments)
    if result.exit_code:
        raise ValueError(result.output)
    return given


def test_defaults():
    """What nobody says is the same for every command."""
    given = run(
        options=(
            config_option,
            quiet_option,
            cassette_folder_option(),
            jobs_option("Processes."),
            seed_option("Seed."),
        )
    )
    assert given == {
        "config": Path("harness.yaml"),
        "quiet": False,
        "cassette_folder": Path("cassettes"),
        "jobs": None,
        "seed": 1,
    }


@pytest.mark.parametrize(
    ("text", "split"),
    [("event", Split.EVENT), ("whole", Split.WHOLE), ("7", 7)],
)
def test_a_split_is_a_word_or_a_number(text, split):
    """A number counts bytes."""
    assert {"split": split} == run("--split", text, options=[split_option()])


@pytest.mark.parametrize("text", ["0", "-1", "bytes", "٣x"])
def test_what_is_no_split_is_refused(text):
    """It is said what was expected."""
    with pytest.raises(ValueError, match="expected event, whole or a number of bytes"):
        run(f"--split={text}", options=[split_option()])


def test_an_address_to_listen_on():
    """What is no address names the option."""
    assert ("::1", 80) == parse_listen("[::1]:80")
    with pytest.raises(InputError, match=r"^--listen: "):
        parse_listen("nowhere")


@pytest.mark.parametrize("module", ["check", "import_sse", "replay"])
def test_a_command_is_found(module):
    """Each command's module loads by itself, and its help needs no file."""
    importlib.import_module(f"harness.cli.commands.{module}")
    name = {"import_sse": ["import", "sse"]}.get(module, [module])
    assert 0 == CliRunner().invoke(cli, [*name, "--help"]).exit_code
