"""Let official SDKs read every shape, and write the page that tells what came of it.

Usage: ``python -m scripts.clients [--output FILE]``.
It needs the extra ``dev``, and for openai-node Node.js and ``npm install --prefix
scripts/clients/node``; where those are missing, it says so and leaves the column out.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from scripts.clients.node_sdk import node_is_missing, node_version, read_with_node
from scripts.clients.page import Column, page
from scripts.clients.python_sdks import (
    READ_TIMEOUT_S,
    anthropic_client,
    openai_client,
    version_of,
)
from scripts.clients.reading import worse
from scripts.clients.shapes import TABLES, read_shapes
from scripts.clients.stage import DIRECTLY, Reader, read_all, stage, with_threads

_PAGE = Path(__file__).parents[2] / "docs" / "clients.md"


async def _columns() -> list[Column]:
    readers: list[tuple[str, str, str, Reader]] = [
        ("openai-python", "openai", "", with_threads(openai_client)),
        ("anthropic-python", "anthropic", "", with_threads(anthropic_client)),
    ]
    missing = node_is_missing()
    if missing is None:
        readers.insert(1, ("openai-node", "openai", node_version(), read_with_node))
    else:
        print(f"openai-node is left out: {missing}")
    columns = []
    async with stage() as staged:
        for sdk, table, version, reader in readers:
            shapes = read_shapes(TABLES / f"{table}.yaml")
            readings = await read_all(staged, shapes, reader)
            columns.append(
                Column(
                    sdk=sdk,
                    version=version or version_of(sdk),
                    shapes=shapes,
                    readings=readings,
                )
            )
    return columns


def main() -> None:
    """Run, write the page, and say where v2 is the worse way."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.clients", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--output", type=Path, default=_PAGE, help="default: %(default)s"
    )
    output: Path = parser.parse_args().output
    columns = asyncio.run(_columns())
    output.write_text(page(columns, timeout_s=READ_TIMEOUT_S), encoding="utf-8")
    print(f"wrote {output}")
    for column in columns:
        for shape in column.shapes:
            read = column.readings[shape.name]
            why = worse(read["v2"], read[DIRECTLY], shape.meant)
            if why is not None:
                print(f"{column.version}: {shape.name}: {why}")


if __name__ == "__main__":
    main()
