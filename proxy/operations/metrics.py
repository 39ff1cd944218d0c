"""Figures for Prometheus, kept per stream and never per event.

Two families (DESIGN, section 8):

* ``proxy_stream_*`` is what the driver sees by itself, for both architectures alike, so
  that their figures may be set side by side. v1 is frozen and reports nothing.
* ``proxy_relay_*`` is what a relay reports with ``count`` and ``observe``.

Two delays need their definition. *TTFT* here is the time from the whole request to the
first byte of the answer's body, since a driver does not read what it sends. *Hold* is
the longest time within one answer for which bytes had come from the upstream and
nothing was sent: half an event on its way counts too, so a hold of one gap between
reads is no fault. Both are observed once a stream.
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

__all__ = ["CONTENT_TYPE", "Facts", "Metrics", "StreamMeter"]

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode("ascii")
"""The content type of :meth:`Metrics.text`."""

_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_HOLD_SECONDS = (0.0005, 0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
_VALUES = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Facts(NamedTuple):
    """What the driver saw of one answer.

    Attributes:
        outcome: How the answer ended, as in the log: ``complete``, ``aborted``, ...
        cause: Why it failed, None where it did not; see :attr:`Metrics.errors`.
        attempts: Connections that were asked for.
        bytes_out: Bytes that were sent, head and framing included.
        duration_ns: From the whole request to the end.
        ttft_ns: To the first byte of the body; None where there was none.
        hold_ns: The longest time for which received bytes led to nothing sent.
    """

    outcome: str
    cause: str | None
    attempts: int
    bytes_out: int
    duration_ns: int
    ttft_ns: int | None
    hold_ns: int


class Metrics:
    """All figures of one proxy process, in a registry of its own.

    Attributes:
        decisions: Streams begun, by architecture and the reason of the choice.
        errors: Answers that failed, by cause: an ending of the upstream (``refused``,
            ``connect_timeout``, ``reset``, ``truncated``, ``protocol_error``),
            ``timeout``, ``upstream_status`` (500 and above), ``unavailable`` (nothing
            was tried), ``aborted``, ``proxy`` (a defect of ours).
        connections: Connections of an exchange with the upstream, by how it came by it.
        refused: Requests that the proxy answered by itself, by status.
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
        self._meters: dict[str, StreamMeter] = {}
        self._relayed: dict[str, Counter | Histogram] = {}
        self._odd: set[str] = set()

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a figure that is read when it is asked for."""
        Gauge(name, text, registry=self._registry).set_function(read)

    def meter(self, architecture: str) -> StreamMeter:
        """Return where the streams of an architecture are counted."""
        if architecture not in self._meters:
            self._meters[architecture] = StreamMeter(self, architecture)
        return self._meters[architecture]

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def relayed(
        self,
        kind: type[Counter | Histogram],
        name: str,
        labels: Mapping[str, str],
    ) -> Counter | Histogram | None:
        """Return where relays report ``name`` with these labels; None if it is unfit.

        It is made at its first use. A name that Prometheus refuses, or that comes again
        as another kind or with other labels, is told once in the log and left out.
        """
        try:
            if name not in self._relayed:
                self._relayed[name] = self._make(kind, name, sorted(labels))
            figure = self._relayed[name]
            if isinstance(figure, kind):
                return figure.labels(**labels)
        except ValueError:
            pass
        if name not in self._odd:
            self._odd.add(name)
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


class StreamMeter:
    """Counts the streams of one architecture.

    Args:
        metrics: Where the figures are.
        architecture: ``v1``, ``v2`` or ``none``.
    """

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
        """Count an answer that begins."""
        self._open.inc()

    def over(self, facts: Facts) -> None:
        """Count an answer that ended."""
        metrics = self._metrics
        self._open.dec()
        metrics.outcomes.labels(self._architecture, facts.outcome).inc()
        if facts.cause is not None:
            metrics.errors.labels(self._architecture, facts.cause).inc()
        if facts.attempts > 1:
            self._retries.inc(facts.attempts - 1)
        self._bytes_out.inc(facts.bytes_out)
        self._duration.observe(facts.duration_ns / 1e9)
        if facts.ttft_ns is not None:
            self._ttft.observe(facts.ttft_ns / 1e9)
            self._hold.observe(facts.hold_ns / 1e9)

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
            self._children[key] = self._metrics.relayed(
                kind, name, {"architecture": self._architecture, **labels}
            )
        return self._children[key]
