from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.http.routing import Request
from proxy.operations.endpoints import DecisionCounts, Endpoints
from proxy.operations.metrics import Metrics
from proxy.rollout.config import LiveSettings
from proxy.rollout.rollout import ENABLE, KEY_HEADER, PERCENTAGE, SALT, Decision

LOCAL = "127.0.0.1"
ASK = Request(
    method=b"GET",
    target=b"/admin/rollout",
    headers=((b"Host", b"p"),),
    body=b"",
    http_11=True,
    keep_alive=True,
)
V1 = Decision(architecture="v1", reason="no key")
V2 = Decision(architecture="v2", reason="percentage", bucket=3)


class EndpointsClient:
    """The endpoints over settings that may change."""

    def __init__(self, live: LiveSettings) -> None:
        self.live = live
        self.decisions = DecisionCounts(live)
        metrics = Metrics(logging.getLogger("proxy"))
        self.endpoints = Endpoints(live, self.decisions, metrics)

    def ask(self, peer: str | None = LOCAL, **changes: Any) -> Any:
        """Return the reply; for 200 in JSON the value."""
        reply = self.endpoints.respond(replace(ASK, **changes), peer)
        assert reply is not None
        if reply.status != 200:
            return reply.status
        return json.loads(reply.body)


def client(**environ: str) -> EndpointsClient:
    """Endpoints over an environment."""
    names = {"enable": ENABLE, "percentage": PERCENTAGE}
    names |= {"key_header": KEY_HEADER, "salt": SALT}
    return EndpointsClient(LiveSettings({names[k]: v for k, v in environ.items()}))


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_told(peer):
    """By the address at the other end, in either family."""
    assert client().ask(peer)["switch"] is None


@pytest.mark.parametrize(
    "peer", ["10.0.0.1", "192.0.2.7", "::ffff:10.0.0.1", "fe80::1%eth0", "", None, "x"]
)
def test_nobody_else_is_told(peer):
    """403, whatever the path below /admin; an address that is none is not local."""
    for target in (b"/admin/rollout", b"/admin", b"/admin/x", b"/admin/rollout?a"):
        assert client().ask(peer, target=target) == 403


@pytest.mark.parametrize(
    "name", [b"X-Forwarded-For", b"Forwarded", b"X-Real-IP", b"Via"]
)
def test_what_came_through_another_proxy_is_not_from_here(name):
    """A front on the same machine would make everybody local."""
    assert client().ask(headers=((name, b"127.0.0.1"),)) == 403


def test_it_can_be_read_only():
    """The rollout is changed where its variables are set."""
    for method in (b"POST", b"PUT", b"DELETE"):
        assert client().ask(method=method) == 405
        assert client().ask(method=method, target=b"/metrics") == 405
    assert client().ask(target=b"/admin/other") == 404


@pytest.mark.parametrize(
    "target", [b"/v1/admin/rollout", b"/administrator", b"/", b"/healthzz", b"/metric"]
)
def test_everything_else_is_not_ours(target):
    """It goes the way of all requests."""
    request = replace(ASK, target=target)
    assert client().endpoints.respond(request, LOCAL) is None


def test_the_state_is_told_and_the_salt_is_not():
    """Switch, percentage, key header, hash of the salt, and their sources."""
    state = client(
        enable="true", percentage="12.5", key_header="X-Tenant", salt="s3cret-salt"
    ).ask()
    assert state["switch"] is True
    assert state["percentage"] == state["effective_percentage"] == 12.5
    assert state["key_header"] == "x-tenant"
    assert state["salt_sha256"] == hashlib.sha256(b"s3cret-salt").hexdigest()
    assert set(state["sources"].values()) == {"environment"}
    assert len(state["warnings"]) == 1
    assert "s3cret" not in json.dumps(state)


@pytest.mark.parametrize(
    ("environ", "effective"),
    [
        ({"enable": "false", "percentage": "50"}, 0),
        ({"enable": "true"}, 100),
        ({}, 0),
        ({"percentage": "0.01"}, 0.01),
    ],
)
def test_what_the_switches_come_to_is_told_beside_them(environ, effective):
    """Two variables make one effect."""
    assert client(**environ).ask()["effective_percentage"] == effective


def test_streams_are_counted_by_architecture_and_reason():
    """With the share that was observed; None where nothing was."""
    asked = client(percentage="50")
    assert asked.ask()["streams"]["since_start"]["v2_percent"] is None
    for decision in (V1, V2, V2, V2):
        asked.decisions.add(decision)
    counts = asked.ask()["streams"]["since_start"]
    assert counts == {
        "total": 4,
        "v1": 1,
        "v2": 3,
        "reasons": {"v1": {"no key": 1}, "v2": {"percentage": 3}},
        "v2_percent": 75.0,
    }
    assert asked.decisions.share() == 0.75


def test_a_change_begins_a_new_count(tmp_path):
    """The share under the new percentage is not diluted by the old one."""
    path = tmp_path / "settings"
    path.write_text(f"{PERCENTAGE}=10\n")
    times = iter([datetime(2026, 1, n, tzinfo=UTC) for n in (1, 2, 3)])
    asked = EndpointsClient(
        LiveSettings({SALT: "x"}, {KEY_HEADER: "x-k"}, path, lambda: next(times))
    )
    asked.decisions.add(V1)
    state = asked.ask()
    assert state["sources"] == {
        ENABLE: "default",
        PERCENTAGE: "settings file",
        KEY_HEADER: "--set",
        SALT: "environment",
    }
    assert (state["changes"], state["last_change"][:10]) == (0, "2026-01-01")
    path.write_text(f"{PERCENTAGE}=100\n")
    asked.live.current()
    asked.decisions.add(V2)
    state = asked.ask()
    assert (state["changes"], state["last_change"][:10]) == (1, "2026-01-02")
    assert state["streams"]["since_start"]["total"] == 2
    assert state["streams"]["since_last_change"]["v2_percent"] == 100
    path.write_text("nonsense\n")
    state = asked.ask()
    assert state["effective_percentage"] == 0
    assert "expected NAME=value" in state["settings_file_error"]


def test_metrics_are_for_prometheus():
    """Text, with the content type that names its version."""
    reply = client().endpoints.respond(replace(ASK, target=b"/metrics"), "192.0.2.7")
    assert reply is not None
    assert reply.status == 200
    assert dict(reply.headers)[b"content-type"].startswith(b"text/plain; version=")
    assert b"process_resident_memory_bytes" in reply.body
    assert dict(reply.headers)[b"content-length"] == b"%d" % len(reply.body)
