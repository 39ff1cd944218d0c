"""Reports on disk: the one module of this package that opens files."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from harness.documents.node import Node, Origin
from harness.documents.schema_errors import shown
from harness.errors import InputError, closest
from harness.files import write_atomically
from harness.reporting.document.build import FORMAT, report_schema

__all__ = [
    "REPORT_NAME",
    "check_folder",
    "encode_report",
    "latest_run",
    "read_report",
    "run_name",
    "write_named",
    "write_report",
]

REPORT_NAME = "report.json"

_NAMED = re.compile(r"\d{8}-\d{6}-")


def run_name(started: datetime, seed: int) -> str:
    """Return the name of a run; names sort by the start of their runs."""
    return f"{started:%Y%m%d-%H%M%S}-seed{seed}"


def encode_report(report: Mapping[str, Any]) -> bytes:
    """Return a report as canonical JSON: sorted keys, two spaces, a final line end."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(report, option=options)


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written, before a run rather than after it.

    Raises:
        InputError: It cannot be created or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"cannot write reports into {folder}: {error.strerror}", key="--output"
        ) from None


def write_report(report: Mapping[str, Any], folder: Path) -> Path:
    """Write a report atomically; missing folders are created.

    Args:
        report: From `harness.reporting.document.build.build_report`.
        folder: The run's own, ``reports/<run>``.

    Returns:
        The path of the file.

    Raises:
        InputError: The file cannot be written.
    """
    return write_named(report, folder / REPORT_NAME)


def write_named(content: Mapping[str, Any] | str, path: Path) -> Path:
    """Write one file of a run atomically; missing folders are created.

    Args:
        content: A document, written as canonical JSON, or a text.
        path: Of the file.

    Raises:
        InputError: The file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else encode_report(content)
    write_atomically(path, data)
    return path


def read_report(run: str | Path, reports: Path) -> dict[str, Any]:
    """Read the report of a run.

    Args:
        run: The run's name, or the path of its folder or of its ``report.json``.
        reports: The folder of all runs.

    Raises:
        InputError: There is no such run (the nearest is named), or the file is not a
            report, or is one of a newer format.
    """
    path = _find(run, reports)
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot read: {reason}", source=str(path)) from None
    return _check(data, str(path))


def latest_run(reports: Path) -> str:
    """Return the name of the newest run in a folder.

    A run's name begins with its start. Runs with other names count as older; among them
    the time of their file decides.

    Raises:
        InputError: The folder has no run.
    """
    runs = _runs(reports)
    if not runs:
        message = "no run here; `harness compare` creates one"
        raise InputError(message, source=str(reports))

    def age(name: str) -> tuple[str, int]:
        found = _NAMED.match(name)
        written = (reports / name / REPORT_NAME).stat().st_mtime_ns
        return (found[0] if found else "", written)

    return max(runs, key=age)


def _runs(reports: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return sorted(
            entry.name for entry in reports.iterdir() if (entry / REPORT_NAME).is_file()
        )
    return []


def _find(run: str | Path, reports: Path) -> Path:
    # A name means the run of that name, even if a path of that name exists.
    for place in (reports / run, Path(run)):
        if place.is_file():
            return place
        if (place / REPORT_NAME).is_file():
            return place / REPORT_NAME
    raise InputError(
        f"no run {shown(str(run))}",
        source=str(reports),
        nearest=closest(Path(run).name, _runs(reports)),
    )


def _check(data: bytes, source: str) -> dict[str, Any]:
    try:
        report = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        message = f"not JSON: {error.msg}"
        raise InputError(message, source=source, line=error.lineno) from None
    # Before the schema: a newer format may differ in every other key.
    if isinstance(report, dict):
        found = report.get("report_format")
        if isinstance(found, int) and found > FORMAT:
            raise InputError(
                f"report format {found} is newer than this harness reads ({FORMAT})",
                source=source,
                key="report_format",
            )
    Node(report, Origin(source)).check(Draft202012Validator(report_schema()))
    checked: dict[str, Any] = report
    return checked
