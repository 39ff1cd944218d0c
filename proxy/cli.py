"""The command line of the proxy: ``python -m proxy --upstream URL``, ``… simulate``."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from proxy import v1, v2
from proxy.http.origin import Origin, OriginError
from proxy.operations.logs import FORMATS, LEVELS, configure
from proxy.rollout.config import (
    DEFAULT_LIMITS,
    ConfigError,
    ConnectionLimits,
    ListenAddress,
    LiveSettings,
    parse_listen_address,
)
from proxy.rollout.simulate import simulate
from proxy.server import Proxy

__all__ = ["main"]

_EPILOG = """\b
Which architecture serves a stream (environment, --set or --settings-file):
  ENABLE_NEW_STREAMING_ARCHITECTURE   false: v1 for all; true: the percentage decides
  NEW_STREAMING_ROLLOUT_PERCENTAGE    0 to 100 in steps of 0.01
  NEW_STREAMING_ROLLOUT_KEY_HEADER    header with the sticky key, else the credential
  NEW_STREAMING_ROLLOUT_SALT          salt of the hash
Limits and behaviour of the architectures: STREAMING_* (docs/proxy.md).
Rollback: ENABLE_NEW_STREAMING_ARCHITECTURE=false in the settings file; no restart.

\b
Answered by the proxy itself: /healthz, /metrics (Prometheus), and to this machine only
/admin/rollout (the switches and their effect).
SIGHUP reads the settings file again; SIGINT and SIGTERM stop.

\b
Exit status: 0 after SIGINT or SIGTERM, 2 for a wrong option, value or address.
"""


class _StartError(click.ClickException):
    """The proxy cannot start; one message, no traceback."""

    exit_code = 2


@click.group(
    epilog=_EPILOG,
    invoke_without_command=True,
    subcommand_metavar="[simulate --keys FILE]",
    context_settings={"max_content_width": 88},
)
@click.option(
    "--upstream",
    metavar="URL",
    envvar="PROXY_UPSTREAM",
    show_envvar=True,
    help="Base URL of the upstream, http or https; a /v1 at its end is optional.",
)
@click.option(
    "--upstream-ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="PROXY_UPSTREAM_CA",
    show_envvar=True,
    help="PEM file of the authorities to trust for the upstream, instead of the "
    "system's.",
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
    help="Lowest level that is logged.",
)
@click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    envvar="PROXY_LOG_FORMAT",
    show_envvar=True,
    help="key=value pairs, or one JSON object per line.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a variable; overrides the environment; may be repeated.",
)
@click.option(
    "--settings-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Lines of NAME=value that override all else; read again on every change.",
)
@click.option(
    "--pool-size",
    type=click.IntRange(min=0),
    default=DEFAULT_LIMITS.pool_size,
    show_default=True,
    envvar="PROXY_POOL_SIZE",
    show_envvar=True,
    help="Upstream connections kept for another request; 0 keeps none.",
)
@click.option(
    "--pool-idle-seconds",
    type=click.FloatRange(min=0),
    default=DEFAULT_LIMITS.pool_idle_s,
    show_default=True,
    envvar="PROXY_POOL_IDLE_SECONDS",
    show_envvar=True,
    help="How long such a connection is kept.",
)
@click.option(
    "--request-timeout-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=DEFAULT_LIMITS.request_s,
    show_default=True,
    envvar="PROXY_REQUEST_TIMEOUT_SECONDS",
    show_envvar=True,
    help="How long a request may take to arrive, head and body.",
)
@click.option(
    "--write-timeout-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=DEFAULT_LIMITS.write_s,
    envvar="PROXY_WRITE_TIMEOUT_SECONDS",
    show_envvar=True,
    help="How long a client may leave a full buffer unread.  [default: "
    "STREAMING_TIMEOUT_SECONDS]",
)
@click.option(
    "--grace-seconds",
    type=click.FloatRange(min=0),
    default=3.0,
    show_default=True,
    help="How long open streams may continue after SIGINT or SIGTERM.",
)
@click.option("--uvloop", is_flag=True, help="Use uvloop, which must be installed.")
@click.pass_context
def main(  # noqa: PLR0913 - one argument for each option
    context: click.Context,
    *,
    upstream: str | None,
    upstream_ca: Path | None,
    listen: str,
    log_file: Path | None,
    log_level: str,
    log_format: str,
    overrides: tuple[str, ...],
    settings_file: Path | None,
    pool_size: int,
    pool_idle_seconds: float,
    request_timeout_seconds: float,
    write_timeout_seconds: float | None,
    grace_seconds: float,
    uvloop: bool,
) -> None:
    """Forward /v1/* to an upstream; streams go through architecture v1 or v2.

    Prints `listening on http://HOST:PORT` on standard output when it is ready.

    `simulate` predicts the share of real keys that a percentage sends to v2.
    """
    if context.invoked_subcommand is not None:
        return
    origin = _origin(upstream)
    try:
        address = parse_listen_address(listen)
        live = LiveSettings(os.environ, _pairs(overrides), settings_file)
    except ConfigError as error:
        raise _StartError(str(error)) from error
    tls = _tls(upstream_ca)
    try:
        logger = configure(log_level, log_file, log_format)
    except OSError as error:
        raise _StartError(f"--log-file: {error}") from error
    for warning in live.current().warnings:
        logger.warning(warning)
    live.on_change = lambda level, message: getattr(logger, level)("%s", message)
    limits = ConnectionLimits(
        pool_size=pool_size,
        pool_idle_s=pool_idle_seconds,
        request_s=request_timeout_seconds,
        write_s=write_timeout_seconds,
    )
    server = Proxy(
        origin=origin,
        live=live,
        architectures={"v1": v1.make_relay, "v2": v2.make_relay},
        logger=logger,
        limits=limits,
        tls=tls,
    )
    with asyncio.Runner(loop_factory=_loop_factory(uvloop=uvloop)) as runner:
        runner.run(_serve(server, live, address, grace_seconds))


main.add_command(simulate)


async def _serve(
    server: Proxy, live: LiveSettings, address: ListenAddress, grace_s: float
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, live.reload)
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


def _origin(url: str | None) -> Origin:
    if url is None:
        raise click.UsageError("Missing option '--upstream'.")
    try:
        return Origin.parse(url)
    except OriginError as error:
        # A URL may hold a password.
        shown = "a URL with credentials" if "@" in url else repr(url)
        raise _StartError(f"--upstream: {error}, got {shown}") from error


def _tls(authorities: Path | None) -> ssl.SSLContext | None:
    if authorities is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(authorities))
    except (OSError, ssl.SSLError) as error:
        raise _StartError(
            f"--upstream-ca: expected certificates in PEM in {authorities}: {error}"
        ) from error


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
