"""The settings from the environment, the options and the settings file.

Later sources win: the environment, then ``--set`` on the command line, then the file.
The file is last because it is the one that works on a running proxy: a rollback in it
must not be overruled by the values that the process was started with. It is checked for
every new stream; a file that cannot be used sends new streams to v1, because the
person who edits it is most likely rolling back.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from proxy.rollout import rollout
from proxy.rollout.rollout import Rollout, RolloutError
from proxy.v2.settings import VARIABLES, validate

__all__ = [
    "DEFAULT_LIMITS",
    "ConfigError",
    "ConnectionLimits",
    "ListenAddress",
    "LiveSettings",
    "ProxySettings",
    "parse_listen_address",
    "resolve",
]

_PREFIXES = ("NEW_STREAMING_", "STREAMING_", "ENABLE_NEW_")
_PORT = re.compile(r"[0-9]{1,5}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ConfigError(Exception):
    """The settings cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """The address that the proxy listens on.

    Attributes:
        host: Name or address, without brackets.
        port: 0 lets the system choose.
    """

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Limits of connections, fixed when the proxy starts.

    Attributes:
        pool_size: Connections to the upstream that may wait for another exchange.
        pool_idle_s: Seconds that one may wait. Servers close after 5 (Node.js, uvicorn)
            to 75 (nginx); a request on one that is just closed is tried again.
        request_s: Seconds from the first byte of a request to its last.
        write_s: Seconds that a client may leave a full buffer unread; None: as long as
            a stream may last.
    """

    pool_size: int = 32
    pool_idle_s: float = 15.0
    request_s: float = 60.0
    write_s: float | None = None


DEFAULT_LIMITS = ConnectionLimits()
"""The defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """A snapshot of the settings that may change while the proxy runs.

    Attributes:
        rollout: Which architecture serves a stream.
        streaming: The ``STREAMING_*`` variables as text, for the architectures.
        connect_timeout_s: Seconds to wait for a connection to the upstream.
        total_timeout_s: Limit of an exchange that is not a stream, in seconds, and
            the longest that a client may leave a full buffer unread.
        warnings: Accepted combinations that may surprise.
    """

    rollout: Rollout
    streaming: Mapping[str, str]
    connect_timeout_s: float
    total_timeout_s: float
    warnings: tuple[str, ...] = ()


def resolve(environ: Mapping[str, str], own: Iterable[str] = ()) -> ProxySettings:
    """Read the variables of the rollout and of the architectures; empty is unset.

    Args:
        environ: Their values, among those of other programs.
        own: Names that were set for this proxy only: an unknown one is a mistake,
            whatever its prefix.

    Raises:
        ConfigError: A value does not parse; the message names the variable, what was
            expected and the value.
    """
    try:
        switches = Rollout.from_environ(environ)
    except RolloutError as error:
        raise ConfigError(str(error)) from error
    streaming = {name: environ[name] for name in VARIABLES if environ.get(name)}
    try:
        validate(streaming)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return ProxySettings(
        rollout=switches,
        streaming=streaming,
        connect_timeout_s=_number(streaming, "STREAMING_CONNECT_TIMEOUT_SECONDS"),
        total_timeout_s=_number(streaming, "STREAMING_TIMEOUT_SECONDS"),
        warnings=(*switches.warnings, *_unknown(environ, frozenset(own))),
    )


def parse_listen_address(text: str) -> ListenAddress:
    """Read ``host:port``, ``[::1]:port`` or ``:port``.

    Raises:
        ConfigError: It is not of that form, or the port is above 65535.
    """
    host, separator, port = text.rpartition(":")
    if separator and _PORT.fullmatch(port) and int(port) <= 65535:
        if host.startswith("[") and host.endswith("]"):
            return ListenAddress(host=host[1:-1], port=int(port))
        if ":" not in host:
            return ListenAddress(host=host or "127.0.0.1", port=int(port))
    raise ConfigError(f"--listen: expected host:port, got {text!r}")


class LiveSettings:
    """The current settings, for one stream after another.

    Args:
        overrides: The values of ``--set``.
        path: The settings file, lines of ``NAME=value``; None for none.
        now: The time of day, for the time of the last change.

    Attributes:
        on_change: Called with a level and a message when the file changed.
        changes: How many times the settings changed since the start.
        changed_at: When they last changed; the start, at first.
        unusable: Why the file cannot be used; None while it can.

    Raises:
        ConfigError: A value does not parse, or the file cannot be read.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        overrides: Mapping[str, str] | None = None,
        path: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._environ = environ
        self._overrides = overrides or {}
        self._path = path
        self._now = now
        self.on_change: Callable[[str, str], None] = lambda _level, _message: None
        self._stamp = self._stat()
        self._file = self._read()
        self._settings = self._resolved(self._file)
        self.changes = 0
        self.changed_at = now()
        self.unusable: str | None = None

    def current(self) -> ProxySettings:
        """Return the settings for a stream that begins now."""
        if self._path is not None and self._stat() != self._stamp:
            self.reload()
        return self._settings

    def reload(self) -> None:
        """Read the file again, even if it looks unchanged (SIGHUP)."""
        if self._path is None:
            self.on_change("warning", "no settings file, so nothing to read again")
            return
        self._stamp = self._stat()
        try:
            values = self._read()
            settings = self._resolved(values)
        except ConfigError as error:
            self.unusable = str(error)
            self._take(replace(self._settings, rollout=Rollout(enabled=False)))
            self.on_change("error", f"{error}; until then new streams take v1")
            return
        self.unusable = None
        self._file = values
        self._take(settings)
        self.on_change("info", f"settings read again from {self._path}")
        for warning in self._settings.warnings:
            self.on_change("warning", warning)

    def source(self, variable: str) -> str:
        """Return the name of the source of a variable's value."""
        if self._file.get(variable):
            return "settings file"
        # An empty value in the file unsets those of the other sources.
        if variable not in self._file:
            if self._overrides.get(variable):
                return "--set"
            if variable not in self._overrides and self._environ.get(variable):
                return "environment"
        return "default"

    def _take(self, settings: ProxySettings) -> None:
        self._settings = settings
        self.changes += 1
        self.changed_at = self._now()

    def _resolved(self, file: Mapping[str, str]) -> ProxySettings:
        own = {**self._overrides, **file}
        return resolve({**self._environ, **own}, own)

    def _stat(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        # The inode too: editors replace a file, and two saves can share a time stamp.
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> dict[str, str]:
        if self._path is None:
            return {}
        try:
            # Some editors put a byte order mark before the first name.
            lines = self._path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeError) as error:
            raise ConfigError(f"{self._path}: cannot be read: {error}") from error
        values = {}
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            name, separator, value = text.partition("=")
            if not separator or not _NAME.fullmatch(name.strip()):
                # It must not be ignored: it may be the rollback, in a shell's syntax.
                raise ConfigError(f"{self._path}:{number}: expected NAME=value")
            values[name.strip()] = value.strip()
        return values


def _number(streaming: Mapping[str, str], name: str) -> float:
    return float(streaming.get(name) or VARIABLES[name].default)


def _unknown(environ: Mapping[str, str], own: frozenset[str]) -> list[str]:
    known = (*rollout.VARIABLES, *VARIABLES)
    warnings = []
    for name in sorted(environ):
        if (name in own or name.startswith(_PREFIXES)) and name not in known:
            nearest = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            warnings.append(f"{name} is not a variable of this proxy{hint}")
    return warnings
