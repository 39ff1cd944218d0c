"""Cassettes on disk; no other module of this package opens files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.cassette.codec import dump_cassette, load_cassette
from harness.cassette.model import Cassette
from harness.errors import InputError
from harness.files import no_such_path, read_text, write_atomically

__all__ = ["find_cassettes", "read_cassette", "write_cassette"]

_SUFFIXES = frozenset({".yaml", ".yml"})


def read_cassette(path: Path) -> Cassette:
    """Read one cassette.

    Raises:
        InputError: The file is missing, cannot be read, or is not a cassette.
    """
    return load_cassette(read_text(path), source=str(path))


def write_cassette(path: Path, cassette: Cassette) -> None:
    """Write one cassette, whole or not at all; missing folders are created.

    Raises:
        InputError: The file cannot be written.
        ValueError: The format cannot hold the cassette.
    """
    write_atomically(path, dump_cassette(cassette).encode())


def find_cassettes(paths: Iterable[Path]) -> list[Path]:
    """Return the files that some paths name, sorted, each once.

    Args:
        paths: Files, whatever their names, and folders, searched to the bottom for
            ``*.yaml`` and ``*.yml``; hidden files and folders are skipped.

    Raises:
        InputError: A path does not exist, or a folder has no such file.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            inside = {file for file in path.rglob("*") if _is_meant(file, path)}
            if not inside:
                message = "no *.yaml or *.yml in this folder"
                raise InputError(message, source=str(path))
            found |= inside
        elif path.exists():
            found.add(path)
        else:
            raise no_such_path(path)
    return sorted(found)


def _is_meant(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.suffix in _SUFFIXES and not hidden and file.is_file()
