"""A relay and its settings, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RelayUnderTest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayUnderTest:
    """A relay with its settings; plain values, so that any process can make it.

    Attributes:
        name: What the report calls it.
        path: Dotted path of its factory.
        settings: What the factory is given.
        architecture: What it must say it is; None: it need not say.
    """

    name: str
    path: str
    settings: tuple[tuple[str, str], ...]
    architecture: str | None = None

    @property
    def mapping(self) -> Mapping[str, str]:
        """The settings by name."""
        return dict(self.settings)
