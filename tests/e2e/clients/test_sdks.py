"""Official SDKs read every shape: directly, and through both architectures.

Directly they must do what the table says: then the shapes are those that clients really
meet. Through v2 they must never fare worse than directly (`scripts.clients.reading`
defines worse). All streams of an SDK run at the same time, once for the module.
"""

from __future__ import annotations

import asyncio
from functools import cache

import pytest

pytest.importorskip("openai", reason="the extra dev is not installed")
pytest.importorskip("anthropic", reason="the extra dev is not installed")

from scripts.clients.node_sdk import node_is_missing, read_with_node
from scripts.clients.python_sdks import anthropic_client, openai_client
from scripts.clients.reading import Reading, worse
from scripts.clients.shapes import TABLES, Shape, read_shapes
from scripts.clients.stage import (
    DIRECTLY,
    Reader,
    Readings,
    read_all,
    stage,
    with_threads,
)

pytestmark = pytest.mark.e2e

SDKS = {
    "openai-python": ("openai", with_threads(openai_client)),
    "openai-node": ("openai", read_with_node),
    "anthropic-python": ("anthropic", with_threads(anthropic_client)),
}
"""By column: its table, and how it reads."""

V1_IS_WORSE = frozenset(
    {
        "fin_midstream_event_boundary",
        "rst_midstream",
        "fin_after_headers",
        "no_space",
        "cr_only",
        "multiline_data",
    }
)
"""Shapes that the legacy architecture spoils for openai-python, among others."""


CASES = [
    pytest.param(sdk, shape, id=f"{sdk}-{shape.name}")
    for sdk, (table, _) in SDKS.items()
    for shape in read_shapes(TABLES / f"{table}.yaml")
]
"""Every SDK with every shape of its table."""


@cache
def readings_of(sdk: str) -> Readings:
    """Let an SDK read all shapes, once."""
    table, reader = SDKS[sdk]
    return asyncio.run(read_everything(table, reader))


async def read_everything(table: str, reader: Reader) -> Readings:
    """Let a reader read a table."""
    shapes = read_shapes(TABLES / f"{table}.yaml")
    async with stage() as staged:
        readings = await read_all(staged, shapes, reader)
        assert staged.upstream.strays == []
    return readings


def read(sdk: str, shape: Shape, way: str) -> Reading:
    """Return what came of a shape; skip where the SDK is missing."""
    if sdk == "openai-node" and (missing := node_is_missing()):
        pytest.skip(missing)
    return readings_of(sdk)[shape.name][way]


@pytest.mark.parametrize(("sdk", "shape"), CASES)
class TestEveryShape:
    def test_is_read_directly_as_the_table_says(self, sdk, shape):
        assert shape.directly[sdk].essence == read(sdk, shape, DIRECTLY).essence

    def test_is_read_no_worse_through_v2(self, sdk, shape):
        directly, through_v2 = read(sdk, shape, DIRECTLY), read(sdk, shape, "v2")
        why = worse(through_v2, directly, shape.meant)
        assert why is None, f"{why}\n  directly: {directly}\n  v2: {through_v2}"

    def test_came_through_the_architecture_it_was_asked_of(self, sdk, shape):
        assert read(sdk, shape, "v2").served_by == "v2"
        # An answer that v1 breaks off before the SDK has its head cannot say it.
        assert read(sdk, shape, "v1").served_by in {"v1", None}


class TestTheTable:
    def test_has_at_least_sixty_shapes(self):
        assert len(read_shapes(TABLES / "openai.yaml")) >= 60

    def test_would_show_what_an_architecture_spoils(self):
        found = {
            shape.name
            for shape in read_shapes(TABLES / "openai.yaml")
            if worse(
                read("openai-python", shape, "v1"),
                read("openai-python", shape, DIRECTLY),
                shape.meant,
            )
        }
        assert found >= V1_IS_WORSE
