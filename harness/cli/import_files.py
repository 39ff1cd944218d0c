"""Steps of all commands of ``harness import``: find sources, redact, save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import click

from harness.cassette.files import write_cassette
from harness.cassette.model import Cassette
from harness.errors import InputError
from harness.version import program_version

__all__ = [
    "SOURCE_MAX",
    "check_size",
    "made_by",
    "plan_cassettes",
    "read_source",
    "save",
]

SOURCE_MAX = 512 * 1024 * 1024
"""The size of the largest file that is read, in bytes."""

_FINDINGS_MAX = 3


def plan_cassettes(
    sources: Iterable[Path], out: Path, patterns: tuple[str, ...], *, force: bool
) -> dict[Path, Path]:
    """Return the source of each cassette, by the path of the cassette.

    Args:
        sources: Files, taken as they are, and folders, searched recursively.
        out: Folder of the cassettes; names of folders below a source are kept.
        patterns: File names that are looked for in folders, such as ``*.sse``.
        force: Whether existing cassettes are overwritten.

    Raises:
        InputError: A folder holds no such file, two files would become one cassette, or
            a cassette exists or would replace its source.
    """
    suffixes = [pattern.removeprefix("*") for pattern in patterns]
    plan: dict[Path, Path] = {}
    for source in sources:
        for file, name in _files(source, patterns):
            fits = (suffix for suffix in suffixes if name.name.endswith(suffix))
            stem = name.name.removesuffix(next(fits, ""))
            target = out / name.with_name(f"{stem}.yaml")
            if target in plan and plan[target] != file:
                message = f"would become {target}, as {plan[target]} would"
                raise InputError(message, source=str(file))
            if target.resolve() == file.resolve():
                message = "its cassette would take its place; choose another --out"
                raise InputError(message, source=str(file))
            plan[target] = file
    there = [target for target in plan if target.exists()]
    if there and not force:
        more = f", and {len(there) - 1} more" if len(there) > 1 else ""
        message = f"is there already{more}; --force overwrites"
        raise InputError(message, source=str(there[0]))
    return plan


def read_source(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        InputError: It cannot be read, or is larger than `SOURCE_MAX`.
    """
    check_size(path, SOURCE_MAX)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def check_size(path: Path, limit: int) -> None:
    """Refuse a file that is too large.

    Raises:
        InputError: It is too large, or there is no such file.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from None
    if size > limit:
        message = f"expected at most {limit} bytes, got {size}"
        raise InputError(message, source=str(path))


def save(cassettes: Mapping[Path, Cassette], out: Path, *, told: str = "") -> None:
    """Redact cassettes and write them; if one still holds a secret, write none.

    Args:
        cassettes: The cassettes by their paths.
        out: Their folder, for the message.
        told: The end of the message.

    Raises:
        InputError: A cassette still holds a secret, or cannot be written.
    """
    safe = {target: _redacted(target, held) for target, held in cassettes.items()}
    for target, cassette in safe.items():
        try:
            write_cassette(target, cassette)
        except ValueError as error:  # such as times beyond the format's limit
            raise InputError(str(error), source=str(target)) from None
    plural = "cassette" if len(safe) == 1 else "cassettes"
    click.echo(f"{len(safe)} {plural} written to {out}{told}")


def made_by(kind: str, of: str | None = None) -> str:
    """Return the ``recorded.by`` of a cassette: this program, and its source's."""
    return f"harness import {kind} {program_version()}" + (f" of {of}" if of else "")


def _redacted(target: Path, cassette: Cassette) -> Cassette:
    # Loaded here to keep start-up short.
    from harness.privacy.redact import (  # noqa: PLC0415 - lazy
        DEFAULT_RULES,
        redact_interaction,
        redact_target,
    )
    from harness.privacy.scan import find_secrets  # noqa: PLC0415 - lazy

    upstream = cassette.recorded.upstream
    if upstream is not None:
        upstream = redact_target(upstream, DEFAULT_RULES)
    redacted = replace(
        cassette,
        recorded=replace(cassette.recorded, upstream=upstream),
        interactions=tuple(redact_interaction(one) for one in cassette.interactions),
    )
    findings = find_secrets(redacted)
    if findings:
        places = "; ".join(str(finding) for finding in findings[:_FINDINGS_MAX])
        more = len(findings) - _FINDINGS_MAX
        rest = f" and {more} more" if more > 0 else ""
        message = f"not saved, it would hold a secret: {places}{rest}"
        raise InputError(message, source=str(target))
    return redacted


def _files(source: Path, patterns: tuple[str, ...]) -> list[tuple[Path, Path]]:
    """Return the files of a source, each with the name that it keeps."""
    if not source.is_dir():
        return [(source, Path(source.name))]
    found = {file for pattern in patterns for file in source.rglob(pattern)}
    files = sorted(file for file in found if file.is_file())
    if not files:
        message = f"nothing in this folder: expected {' or '.join(patterns)}"
        raise InputError(message, source=str(source))
    return [(file, file.relative_to(source)) for file in files]


def _unreadable(path: Path, error: OSError) -> InputError:
    message = f"cannot read: {error.strerror or error}"
    return InputError(message, source=str(path))
