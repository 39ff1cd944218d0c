"""Metrics for Prometheus, counted per stream and never per event.

Two families:

* ``proxy_stream_*`` are the driver's own metrics, the same for both architectures, so
  they can be compared. v1 is frozen and reports nothing.
* ``proxy_relay_*`` are reported by a relay with ``count`` and ``observe``.

Two delays need a definition. *TTFT* is the time from the whole request to the first
byte of the answer's body, because a driver does not read the bytes that it sends.
*Hold* is the longest time within one answer in which bytes had arrived from the
upstream and nothing was sent: a partial event counts too, so a hold of one gap between
reads is not a fault. Both are observed once per stream.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE", "ArchitectureMetrics", "Metrics", "StreamStats"]

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode("ascii")
"""The content type of :meth:`Metrics.text`."""

_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_HOLD_SECONDS = (0.0005, 0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
_VALUES = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class StreamStats(NamedTuple):
    """Statistics of one answer, measured by the driver.

    Attributes:
        outcome: The ending, as in the log: ``complete``, ``aborted``, ...
        cause: The cause of a failure, else None; see :attr:`Metrics.errors`.
        attempts: Number of connections that the relay asked for.
        bytes_out: Bytes sent, head and framing included.
        duration_ns: From the whole request to the end.
        ttft_ns: To the first byte of the body; None if there was none.
        hold_ns: The longest time in which received bytes led to nothing sent.
    """

    outcome: str
    cause: str | None
    attempts: int
    bytes_out: int
    duration_ns: int
    ttft_ns: int | None
    hold_ns: int


class Metrics:
    """The metrics of one proxy process, in a registry of its own.

    Attributes:
        decisions: Streams begun, by architecture and the reason of the choice.
        errors: Answers that failed, by cause: an ending of the upstream (``refused``,
            ``connect_timeout``, ``reset``, ``truncated``, ``protocol_error``),
            ``timeout``, ``upstream_status`` (500 and above), ``unavailable`` (nothing
            was tried), ``aborted``, ``proxy`` (a defect of the proxy).
        connections: Connections of exchanges with the upstream, by kind.
        refused: Requests that the proxy refused, by status.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        architecture = ["architecture"]

        def counter(name: str, text: str, labels: list[str]) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(
                name, text, architecture, registry=registry, buckets=buckets
            )

        self.decisions = counter(
            "proxy_streams", "Streams begun.", ["architecture", "reason"]
        )
        self.outcomes = counter(
            "proxy_stream_outcomes", "Answers ended.", ["architecture", "outcome"]
        )
        self.errors = counter(
            "proxy_stream_errors", "Answers failed.", ["architecture", "cause"]
        )
        self.retries = counter(
            "proxy_stream_retries", "Attempts beyond the first.", architecture
        )
        self.bytes_out = counter(
            "proxy_stream_sent_bytes", "Bytes sent to clients.", architecture
        )
        self.duration = histogram(
            "proxy_stream_duration_seconds", "Whole exchange.", _SECONDS
        )
        self.ttft = histogram(
            "proxy_stream_ttft_seconds", "Request to first byte of body.", _SECONDS
        )
        self.hold = histogram(
            "proxy_stream_hold_seconds",
            "Longest time that received bytes led to nothing sent.",
            _HOLD_SECONDS,
        )
        self.open = Gauge(
            "proxy_streams_open",
            "Answers under way.",
            architecture,
            registry=registry,
        )
        self.connections = counter(
            "proxy_upstream_connections",
            "How exchanges came by their connection: new, reused, or again (a reused "
            "one was dead).",
            ["how"],
        )
        self.refused = counter(
            "proxy_requests_refused", "Requests answered by the proxy.", ["status"]
        )
        self._by_architecture: dict[str, ArchitectureMetrics] = {}
        self._relay_metrics: dict[str, Counter | Histogram] = {}
        self._rejected: set[str] = set()

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a gauge; ``read`` is called for each scrape."""
        Gauge(name, text, registry=self._registry).set_function(read)

    def for_architecture(self, architecture: str) -> ArchitectureMetrics:
        """Return the metrics of the streams of an architecture."""
        if architecture not in self._by_architecture:
            self._by_architecture[architecture] = ArchitectureMetrics(
                self, architecture
            )
        return self._by_architecture[architecture]

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def relay_metric(
        self,
        kind: type[Counter | Histogram],
        name: str,
        labels: Mapping[str, str],
    ) -> Counter | Histogram | None:
        """Return the relays' metric called ``name``; None if it is not valid.

        It is made at its first use. A name that Prometheus refuses, or that is used
        again with another kind or other labels, is logged once and ignored.
        """
        try:
            if name not in self._relay_metrics:
                self._relay_metrics[name] = self._make(kind, name, sorted(labels))
            metric = self._relay_metrics[name]
            if isinstance(metric, kind):
                return metric.labels(**labels)
        except ValueError:
            pass
        if name not in self._rejected:
            self._rejected.add(name)
            self._logger.warning("a figure of a relay is left out: %r", name[:80])
        return None

    def _make(
        self, kind: type[Counter | Histogram], name: str, labels: list[str]
    ) -> Counter | Histogram:
        if not _NAME.fullmatch(name):
            raise ValueError(name)
        name = f"proxy_relay_{name.removesuffix('_total')}"
        text = "Reported by the relay."
        if kind is Counter:
            return Counter(name, text, labels, registry=self._registry)
        return Histogram(name, text, labels, registry=self._registry, buckets=_VALUES)


class ArchitectureMetrics:
    """The metrics of the streams of one architecture."""

    def __init__(self, metrics: Metrics, architecture: str) -> None:
        self._metrics = metrics
        self._architecture = architecture
        self._open = metrics.open.labels(architecture)
        self._retries = metrics.retries.labels(architecture)
        self._bytes_out = metrics.bytes_out.labels(architecture)
        self._duration = metrics.duration.labels(architecture)
        self._ttft = metrics.ttft.labels(architecture)
        self._hold = metrics.hold.labels(architecture)
        self._children: dict[Any, Any] = {}

    def begun(self) -> None:
        """Count a new answer."""
        self._open.inc()

    def over(self, stats: StreamStats) -> None:
        """Count an ended answer."""
        metrics = self._metrics
        self._open.dec()
        metrics.outcomes.labels(self._architecture, stats.outcome).inc()
        if stats.cause is not None:
            metrics.errors.labels(self._architecture, stats.cause).inc()
        if stats.attempts > 1:
            self._retries.inc(stats.attempts - 1)
        self._bytes_out.inc(stats.bytes_out)
        self._duration.observe(stats.duration_ns / 1e9)
        if stats.ttft_ns is not None:
            self._ttft.observe(stats.ttft_ns / 1e9)
            self._hold.observe(stats.hold_ns / 1e9)

    def count(self, name: str, amount: float, labels: Mapping[str, str]) -> None:
        """Add to a counter of the relays: their command ``count``."""
        child = self._child(Counter, name, labels)
        if child is not None and amount >= 0:
            child.inc(amount)

    def observe(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Put a value into a distribution of the relays: their command ``observe``."""
        child = self._child(Histogram, name, labels)
        if child is not None:
            child.observe(value)

    def _child(
        self, kind: type[Counter | Histogram], name: str, labels: Mapping[str, str]
    ) -> Any:
        key = (kind, name, *sorted(labels.items()))
        if key not in self._children:
            self._children[key] = self._metrics.relay_metric(
                kind, name, {"architecture": self._architecture, **labels}
            )
        return self._children[key]
