"""Text files: read whole, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from harness.errors import InputError, closest

__all__ = ["no_such_path", "read_text", "write_atomically"]


def read_text(path: Path) -> str:
    """Return the content of a text file, line ends unchanged.

    Raises:
        InputError: The file is missing, cannot be read, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise no_such_path(path) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot read: {reason}", source=str(path)) from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"expected UTF-8, got the byte 0x{data[error.start]:02X}"
        raise InputError(message, source=str(path), line=line) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all; missing folders are created.

    The bytes go to a temporary file in the same folder, reach the disk, and then take
    the name: neither a reader nor a power cut can find half a file.

    Raises:
        InputError: The file cannot be written.
    """
    # A hidden file with another suffix: no search for files finds it.
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


def no_such_path(path: Path) -> InputError:
    """Return the error of a missing file or folder; it names the nearest neighbour."""
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = [entry.name for entry in path.parent.iterdir()]
    name = closest(path.name, names)
    nearest = str(path.with_name(name)) if name else None
    return InputError("no such file or folder", source=str(path), nearest=nearest)


def _sync_folder(folder: Path) -> None:
    """Write the new name to the disk as well, where folders can be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
