"""Relays by name: the sans-IO logic of an architecture, also one of the user."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from harness.errors import InputError

__all__ = ["Relay", "RelayFactory", "RelayUnderTest", "load_relay", "new_relay"]


class Relay(Protocol):
    """The sans-IO logic of one architecture; see ``proxy/relay.py`` for the tuples."""

    def handle(self, now_ns: int, event: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Take one event, return the commands that follow from it."""


RelayFactory = Callable[..., Relay]
"""``make_relay(settings, seed)``, or ``make_relay(settings, seed, shared=None)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayUnderTest:
    """A relay with its settings; plain values, so that any process can make it.

    Attributes:
        name: Its name in the report.
        path: Dotted path of its factory.
        settings: Handed to the factory.
        architecture: What it must say that it is; None: it need not.
    """

    name: str
    path: str
    settings: tuple[tuple[str, str], ...]
    architecture: str | None = None

    @property
    def mapping(self) -> Mapping[str, str]:
        """The settings by name."""
        return dict(self.settings)


def load_relay(path: str) -> RelayFactory:
    """Import the factory that a dotted path ``module:name`` names.

    Raises:
        InputError: If it cannot be imported.
    """
    module_name, _, attribute = path.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute or "")
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"cannot load the relay {path!r} (expected module:factory): {error}",
            key="relay",
        ) from None
    if not callable(factory):
        raise InputError(f"{path!r} is not callable", key="relay")
    loaded: RelayFactory = factory
    return loaded


def new_relay(
    factory: RelayFactory,
    settings: Mapping[str, str],
    seed: int,
    shared: dict[str, Any],
) -> Relay:
    """Make a relay; ``shared`` goes to a factory that has a parameter of that name."""
    if _takes_shared(factory):
        return factory(settings, seed, shared=shared)
    return factory(settings, seed)


@lru_cache(maxsize=64)
def _takes_shared(factory: RelayFactory) -> bool:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        # A callable written in C may have no signature; it gets the oldest form.
        return False
    return any(
        parameter.name == "shared" or parameter.kind is parameter.VAR_KEYWORD
        for parameter in parameters
    )
