"""Official SDKs read every shape: directly, and through both architectures.

Directly they must do what the table says: then the shapes are those that clients really
meet. Through v2 they must never do worse than directly (`scripts.clients.reading`
defines worse). All streams of an SDK run at the same time, once for the module.
"""

from __future__ import annotations

import asyncio
from functools import cache

import pytest

pytest.importorskip("openai", reason="the extra `sdks` is not installed")
pytest.importorskip("anthropic", reason="the extra `sdks` is not installed")

from scripts.clients.measure import SDKS, measure, measure_repeats
from scripts.clients.node_sdk import NODE_CLIENTS, node_is_missing
from scripts.clients.page import Column, worse_ones
from scripts.clients.reading import Reading, worse
from scripts.clients.shapes import Shape
from scripts.clients.testbed import DIRECTLY

pytestmark = pytest.mark.e2e

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

BEFORE_THE_HEAD = ("status_503", "rst_before_headers", "fin_before_headers")
"""Failures after which openai-python retries."""

CASES = [
    pytest.param(name, shape, id=f"{name}-{shape.name}")
    for name, sdk in SDKS.items()
    for shape in sdk.shapes()
]
"""Every SDK with every shape of its table."""


@cache
def column(sdk: str) -> Column:
    """Let an SDK read all its shapes, once."""
    [read] = asyncio.run(measure([sdk]))
    return read


def read(sdk: str, shape: Shape, way: str) -> Reading:
    """Return the reading of a shape; skip if the SDK is missing."""
    if sdk in NODE_CLIENTS and (missing := node_is_missing()):
        pytest.skip(missing)
    return column(sdk).readings[shape.name][way]


@pytest.mark.parametrize(("sdk", "shape"), CASES)
class TestEveryShape:
    def test_is_read_directly_as_the_table_says(self, sdk, shape):
        assert shape.directly[sdk].essence == read(sdk, shape, DIRECTLY).essence

    def test_is_read_no_worse_through_v2(self, sdk, shape):
        directly, through_v2 = read(sdk, shape, DIRECTLY), read(sdk, shape, "v2")
        why = worse(through_v2, directly, shape.meant_for(sdk))
        # An excuse that is no longer needed must go.
        expected = sdk in shape.excused
        assert (why is not None) is expected, f"{why}\n{directly}\n{through_v2}"

    def test_came_through_the_architecture_it_was_asked_of(self, sdk, shape):
        assert read(sdk, shape, "v2").served_by == "v2"
        # An answer that v1 breaks off before the SDK has its head cannot say it.
        assert read(sdk, shape, "v1").served_by in {"v1", None}


@cache
def requests() -> dict[str, dict[str, int]]:
    """Return how many requests reached the upstream, by shape and way."""
    repeats = asyncio.run(measure_repeats())
    return {
        name: {way: reading.requests for way, reading in ways.items()}
        for name, ways in repeats.readings.items()
    }


class TestAskingAgain:
    @pytest.mark.parametrize("shape", BEFORE_THE_HEAD)
    def test_multiplies_before_the_head(self, shape):
        counted = requests()[shape]
        assert counted[DIRECTLY] == 3
        # A kept connection that closes may be stale: then each attempt is made twice.
        twice = 1 if shape == "status_503" else 2
        assert 3 <= counted["v1"] <= 3 * twice
        assert 9 <= counted["v2"] <= 9 * twice

    def test_never_happens_behind_it(self):
        late = {
            name: counted
            for name, counted in requests().items()
            if name not in BEFORE_THE_HEAD
        }
        assert len(late) > 3
        assert {one for counted in late.values() for one in counted.values()} == {1}


class TestTheTable:
    def test_has_at_least_sixty_shapes(self):
        assert len(SDKS["openai-python"].shapes()) >= 60

    def test_has_every_client(self):
        # Else a column could be left out where it is not read.
        for sdk in SDKS.values():
            names = {name for name, other in SDKS.items() if other.table == sdk.table}
            assert all(set(shape.directly) == names for shape in sdk.shapes())

    def test_would_show_what_an_architecture_spoils(self):
        assert {
            line.split()[2] for line in worse_ones([column("openai-python")], "v1")
        } >= V1_IS_WORSE
