"""Official SDKs read recorded streams of others alike through v2 and directly.

They lie outside the project, beside the checkout or where ``STREAM_CORPUS`` says.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="the extra `sdks` is not installed")
pytest.importorskip("anthropic", reason="the extra `sdks` is not installed")

from harness.cassette.model import Ending, EndingKind, Response, Segment
from harness.faults.draft.lowering import draft_response, lower
from harness.scenario.model import ClientPlan
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST
from harness.scenario.script import Script
from scripts.clients.measure import SDKS
from scripts.clients.reading import Meant, Reading
from scripts.clients.shapes import Shape
from scripts.clients.testbed import DIRECTLY, Readings, read_all, start_testbed

_ROOT = Path(__file__).parents[3]
_FOLDER = Path(os.environ.get("STREAM_CORPUS", _ROOT.parent / "shared" / "corpus"))
_PIECE = 512
_STREAMS = {"openai-python": "openai-chat", "anthropic-python": "anthropic-messages"}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.corpus,
    pytest.mark.skipif(
        not _FOLDER.is_dir(),
        reason=f"no recorded streams in {_FOLDER}; set STREAM_CORPUS",
    ),
]


@pytest.mark.parametrize("sdk", _STREAMS)
def test_through_v2_everything_is_yielded_as_directly(sdk):
    """Every object that the SDK yields is the same by both ways, field by field."""
    paths = sorted((_FOLDER / _STREAMS[sdk]).glob("*.sse"))
    read = asyncio.run(read_recorded(sdk, [recorded(path) for path in paths]))
    assert len(read) >= 100
    assert sum(bool(ways[DIRECTLY].text) for ways in read.values()) > len(read) // 2
    changed = {
        name: [(way, reading.essence) for way, reading in ways.items()]
        for name, ways in read.items()
        if yielded(ways[DIRECTLY]) != yielded(ways["v2"])
    }
    assert changed == {}


def yielded(reading: Reading) -> object:
    """Return what must be equal by every way."""
    return reading.essence, reading.digest


async def read_recorded(sdk: str, shapes: Sequence[Shape]) -> Readings:
    """Let an SDK read recorded streams directly and through v2."""
    ways = (DIRECTLY, "v2")
    async with start_testbed(ways) as bed:
        return await read_all(bed, shapes, SDKS[sdk].reader, ways)


def recorded(path: Path) -> Shape:
    """Return a recorded body as a shape that is sent without pauses."""
    body = path.read_bytes()
    pieces = [body[start : start + _PIECE] for start in range(0, len(body), _PIECE)]
    response = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(
            ("content-type", "text/event-stream"),
            ("transfer-encoding", "chunked"),
        ),
        segments=tuple(Segment(at_ns=0, data=piece) for piece in pieces),
        ending=Ending(at_ns=0, kind=EndingKind.COMPLETE),
    )
    script = Script(
        scenario_id=path.stem,
        seed=0,
        request=DEFAULT_REQUEST,
        attempts=(lower(draft_response(response)),),
        client=ClientPlan(),
    )
    return Shape(name=path.stem, what="", script=script, meant=Meant(), directly={})
