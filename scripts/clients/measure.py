"""The SDKs with their tables, and the measurement of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from scripts.clients.node_sdk import NODE_CLIENTS, node_version, with_node
from scripts.clients.page import Column
from scripts.clients.python_sdks import anthropic_client, openai_client, version_of
from scripts.clients.shapes import TABLES, Shape, read_shapes
from scripts.clients.testbed import Reader, read_all, start_testbed, with_threads

__all__ = ["SDKS", "Sdk", "measure", "measure_repeats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """One SDK.

    Attributes:
        table: Name of the table whose shapes it reads.
        reader: Reads streams with it.
        version: Returns its name and version.
    """

    table: str
    reader: Reader
    version: Callable[[], str]

    def shapes(self) -> list[Shape]:
        """Return the shapes of its table."""
        return read_shapes(TABLES / f"{self.table}.yaml")


SDKS = {
    "openai-python": Sdk(
        table="openai",
        reader=with_threads(openai_client),
        version=partial(version_of, "openai-python"),
    ),
    **{
        name: Sdk(
            table="openai",
            reader=with_node(name),
            version=partial(node_version, name),
        )
        for name in NODE_CLIENTS
    },
    "anthropic-python": Sdk(
        table="anthropic",
        reader=with_threads(anthropic_client),
        version=partial(version_of, "anthropic-python"),
    ),
    "anthropic-python-helper": Sdk(
        table="anthropic",
        reader=with_threads(partial(anthropic_client, helper=True)),
        version=partial(version_of, "anthropic-python-helper"),
    ),
}
"""By their names in the tables."""


_REPEATS = 2
"""Retries of openai-python by default."""

_REPEATED = (
    "ok",
    "status_503",
    "rst_before_headers",
    "fin_before_headers",
    "rst_after_headers",
    "fin_midstream_event_boundary",
    "malformed_json_mid",
    "err_first_200",
    "err_mid",
)
"""Failures before and after the head; retries are only allowed before it."""


async def measure_repeats() -> Column:
    """Let openai-python read failures, with its default number of retries.

    Raises:
        HarnessError: A proxy does not start.
    """
    sdk = SDKS["openai-python"]
    named = {shape.name: shape for shape in sdk.shapes()}
    shapes = [named[name] for name in _REPEATED]
    reader = with_threads(partial(openai_client, retries=_REPEATS))
    async with start_testbed() as bed:
        readings = await read_all(bed, shapes, reader)
    return Column(
        sdk="openai-python", version=sdk.version(), shapes=shapes, readings=readings
    )


async def measure(names: Iterable[str]) -> list[Column]:
    """Let SDKs read their shapes, one SDK after the other.

    Args:
        names: Keys of `SDKS`.

    Raises:
        HarnessError: A proxy does not start.
        RuntimeError: A request without a stream reached the upstream.
    """
    columns = []
    async with start_testbed() as bed:
        for name in names:
            sdk = SDKS[name]
            shapes = sdk.shapes()
            readings = await read_all(bed, shapes, sdk.reader)
            columns.append(
                Column(
                    sdk=name, version=sdk.version(), shapes=shapes, readings=readings
                )
            )
        if bed.upstream.unmatched:
            raise RuntimeError(f"requests without a stream: {bed.upstream.unmatched}")
    return columns
