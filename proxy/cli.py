"""The command line of the proxy: ``python -m proxy --upstream URL``."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from proxy import v1, v2
from proxy.config import ConfigError, Listen, Live, parse_listen
from proxy.logs import LEVELS, configure
from proxy.server import Proxy
from proxy.upstream import Origin, OriginError

__all__ = ["main"]

_EPILOG = """\b
Which architecture serves a stream (environment, --set or --settings-file):
  ENABLE_NEW_STREAMING_ARCHITECTURE   false: v1 for all; true: the percentage decides
  NEW_STREAMING_ROLLOUT_PERCENTAGE    0 to 100 in steps of 0.01
  NEW_STREAMING_ROLLOUT_KEY_HEADER    header with the sticky key, else the credential
  NEW_STREAMING_ROLLOUT_SALT          salt of the hash
Limits and habits of the architectures: STREAMING_* (see the README).
Way back: ENABLE_NEW_STREAMING_ARCHITECTURE=false in the settings file; no restart.

\b
Exit status: 0 after SIGINT or SIGTERM, 2 for a wrong option, value or address.
"""


class _StartError(click.ClickException):
    """The proxy cannot start; one message, no traceback."""

    exit_code = 2


@click.command(epilog=_EPILOG, context_settings={"max_content_width": 88})
@click.option(
    "--upstream",
    required=True,
    metavar="URL",
    envvar="PROXY_UPSTREAM",
    show_envvar=True,
    help="Base URL of the upstream, http or https; a /v1 at its end may stand or not.",
)
@click.option(
    "--listen",
    default="127.0.0.1:8080",
    show_default=True,
    metavar="HOST:PORT",
    envvar="PROXY_LISTEN",
    show_envvar=True,
    help="Where to listen; port 0 lets the system choose.",
)
@click.option(
    "--log-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="PROXY_LOG_FILE",
    show_envvar=True,
    help="Append the log to this file as well as to stderr.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="info",
    show_default=True,
    envvar="PROXY_LOG_LEVEL",
    show_envvar=True,
    help="The least level that is logged.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a variable, over the environment; may be repeated.",
)
@click.option(
    "--settings-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Lines of NAME=value over everything else; read again whenever it changes.",
)
@click.option(
    "--grace-seconds",
    type=click.FloatRange(min=0),
    default=3.0,
    show_default=True,
    help="How long open streams may go on after SIGINT or SIGTERM.",
)
@click.option("--uvloop", is_flag=True, help="Use uvloop, which must be installed.")
def main(  # noqa: PLR0913 - one argument for each option
    *,
    upstream: str,
    listen: str,
    log_file: Path | None,
    log_level: str,
    overrides: tuple[str, ...],
    settings_file: Path | None,
    grace_seconds: float,
    uvloop: bool,
) -> None:
    """Forward /v1/* to an upstream; streams go through architecture v1 or v2.

    Prints `listening on http://HOST:PORT` on standard output when it is ready.
    """
    try:
        origin = Origin.parse(upstream)
    except OriginError as error:
        # A URL may hold a password.
        shown = "a URL with credentials" if "@" in upstream else repr(upstream)
        raise _StartError(f"--upstream: {error}, got {shown}") from error
    try:
        address = parse_listen(listen)
        live = Live(os.environ, _pairs(overrides), settings_file)
    except ConfigError as error:
        raise _StartError(str(error)) from error
    try:
        logger = configure(log_level, log_file)
    except OSError as error:
        raise _StartError(f"--log-file: {error}") from error
    for warning in live.current().warnings:
        logger.warning(warning)
    live.on_change = lambda level, message: getattr(logger, level)("%s", message)
    server = Proxy(
        origin=origin,
        live=live,
        architectures={"v1": v1.make_relay, "v2": v2.make_relay},
        logger=logger,
    )
    with asyncio.Runner(loop_factory=_loop_factory(uvloop=uvloop)) as runner:
        runner.run(_serve(server, address, grace_seconds))


async def _serve(server: Proxy, address: Listen, grace_s: float) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        url = await server.start(address)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise _StartError(
            f"--listen: cannot listen on {address.host}:{address.port}: {reason}"
        ) from error
    print(f"listening on {url}", flush=True)  # noqa: T201 - the sign of readiness
    await stop.wait()
    await server.stop(grace_s)


def _pairs(overrides: tuple[str, ...]) -> Mapping[str, str]:
    pairs = {}
    for text in overrides:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise ConfigError(f"--set: expected NAME=VALUE, got {text!r}")
        pairs[name] = value
    return pairs


def _loop_factory(*, uvloop: bool) -> Callable[[], Any] | None:
    if not uvloop:
        return None
    try:
        library = importlib.import_module("uvloop")
    except ImportError as error:
        raise _StartError("--uvloop: uvloop is not installed") from error
    factory: Callable[[], Any] = library.new_event_loop
    return factory
