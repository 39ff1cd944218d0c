"""The choice of two targets and a policy, by command line and configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from harness.config import Config, Target, parse_address, url_target
from harness.errors import InputError
from harness.judge.oracle.oracle import Contract
from harness.judge.oracle.policy import Policy, policy_with

__all__ = ["TargetOptions", "choose_policy", "choose_targets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """The options that choose targets."""

    config: Path
    baseline: str | None
    candidate: str | None
    contract: str | None
    policy: tuple[str, ...]
    baseline_upstream: str | None
    candidate_upstream: str | None


def choose_targets(options: TargetOptions, config: Config) -> tuple[Target, Target]:
    """Return baseline and candidate.

    Raises:
        InputError: There is no target of that name, or a URL is wrong.
        UsageError: A URL is given without the address of its upstream.
    """
    return (
        _target(options.baseline or config.baseline, config, options, "baseline"),
        _target(options.candidate or config.candidate, config, options, "candidate"),
    )


def choose_policy(policy: Policy, given: Sequence[str]) -> Policy:
    """Return the configured policy, overridden by that of the command line."""
    for text in given:
        name, mark, value = text.partition("=")
        if not mark:
            raise InputError(f"expected NAME=VALUE, got {text!r}", key="--policy")
        try:
            policy = policy_with(policy, name, value)
        except InputError as error:
            raise InputError(
                error.message, key=f"--policy {text}", nearest=error.nearest
            ) from None
    return policy


def _target(wanted: str, config: Config, options: TargetOptions, role: str) -> Target:
    if not wanted.startswith(("http://", "https://")):
        return config.target(wanted)
    text: str | None = getattr(options, f"{role}_upstream")
    if text is None:
        raise click.UsageError(
            f"--{role} {wanted} needs --{role}-upstream HOST:PORT: the address where "
            "its configuration expects the model server; the harness listens there."
        )
    try:
        address = parse_address(text)
    except ValueError as error:
        raise click.UsageError(f"--{role}-upstream: {error}") from None
    contract = Contract(options.contract or Contract.TRANSPARENT)
    return url_target(role, wanted, contract=contract, upstream_listen=address)
