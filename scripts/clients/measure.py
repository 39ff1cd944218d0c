"""Which SDK reads which table, and all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scripts.clients.node_sdk import node_version, read_with_node
from scripts.clients.page import Column
from scripts.clients.python_sdks import anthropic_client, openai_client, version_of
from scripts.clients.shapes import TABLES, Shape, read_shapes
from scripts.clients.stage import Reader, read_all, stage, with_threads

__all__ = ["NODE", "SDKS", "Sdk", "measure"]

NODE = "openai-node"
"""The one that needs Node.js."""


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
        version=lambda: version_of("openai-python"),
    ),
    NODE: Sdk(table="openai", reader=read_with_node, version=node_version),
    "anthropic-python": Sdk(
        table="anthropic",
        reader=with_threads(anthropic_client),
        version=lambda: version_of("anthropic-python"),
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
