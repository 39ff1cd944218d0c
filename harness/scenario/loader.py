"""Scenarios on disk; no other module of this package opens files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from harness.cassette.files import read_cassette
from harness.cassette.model import Cassette
from harness.documents.mistakes import Mistakes
from harness.documents.node import Node
from harness.documents.yaml_document import load
from harness.errors import InputError, closest
from harness.files import read_text
from harness.scenario.model import Scenario
from harness.scenario.parse.scenario import parse_scenario

__all__ = ["read_scenario", "read_suite"]

_SUFFIXES = (".yaml", ".yml")


def read_scenario(path: Path, *, cassettes: Path) -> Scenario:
    """Read one scenario, with the recordings that it names.

    Args:
        path: The scenario's file.
        cassettes: The folder that its ``cassette`` is relative to.

    Raises:
        InputError: The file or a cassette is missing or has mistakes, all of which are
            reported.
    """
    return _read(path, cassettes, {}, datetime.now(UTC).date())


def read_suite(paths: Sequence[Path], *, cassettes: Path) -> list[Scenario]:
    """Read scenarios, sorted by id; a recording that several name is read once.

    Args:
        paths: Files, whatever their names, and folders, searched to the bottom for
            ``*.yaml`` and ``*.yml``; hidden files and folders are skipped.
        cassettes: As for `read_scenario`.

    Raises:
        InputError: As for `read_scenario`, for all files; or a path does not exist, a
            folder has no scenario, or two files have the same id.
    """
    known: dict[Path, Cassette] = {}
    today = datetime.now(UTC).date()
    found: dict[str, Scenario] = {}
    mistakes = Mistakes()
    for path in _files(paths):
        with mistakes:
            scenario = _read(path, cassettes, known, today)
            other = found.setdefault(scenario.id, scenario)
            if other is not scenario:
                raise InputError(
                    f"the id {scenario.id!r} is taken by {other.source}",
                    source=str(path),
                    key="scenario",
                )
    mistakes.raise_any()
    return [found[name] for name in sorted(found)]


def _read(
    path: Path, cassettes: Path, known: dict[Path, Cassette], today: date
) -> Scenario:
    root = load(read_text(path), source=str(path), mistakes=Mistakes())
    find = partial(_find_cassette, folder=cassettes, known=known)
    return parse_scenario(root, find_cassette=find, today=today)


def _find_cassette(name: Node, folder: Path, known: dict[Path, Cassette]) -> Cassette:
    file = folder / name.value
    if file not in known:
        if not file.is_file():
            raise _no_cassette(name, folder)
        known[file] = read_cassette(file)
    return known[file]


def _no_cassette(name: Node, cassettes: Path) -> InputError:
    names: list[str] = []
    if cassettes.is_dir():
        inside = [
            file for suffix in _SUFFIXES for file in cassettes.rglob(f"*{suffix}")
        ]
        names = [file.relative_to(cassettes).as_posix() for file in inside]
    return InputError(
        f"no cassette {name.value!r} in {cassettes}",
        at=name,
        nearest=closest(name.value, sorted(names)),
    )


def _files(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            found[path] = None
            continue
        inside = sorted(
            file
            for suffix in _SUFFIXES
            for file in path.rglob(f"*{suffix}")
            if not any(part.startswith(".") for part in file.relative_to(path).parts)
        )
        if not inside:
            raise InputError(
                "no scenario in this folder: expected *.yaml or *.yml", source=str(path)
            )
        found.update(dict.fromkeys(inside))
    return list(found)
