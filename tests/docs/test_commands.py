"""The command lines that pages show are those of the programs.

Nothing is run: a command, or an option, that is not there is named with its line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness.cli import cli as harness
from proxy.cli import main as proxy

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
        *(ROOT / "cassettes").glob("*.md"),
    )
    if path.is_file()
)

_PROGRAMS = {"harness": harness, "python -m harness": harness, "python -m proxy": proxy}
_START = re.compile(r"^(?:\w+=\S+ )*(python -m harness|python -m proxy|harness)(?: |$)")
_NAME = re.compile(r"[a-z][a-z\-]*")
_INLINE = re.compile(r"(?<!`)`((?:harness|python -m (?:harness|proxy)) [^`]+)`")


def command_lines(page: str) -> Iterator[tuple[int, str]]:
    """Yield the command lines of a page's shell blocks and of its sentences."""
    block, begun, line = "", 0, ""
    for number, text in enumerate(page.splitlines(), start=1):
        if text.startswith("```"):
            block = "" if block else text[3:].strip() or "text"
        elif not block:
            yield from ((number, found) for found in _INLINE.findall(text))
        elif block in {"sh", "bash", "console"}:
            begun = begun if line else number
            line += text.removeprefix("$ ") if not line else text.strip()
            if line.endswith("\\"):
                line = line[:-1]
                continue
            yield begun, line
            line = ""


def mistake(line: str) -> str | None:
    """Return what is wrong with a command line; None: nothing, or it is another's."""
    start = _START.match(line)
    if start is None:
        return None
    command: click.Command = _PROGRAMS[start[1]]
    words = shlex.split(line[start.end() :], comments=True)
    context = click.Context(command)
    while isinstance(command, click.Group) and words and _NAME.fullmatch(words[0]):
        name = words.pop(0)
        if name not in command.list_commands(context):
            return f"there is no command {name!r} in {line!r}"
        found = command.get_command(context, name)
        assert found is not None
        command = found
    known = {"--help"}.union(*(option.opts for option in command.params))
    known |= {name for option in command.params for name in option.secondary_opts}
    for word in words:
        if word in {"&", "|", "&&", ";", ">", ">>"}:
            break
        name = word.partition("=")[0]
        if name.startswith("--") and name not in known:
            return f"there is no option {name} in {line!r}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_show_commands_that_exist(page):
    """A command that was renamed leaves no page behind."""
    found = [
        f"{page.relative_to(ROOT)}:{number}: {wrong}"
        for number, line in command_lines(page.read_text(encoding="utf-8"))
        if (wrong := mistake(line))
    ]
    assert not found, "\n".join(["", *found])


def test_blocks_and_sentences_are_read():
    """A line that goes on is one line; output and other languages are passed over."""
    page = (
        "Say `harness show x`.\n```sh\nharness check a \\\n  --help\n```\n"
        "```yaml\nharness: 1\n```\n```console\n$ harness faults\nlines\n```\n"
    )
    assert [
        (1, "harness show x"),
        (3, "harness check a --help"),
        (10, "harness faults"),
        (11, "lines"),
    ] == list(command_lines(page))


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("harness compare --seed 7  # --nothing", None),
        ("harness import sse FILE --out DIR", None),
        ("A=1 python -m proxy --upstream http://x & upstream=$!", None),
        ("python -m proxy simulate --keys FILE", None),
        ("curl --no-such-option", None),
        ("harness compare --seeds 7", "there is no option --seeds in "),
        ("harness compere", "there is no command 'compere' in "),
        ("python -m proxy --upstreams=x", "there is no option --upstreams in "),
    ],
)
def test_mistakes_are_named(line, wrong):
    """An option or a command that is not there is."""
    assert (None if wrong is None else f"{wrong}{line!r}") == mistake(line)
