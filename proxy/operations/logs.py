"""Log lines, as ``key=value`` or JSON, on stderr and in a file.

Directions: ``>`` to the upstream, ``<`` back from it, ``=`` an outcome.
No part of a payload or a credential is ever written: a request is named by its method
and path without the query, an error of the proxy by type and place without the text.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

__all__ = [
    "FORMATS",
    "LEVELS",
    "JsonFormatter",
    "KeyValueFormatter",
    "StreamLogger",
    "configure",
]

LEVELS = ("debug", "info", "warning", "error")
"""Levels of ``--log-level`` and of a relay's ``log`` command."""

FORMATS = ("text", "json")
"""Values of ``--log-format``."""

_NUMBERS = {name: getattr(logging, name.upper()) for name in LEVELS}
_BARE = re.compile(r"[\w.:/@%+*~-]+", re.ASCII)


class KeyValueFormatter(logging.Formatter):
    """A formatter that writes time, level, message and fields on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a line break inside a value is escaped."""
        fields: Mapping[str, Any] = getattr(record, "fields", {})
        pairs = [
            _time(record),
            f"level={record.levelname.lower()}",
            f"msg={_quoted(record.getMessage(), always=True)}",
        ]
        pairs += [f"{key}={_quoted(value)}" for key, value in fields.items()]
        if record.exc_info and record.exc_info[1] is not None:
            pairs += [f"error={_quoted(_place(record.exc_info[1]))}"]
        return " ".join(pairs)


class JsonFormatter(logging.Formatter):
    """A formatter that writes one JSON object: time, level, msg, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, ASCII only."""
        members: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "msg": record.getMessage(),
        }
        fields: Mapping[str, Any] = getattr(record, "fields", {})
        # A relay's field must not replace one of ours.
        members |= {
            f"{key}_" if key in members else key: v for key, v in fields.items()
        }
        if record.exc_info and record.exc_info[1] is not None:
            members["error"] = _place(record.exc_info[1])
        return json.dumps(members, default=_text)


class StreamLogger:
    """The log of one request: every line carries the request's id.

    Args:
        stream: The id, short and unique within the process.
        architecture: ``v1``, ``v2`` or ``none``.
    """

    __slots__ = ("_architecture", "_logger", "_stream")

    def __init__(self, logger: logging.Logger, stream: str, architecture: str) -> None:
        self._logger = logger
        self._stream = stream
        self._architecture = architecture

    def write(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """Write one line; an unknown level counts as ``info``."""
        number = _NUMBERS.get(level, logging.INFO)
        logger = self._logger
        if logger.isEnabledFor(number):
            extra = {"fields": {"stream": self._stream, **fields}}
            # Not with Logger.log, which looks for the calling line of code, which is
            # not used. Without arguments the message is not a format.
            logger.handle(
                logger.makeRecord(
                    logger.name, number, "", 0, message, (), None, extra=extra
                )
            )

    def failed(self, error: BaseException) -> None:
        """Write that the proxy itself failed, with the error's type and place."""
        self.write("error", "The proxy failed", {"error": _place(error)})

    def over(self, outcome: str, **fields: Any) -> None:
        """Write the outcome of the answer.

        Args:
            outcome: ``complete``, ``short`` of its length, ``aborted``, ``client gone``
                or ``shut down``.
            fields: Other facts about the answer; None is left out.
        """
        known = {name: value for name, value in fields.items() if value is not None}
        found = {"architecture": self._architecture, "outcome": outcome, **known}
        self.write("info", "= answer over", found)


def configure(level: str, path: Path | None, form: str = "text") -> logging.Logger:
    """Set up the proxy's logger and that of asyncio; return the first.

    Args:
        level: One of :data:`LEVELS`.
        path: A file to append to as well; a missing folder is created.
        form: One of :data:`FORMATS`.

    Raises:
        OSError: The file cannot be opened.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Watched, so a rotated file is opened anew.
        handlers.append(WatchedFileHandler(path, encoding="utf-8"))
    formatter = JsonFormatter() if form == "json" else KeyValueFormatter()
    logger = logging.getLogger("proxy")
    for target in (logger, logging.getLogger("asyncio")):
        for old in tuple(target.handlers):
            target.removeHandler(old)
            old.close()
        target.propagate = False
        for handler in handlers:
            handler.setFormatter(formatter)
            target.addHandler(handler)
    logger.setLevel(_NUMBERS[level])
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    return logger


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, tz=UTC)
    return f"{at.isoformat(timespec='milliseconds')[:-6]}Z"


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _quoted(value: object, *, always: bool = False) -> str:
    text = _text(value)
    if not always and _BARE.fullmatch(text):
        return text
    return json.dumps(text)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    name = type(error).__name__
    if not frames:
        return name
    last = frames[-1]
    return f"{name} at {Path(last.filename).name}:{last.lineno}"
