"""Policies: switches for what reasonable proxies do differently, with defaults.

Issue trackers of proxies and clients show no consensus on these, so the harness does
not decide them: a suite may. Where a switch leaves it to the target, both ways are
right, and two targets that differ only in that are an expected divergence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from harness.errors import InputError, closest

__all__ = ["POLICY_CHOICES", "Policy", "policy_with"]

POLICY_CHOICES: Mapping[str, tuple[str, ...]] = {
    "unterminated_event": ("contract", "discard", "deliver", "either"),
    "done_synthesis": ("allowed", "forbidden"),
    "missing_finish": ("allowed", "required", "forbidden"),
    "invalid_utf8": ("either", "pass", "replace", "error"),
    "cumulative": ("contract", "original", "as_sent"),
    "half_close": ("either", "abort", "serve"),
}
"""Every switch that is a word, with its possible words; the default first."""

_DRAIN = "drain_after_abort_ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The switches of a suite.

    Attributes:
        unterminated_event: An event that a clean end leaves without its blank line:
            ``discard`` (WHATWG; openai-go#697), ``deliver`` (openai-node#2726),
            ``either``, or by ``contract``: a repairing target delivers, a transparent
            one discards.
        done_synthesis: Whether ``[DONE]`` may be added where every finish_reason
            arrived and the end was clean (hermes-agent#100515 adds it,
            CLIProxyAPI#5028 calls it a bug).
        missing_finish: Whether a clean end without finish_reason and ``[DONE]`` may,
            must (``required``) or must not (``forbidden``) be reported as an error
            (pydantic-ai#6610).
        invalid_utf8: Bytes that are not UTF-8 ``pass``, U+FFFD replaces them
            (``replace``), their event is left out and an error is reported
            (``error``), or ``either`` of these.
        cumulative: Whether repeats are reduced to what was meant (``original``), pass
            (``as_sent``), or as the ``contract`` says.
        half_close: A client that shuts its sending half is served (``serve``), or
            treated as one that left (``abort``).
        drain_after_abort_ms: How long the upstream may still be read after its client
            left, to get its usage (sub2api#6482); None: no longer than freeing it
            takes.
    """

    unterminated_event: str = "contract"
    done_synthesis: str = "allowed"
    missing_finish: str = "allowed"
    invalid_utf8: str = "either"
    cumulative: str = "contract"
    half_close: str = "either"
    drain_after_abort_ms: float | None = None

    @property
    def non_default(self) -> dict[str, str]:
        """The switches that differ from their default, as words."""
        default = Policy()
        return {
            name: f"{value:g}" if isinstance(value, float) else str(value)
            for name, value in self.switches.items()
            if value != getattr(default, name)
        }

    @property
    def switches(self) -> dict[str, str | float | None]:
        """All switches."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def policy_with(policy: Policy, name: str, value: Any) -> Policy:
    """Return a policy with one switch set.

    Args:
        policy: The other switches.
        name: Name of the switch.
        value: A word of `POLICY_CHOICES`, or milliseconds.

    Raises:
        InputError: There is no such switch or word; the error names the nearest.
    """
    if name == _DRAIN:
        return replace(policy, drain_after_abort_ms=_milliseconds(value))
    if name not in POLICY_CHOICES:
        names = (*POLICY_CHOICES, _DRAIN)
        raise InputError(
            f"there is no policy {name!r}; there is {', '.join(names)}",
            key=name,
            nearest=closest(name, names),
        )
    words = POLICY_CHOICES[name]
    if value not in words:
        raise InputError(
            f"expected {', '.join(words)}, got {value}",
            key=name,
            nearest=closest(str(value), words),
        )
    return replace(policy, **{name: value})


def _milliseconds(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < 1e9:
        raise InputError(f"expected milliseconds, got {value}", key=_DRAIN)
    return number
