"""Which targets a comparison compares."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from harness.cli.choose_targets import TargetOptions, choose_policy, choose_targets
from harness.config import Config, Target
from harness.errors import InputError
from harness.judge.oracle.oracle import Contract
from harness.judge.oracle.policy import Policy

OLD = Target(name="old", contract=Contract.TRANSPARENT, url="http://127.0.0.1:1")
NEW = Target(name="new", contract=Contract.TRANSPARENT, url="http://127.0.0.1:2")
CONFIG = Config(
    targets={"old": OLD, "new": NEW}, baseline="old", candidate="new", source="x.yaml"
)


def options(**given) -> TargetOptions:
    """Return a command line on which only this is said."""
    nothing = dict.fromkeys(
        (
            "baseline",
            "candidate",
            "contract",
            "baseline_upstream",
            "candidate_upstream",
        )
    )
    return TargetOptions(**{"config": Path("x.yaml"), "policy": (), **nothing, **given})


def test_the_configured_targets_are_compared():
    """A name on the command line stands in place of one."""
    assert (OLD, NEW) == choose_targets(options(), CONFIG)
    assert (NEW, NEW) == choose_targets(options(baseline="new"), CONFIG)


def test_a_url_is_a_target_of_its_own():
    """It promises what the command line says."""
    url = "http://127.0.0.1:4000"
    given = {"candidate": url, "candidate_upstream": "127.0.0.1:5055"}
    _, target = choose_targets(options(**given, contract="repairing"), CONFIG)

    assert ("candidate", url) == (target.name, target.url)
    assert ("127.0.0.1", 5055) == target.upstream_listen
    assert Contract.REPAIRING is target.contract


@pytest.mark.parametrize(
    ("upstream", "message"),
    [(None, "needs --candidate-upstream"), ("x", "--candidate-upstream: ")],
)
def test_a_url_needs_the_address_of_its_upstream(upstream, message):
    """The harness listens where the target's configuration expects its server."""
    given = options(candidate="http://127.0.0.1:4000", candidate_upstream=upstream)
    with pytest.raises(click.UsageError, match=message):
        choose_targets(given, CONFIG)


def test_a_policy_of_the_command_line_wins():
    """The configuration's stays where nothing is said."""
    policy = choose_policy(Policy(), ["half_close=serve"])
    assert "serve" == policy.switches["half_close"]
    assert Policy() == choose_policy(Policy(), [])


@pytest.mark.parametrize("text", ["half_close", "half_close=what", "no_such=1"])
def test_a_wrong_policy_names_the_option(text):
    """It is told as the user wrote it."""
    with pytest.raises(InputError, match="--policy"):
        choose_policy(Policy(), [text])
