"""Recorded streams of a command line: cassettes, raw bodies, folders of both.

A raw body (``*.sse``) is read as the cassette that `harness import sse` would make:
with invented times and borders.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.cassette.files import find_cassettes, read_cassette
from harness.cassette.importers.sse import SseSource, import_sse
from harness.cassette.model import Cassette
from harness.cli.import_files import made_by, read_source
from harness.errors import InputError

__all__ = ["read_recording", "read_recordings"]

_RAW = ".sse"


def read_recordings(roots: Iterable[Path]) -> list[tuple[str, str, Cassette]]:
    """Return name, file and content of every recording.

    The name is its path below the given folder, without suffix.

    Raises:
        InputError: A path does not exist, a folder holds no recording, or a file is no
            recording.
    """
    named = []
    for root in roots:
        base = root if root.is_dir() else root.parent
        for path in _find(root):
            name = path.relative_to(base).with_suffix("").as_posix()
            named.append((name, str(path), read_recording(path)))
    return named


def read_recording(path: Path) -> Cassette:
    """Read one cassette or raw body.

    Raises:
        InputError: It cannot be read, or is no recording.
    """
    if path.suffix != _RAW:
        return read_cassette(path)
    source = SseSource(name=str(path), by=made_by("sse"))
    return import_sse(read_source(path), source)


def _find(root: Path) -> list[Path]:
    if not root.is_dir():
        return find_cassettes([root])
    raw = sorted(
        path
        for path in root.rglob(f"*{_RAW}")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
    try:
        cassettes = find_cassettes([root])
    except InputError:
        if not raw:
            message = "no *.yaml, *.yml or *.sse in this folder"
            raise InputError(message, source=str(root)) from None
        cassettes = []
    return sorted([*cassettes, *raw])
