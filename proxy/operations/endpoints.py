"""The proxy's own endpoints: ``/healthz``, ``/metrics``, ``/admin/rollout``.

All are read-only: the rollout is changed where its variables are set, so the proxy
cannot contradict its own configuration, and access to the port is not enough to move
traffic.

``/admin`` is for the same machine. The peer's address decides, and a request whose
headers name another proxy is not local, whatever its address.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections import Counter
from typing import Any

from proxy.http.error_responses import LocalResponse, error_response, json_response
from proxy.http.headers import first_value
from proxy.http.routing import Request
from proxy.operations.metrics import CONTENT_TYPE, Metrics
from proxy.rollout import rollout
from proxy.rollout.config import LiveSettings
from proxy.rollout.rollout import Decision

__all__ = ["DecisionCounts", "Endpoints"]

_FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")


class DecisionCounts:
    """The rollout's decisions, counted since the start and since the settings changed.

    Args:
        live: The settings whose changes begin a new count.
    """

    def __init__(self, live: LiveSettings) -> None:
        self._live = live
        self._changes = live.changes
        self.total: Counter[tuple[str, str]] = Counter()
        self.recent: Counter[tuple[str, str]] = Counter()

    def add(self, decision: Decision) -> None:
        """Count the decision for a new stream."""
        self._follow()
        key = decision.architecture, decision.reason
        self.total[key] += 1
        self.recent[key] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return the counts, and the share of v2 in percent."""
        self._follow()
        return {
            "since_start": _counts(self.total),
            "since_last_change": _counts(self.recent),
        }

    def share(self) -> float:
        """Return the share of v2 since the settings last changed, 0 to 1."""
        self._follow()
        return (_percent(self.recent) or 0.0) / 100

    def _follow(self) -> None:
        if self._changes != self._live.changes:
            self._changes = self._live.changes
            self.recent.clear()


class Endpoints:
    """The answers to requests for the proxy itself."""

    def __init__(
        self, live: LiveSettings, decisions: DecisionCounts, metrics: Metrics
    ) -> None:
        self._live = live
        self._decisions = decisions
        self._metrics = metrics

    def respond(self, request: Request, peer: str | None) -> LocalResponse | None:
        """Return the answer, or None for a request that must be forwarded.

        Args:
            request: Any request, its target as received.
            peer: The address of the client; None if unknown.
        """
        path = request.path
        if path == b"/admin" or path.startswith(b"/admin/"):
            if not _is_local(request, peer):
                return error_response(403, "/admin answers this machine only")
            if path != b"/admin/rollout":
                return error_response(404, "the path here is /admin/rollout")
        elif path not in (b"/healthz", b"/metrics"):
            return None
        if request.method not in (b"GET", b"HEAD"):
            response = error_response(405, "it can be read only: GET or HEAD")
            allow = (b"allow", b"GET, HEAD")
            return response._replace(headers=(*response.headers, allow))
        if path == b"/healthz":
            return json_response(200, {"status": "ok"})
        if path == b"/metrics":
            body = self._metrics.text()
            length = (b"content-length", b"%d" % len(body))
            return LocalResponse(200, ((b"content-type", CONTENT_TYPE), length), body)
        return json_response(200, self.rollout_state())

    def rollout_state(self) -> dict[str, Any]:
        """Return the content of ``/admin/rollout``; the salt only as a hash."""
        live = self._live
        switches = live.current().rollout
        hundredths = switches.hundredths
        header = switches.key_header
        return {
            "switch": switches.enabled,
            "percentage": None if hundredths is None else hundredths / 100,
            "effective_percentage": switches.threshold / 100,
            "key_header": None if header is None else header.decode("ascii"),
            "salt_sha256": hashlib.sha256(switches.salt.encode()).hexdigest(),
            "sources": {name: live.source(name) for name in rollout.VARIABLES},
            "warnings": list(switches.warnings),
            "settings_file_error": live.unusable,
            "last_change": live.changed_at.isoformat(timespec="milliseconds"),
            "changes": live.changes,
            "streams": self._decisions.as_dict(),
        }


def _counts(counts: Counter[tuple[str, str]]) -> dict[str, Any]:
    by_architecture = {"v1": 0, "v2": 0}
    by_reason: dict[str, dict[str, int]] = {"v1": {}, "v2": {}}
    for (architecture, reason), count in sorted(counts.items()):
        by_architecture[architecture] += count
        by_reason[architecture][reason] = count
    return {
        "total": counts.total(),
        **by_architecture,
        "reasons": by_reason,
        "v2_percent": _percent(counts),
    }


def _percent(counts: Counter[tuple[str, str]]) -> float | None:
    total = counts.total()
    if not total:
        return None
    new = sum(n for (architecture, _), n in counts.items() if architecture == "v2")
    return round(100 * new / total, 2)


def _is_local(request: Request, peer: str | None) -> bool:
    if any(first_value(request.headers, name) is not None for name in _FORWARDED):
        return False
    try:
        address = ipaddress.ip_address((peer or "").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
