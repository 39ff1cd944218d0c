"""The pipe to the saver never blocks, and its end is noticed."""

from __future__ import annotations

import asyncio
import io
import sys

import pytest

from harness.errors import InputError
from harness.record.saving.ipc import EXIT_LOST, FrameKind, pack_frame, read_frames
from harness.record.saving.saver_pipe import SaverPipe

KEEP = """
import sys

data = sys.stdin.buffer.read()
open(sys.argv[1], "wb").write(data)
sys.exit(int(sys.argv[2]))
"""
WAIT = """
import os, time

for _ in range(2000):
    if os.path.exists("go"):
        break
    time.sleep(0.01)
else:
    raise SystemExit("nobody said go")
"""


def pipe(tmp_path, told, code: str = KEEP, exit_code: int = 0) -> SaverPipe:
    """Return a pipe to a process that runs this code."""
    command = (sys.executable, "-c", code, str(tmp_path / "kept"), str(exit_code))
    return SaverPipe({"a": 1}, warn=told.append, command=command)


@pytest.mark.e2e
def test_a_slow_saver_holds_nobody_up(tmp_path, monkeypatch):
    """Far more than a pipe holds is taken from the caller, and arrives in order."""
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    frames = [
        pack_frame(FrameKind.SEGMENT, n, n, bytes([n]) * 50_000) for n in range(40)
    ]

    async def send() -> int:
        one = pipe(tmp_path, told, WAIT + KEEP)
        one.start()
        for data in frames:
            one.send(data)
        (tmp_path / "go").touch()  # the saver reads nothing before
        await asyncio.sleep(0.01)
        return one.close()

    assert 0 == asyncio.run(send())
    kept = list(read_frames(io.BytesIO((tmp_path / "kept").read_bytes())))
    assert [FrameKind.SETTINGS, FrameKind.STOP] == [kept[0].kind, kept[-1].kind]
    assert list(range(40)) == [frame.number for frame in kept[1:-1]]
    assert frames == [pack_frame(*frame) for frame in kept[1:-1]]
    assert [] == told


@pytest.mark.e2e
def test_the_waiting_is_sent_while_the_loop_runs(tmp_path):
    """Frames that did not fit are sent when the saver reads, not only at the end."""
    told: list[str] = []
    code = (
        "import sys; n = 0\n"
        "while n < 2_000_000: n += len(sys.stdin.buffer.read1())\n"
        "open(sys.argv[1], 'w').close(); sys.stdin.buffer.read()"
    )

    async def send() -> bool:
        one = pipe(tmp_path, told, code)
        one.start()
        one.send(pack_frame(FrameKind.SEGMENT, 1, 1, b"x" * 2_000_000))
        for _ in range(200):
            await asyncio.sleep(0.02)
            if (tmp_path / "kept").exists():
                break
        there = (tmp_path / "kept").exists()
        one.close()
        return there

    assert asyncio.run(send())


@pytest.mark.e2e
def test_a_dead_saver_is_told_and_replaced():
    """Its death is reported once; `start` starts another."""
    told: list[str] = []
    command = (sys.executable, "-c", "import sys; sys.exit(7)")

    async def send() -> int:
        one = SaverPipe({}, warn=told.append, command=command)
        one.start()
        for _ in range(100):
            await asyncio.sleep(0.02)
            one.send(b"x")
        assert 1 == one.generation
        one.start()
        assert 2 == one.generation
        return one.close()

    assert EXIT_LOST == asyncio.run(send())
    assert "died (exit code 7)" in told[0]


@pytest.mark.e2e
def test_the_savers_exit_code_arrives(tmp_path):
    """The saver's exit code for lost recordings is the recorder's."""

    async def send() -> int:
        one = pipe(tmp_path, [], exit_code=EXIT_LOST)
        one.start()
        return one.close()

    assert EXIT_LOST == asyncio.run(send())


def test_a_saver_that_cannot_start():
    """A command that does not exist is our error, with a message."""
    one = SaverPipe({}, warn=print, command=("no-such-command-here",))
    with pytest.raises(InputError, match="cannot start the process that saves"):
        one.start()
