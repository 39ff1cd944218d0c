"""Which SDK reads which table, and all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from scripts.clients.node_sdk import NODE_CLIENTS, node_version, with_node
from scripts.clients.page import Column
from scripts.clients.python_sdks import anthropic_client, openai_client, version_of
from scripts.clients.shapes import TABLES, Shape, read_shapes
from scripts.clients.stage import Reader, read_all, stage, with_threads

__all__ = ["SDKS", "Sdk", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """One SDK.

    Attributes:
        table: Name of the table whose shapes it reads.
        reader: Reads with it.
        version: Returns its name and version.
    """

    table: str
    reader: Reader
    version: Callable[[], str]

    def shapes(self) -> list[Shape]:
        """Return what it reads."""
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
}
"""By their names in the tables."""


async def measure(names: Iterable[str]) -> list[Column]:
    """Let SDKs read their shapes, one SDK after the other.

    Args:
        names: Which.

    Raises:
        HarnessError: A proxy does not start.
        RuntimeError: A request reached the upstream that belongs to no stream.
    """
    columns = []
    async with stage() as staged:
        for name in names:
            sdk = SDKS[name]
            shapes = sdk.shapes()
            readings = await read_all(staged, shapes, sdk.reader)
            columns.append(
                Column(
                    sdk=name, version=sdk.version(), shapes=shapes, readings=readings
                )
            )
        if staged.upstream.strays:
            raise RuntimeError(f"requests of no stream: {staged.upstream.strays}")
    return columns
