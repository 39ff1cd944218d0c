"""The server: it accepts connections and chooses what answers each request.

One connection serves one request after another; pipelined requests wait their turn.
While an answer is in progress the connection is still read, because a client that
leaves is noticed by its FIN (clients that close only their sending half are rare,
clients that hang up are not). Bytes beyond a full backlog are left unread.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import itertools
import logging
import secrets
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from proxy.client_connection import ClientConnection
from proxy.driver import Attempt, Driver
from proxy.http.origin import Origin
from proxy.http.pool import ConnectionPool, UpstreamAttempt
from proxy.http.response_framer import ResponseFramer
from proxy.http.routing import Request, wants_stream
from proxy.operations.endpoints import DecisionCounts, Endpoints
from proxy.operations.logs import StreamLogger
from proxy.operations.metrics import Metrics
from proxy.passthrough import PassThrough
from proxy.relay import Event, MakeRelay, Relay
from proxy.rollout.config import (
    DEFAULT_LIMITS,
    ConnectionLimits,
    ListenAddress,
    LiveSettings,
)
from proxy.rollout.rollout import LOG_LINES
from proxy.v2 import breaker_state

__all__ = ["Proxy"]


class Proxy:
    """The proxy as a whole.

    Args:
        live: The settings, read anew for each stream.
        architectures: The factories of ``v1`` and ``v2``.
        tls: How to check the upstream's certificate; None: by the system's authorities
            and those of ``SSL_CERT_FILE``.
    """

    def __init__(  # noqa: PLR0913 - all it touches is handed in
        self,
        *,
        origin: Origin,
        live: LiveSettings,
        architectures: Mapping[str, MakeRelay],
        logger: logging.Logger,
        limits: ConnectionLimits = DEFAULT_LIMITS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._origin = origin
        self._live = live
        self._shared = shared = dict[str, Any]()
        self._architectures = {
            name: _sharing(factory, shared) for name, factory in architectures.items()
        }
        self._logger = logger
        self._limits = limits
        if origin.tls and tls is None:
            tls = ssl.create_default_context()
        self._metrics = metrics = Metrics(logger)
        self._decisions = DecisionCounts(live)
        self._endpoints = Endpoints(live, self._decisions, metrics)
        self._pool = ConnectionPool(
            origin,
            tls=tls if origin.tls else None,
            size=limits.pool_size,
            idle_s=limits.pool_idle_s,
            count=lambda how: metrics.connections.labels(how).inc(),
        )
        self._clients: set[ClientConnection] = set()
        self._empty = asyncio.Event()
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._make_client = functools.partial(
            ClientConnection,
            self.answer,
            self._forget,
            request_limit_s=limits.request_s,
            respond=self._endpoints.respond,
            refused=lambda status: metrics.refused.labels(str(status)).inc(),
        )
        self._add_gauges()

    async def start(self, listen: ListenAddress) -> str:
        """Listen, and return the URL of the proxy.

        Raises:
            OSError: The address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._accept,
            listen.host,
            listen.port,
            backlog=1024,
        )
        port = self._server.sockets[0].getsockname()[1]
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        return f"http://{host}:{port}"

    async def stop(self, grace_s: float) -> None:
        """Accept nothing more, wait ``grace_s`` for open answers, close the rest."""
        if self._server is not None:
            self._server.close()
        self._pool.close()
        for client in tuple(self._clients):
            client.close_when_idle()
        await self._drained(grace_s)
        for client in tuple(self._clients):
            client.stop()
        await self._drained(0.2)
        for client in tuple(self._clients):
            client.abort()
        # Aborted connections are closed in the loop's next turn.
        await asyncio.sleep(0)

    def answer(self, client: ClientConnection, request: Request) -> Driver:
        """Return the driver that answers a forwarded request."""
        settings = self._live.current()
        number = str(next(self._numbers))
        relay: Relay
        if wants_stream(request.body):
            decision = settings.rollout.decide(request.headers)
            self._decisions.add(decision)
            self._metrics.decisions.labels(decision.architecture, decision.reason).inc()
            architecture = decision.architecture
            make_relay = self._architectures[architecture]
            relay = make_relay(settings.streaming, secrets.randbits(64))
            log = StreamLogger(self._logger, number, architecture)
            fields: dict[str, Any] = {"reason": decision.reason}
            if decision.bucket is not None:
                fields["bucket"] = decision.bucket
            log.write("info", LOG_LINES[architecture], fields)
        else:
            architecture = "none"
            relay = PassThrough(timeout_ns=int(settings.total_timeout_s * 1e9))
            log = StreamLogger(self._logger, number, architecture)
        method = request.method
        log.write("debug", f"> {method.decode('ascii')}", {"path": request.path})

        data = self._origin.request(
            method, request.target, request.headers, request.body
        )

        def connect(deliver: Callable[[list[Event]], None]) -> Attempt:
            return UpstreamAttempt(
                self._pool,
                data,
                deliver,
                no_body=method == b"HEAD",
                decode=architecture != "none",
                connect_timeout_s=settings.connect_timeout_s,
                write_log=log.write,
            )

        return Driver(
            relay=relay,
            framer=ResponseFramer(
                method=method,
                http_11=request.http_11,
                keep_alive=request.keep_alive,
                architecture=architecture,
            ),
            client=client,
            connect=connect,
            log=log,
            metrics=self._metrics.for_architecture(architecture),
        )

    def _add_gauges(self) -> None:
        gauge = self._metrics.gauge
        gauge(
            "proxy_breaker_state",
            "Circuit of the upstream: 0 closed, 1 half-open, 2 open.",
            lambda: breaker_state(self._shared),
        )
        gauge(
            "proxy_client_connections_open",
            "Connections from clients.",
            lambda: len(self._clients),
        )
        gauge(
            "proxy_tasks",
            "Tasks of the event loop, that of the server among them.",
            lambda: len(asyncio.all_tasks()),
        )
        gauge(
            "proxy_upstream_connections_idle",
            "Connections to the upstream that wait for another exchange.",
            lambda: self._pool.idle,
        )
        gauge(
            "proxy_rollout_percentage",
            "Share of the keys that v2 serves, 0 to 100, as it is set now.",
            lambda: self._live.current().rollout.threshold / 100,
        )
        gauge(
            "proxy_rollout_share",
            "Share of v2 in the streams since the settings last changed, 0 to 1.",
            self._decisions.share,
        )

    def _accept(self) -> ClientConnection:
        limit_s = self._limits.write_s or self._live.current().total_timeout_s
        client = self._make_client(limit_s)
        self._clients.add(client)
        self._empty.clear()
        return client

    def _forget(self, client: ClientConnection) -> None:
        self._clients.discard(client)
        if not self._clients:
            self._empty.set()

    async def _drained(self, limit_s: float) -> None:
        if self._clients:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._empty.wait()


def _sharing(factory: MakeRelay, shared: dict[str, Any]) -> Callable[..., Relay]:
    """Return the factory, with the shared dict bound if it takes one."""
    kinds = {
        name: one.kind for name, one in inspect.signature(factory).parameters.items()
    }
    if "shared" in kinds or inspect.Parameter.VAR_KEYWORD in kinds.values():
        return functools.partial(factory, shared=shared)
    return factory
