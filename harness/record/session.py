"""Runs mitmproxy with the recorder in this process until a signal arrives."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from mitmproxy import ctx, exceptions
from mitmproxy.options import Options
from mitmproxy.tools.dump import DumpMaster

from harness.errors import EvidenceError, InputError
from harness.record.recorder import Recorder, check_folder
from harness.record.settings import RecorderSettings
from harness.record.socket_state import set_idle_limit

__all__ = ["ProxySettings", "record"]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Settings of the proxy.

    Attributes:
        mode: Of mitmproxy: ``reverse:https://host`` or ``regular``.
        host: Where it listens.
        port: 0 takes a free one.
        upstream_ca: File of certificates to trust the upstream by.
        idle_limit_s: Silence after which a connection is closed; None: mitmproxy's
            default.
        options: More options of mitmproxy, as ``name=value``.
    """

    mode: str
    host: str
    port: int
    upstream_ca: str | None = None
    idle_limit_s: int | None = None
    options: tuple[str, ...] = ()


async def record(
    settings: RecorderSettings,
    proxy: ProxySettings,
    *,
    ready: Callable[[str, int], None],
    warn: Callable[[str], None],
) -> int:
    """Record until SIGINT, SIGTERM or SIGHUP.

    Args:
        settings: Of the recorder.
        proxy: Settings of the proxy.
        ready: Takes host and port when the proxy listens.
        warn: Takes a warning.

    Returns:
        The number of answers that were not selected.

    Raises:
        InputError: The proxy cannot start with these settings.
        EvidenceError: A recording was not saved; a warning named it.
    """
    check_folder(settings.out)
    with _LogForwarder(warn) as log:
        recorder = Recorder(settings, warn=warn, stream_all=True)
        start = _StartCheck(ready, log, proxy)
        master = _make_master(proxy)
        master.addons.add(recorder, start)
        loop = asyncio.get_running_loop()
        for name in _SIGNALS:
            if hasattr(signal, name):
                loop.add_signal_handler(getattr(signal, name), master.shutdown)
        await master.run()
    if start.refusal is not None:
        raise InputError(start.refusal)
    if recorder.exit_code:
        raise EvidenceError("not everything was saved; see above")
    return recorder.not_selected


def _make_master(proxy: ProxySettings) -> DumpMaster:
    options = Options(mode=[proxy.mode], listen_host=proxy.host, listen_port=proxy.port)
    master = DumpMaster(options, with_termlog=False, with_dumper=False)
    # It ends the process when an error is logged at the start, without the message.
    master.addons.remove(master.addons.get("errorcheck"))
    try:
        if proxy.upstream_ca is not None:
            options.update(ssl_verify_upstream_trusted_ca=proxy.upstream_ca)
        options.set(*proxy.options)
    except exceptions.OptionsError as error:
        raise InputError(str(error), key="--set") from None
    return master


class _StartCheck:
    """Addon that reports when the proxy listens, or why it does not."""

    def __init__(
        self,
        ready: Callable[[str, int], None],
        log: _LogForwarder,
        proxy: ProxySettings,
    ) -> None:
        self.refusal: str | None = None
        self._ready = ready
        self._log = log
        self._proxy = proxy

    def running(self) -> None:
        """Check whether the proxy listens."""
        proxy: Any = ctx.master.addons.get("proxyserver")
        addresses = proxy.listen_addrs()
        errors, self._log.errors = self._log.errors or [], None
        limit = self._proxy.idle_limit_s
        if not addresses or errors:
            why = "; ".join(errors) or "it listens nowhere"
            self.refusal = f"the proxy did not start: {why}"
        elif limit is not None and not set_idle_limit(limit):
            self.refusal = "this mitmproxy cannot change its idle limit"
        if self.refusal is not None:
            ctx.master.shutdown()
            return
        self._ready(addresses[0][0], addresses[0][1])


class _LogForwarder(logging.Handler):
    """Handler that passes on mitmproxy's warnings and keeps errors of the start."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self.errors: list[str] | None = []
        self._warn = warn

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on, or keep it as an error of the start."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text} {record.exc_info[1]!r}"
        if self.errors is not None and record.levelno >= logging.ERROR:
            self.errors.append(text)
        else:
            self._warn(f"mitmproxy: {text}")
