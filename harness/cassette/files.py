"""Cassettes on disk: the one module of this package that opens files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from harness.cassette.codec import dump_cassette, load_cassette
from harness.cassette.model import Cassette
from harness.errors import InputError, closest

__all__ = ["find_cassettes", "read_cassette", "read_text", "write_cassette"]

_SUFFIXES = frozenset({".yaml", ".yml"})


def read_cassette(path: Path) -> Cassette:
    """Read one cassette.

    Raises:
        InputError: The file is missing, cannot be read, or is not a cassette.
    """
    return load_cassette(read_text(path), source=str(path))


def write_cassette(path: Path, cassette: Cassette) -> None:
    """Write one cassette, whole or not at all; missing folders are made.

    The text goes to a file beside it, reaches the disk, and then takes the name, so
    that neither a reader nor a power cut ever meets half a cassette.

    Raises:
        InputError: The file cannot be written.
        ValueError: The cassette holds what the format cannot.
    """
    data = dump_cassette(cassette).encode()
    # Hidden and of another suffix: no search for cassettes finds it.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write: {reason}", source=str(path)) from None


def find_cassettes(paths: Iterable[Path]) -> list[Path]:
    """Return the files that are meant, sorted, each once.

    Args:
        paths: Files, taken as they are, and folders, searched to the bottom for
            ``*.yaml`` and ``*.yml``; hidden files and folders are passed over.

    Raises:
        InputError: A path does not exist, or a folder holds no such file.
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
            raise _missing(path)
    return sorted(found)


def read_text(path: Path) -> str:
    """Return what a text file holds, line ends as they are.

    Raises:
        InputError: The file is missing, cannot be read, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot read: {reason}", source=str(path)) from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"expected UTF-8, came the byte 0x{data[error.start]:02X}"
        raise InputError(message, source=str(path), line=line) from None


def _is_meant(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.suffix in _SUFFIXES and not hidden and file.is_file()


def _missing(path: Path) -> InputError:
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = [entry.name for entry in path.parent.iterdir()]
    name = closest(path.name, names)
    nearest = str(path.with_name(name)) if name else None
    return InputError("no such file or folder", source=str(path), nearest=nearest)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself reach the disk, where folders can be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
