"""Live runs of a bench: the same load through every target, in new processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from harness.bench.readers import LoadResult, run_load
from harness.bench.usage import UsageMeter
from harness.bench.workload import Workload
from harness.config import Target
from harness.errors import EvidenceError
from harness.play.gc_pause import gc_paused
from harness.play.target.process import RunningTarget, running_target

__all__ = ["MeasuredRun", "Spawn", "bench_live"]

_START_TIMEOUT_S = 10.0
_SLACK_S = 30.0
"""How much longer than its own length a load may take."""

_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRun:
    """One load through one target.

    Attributes:
        cpu_s: CPU seconds of the target's processes; None: it was not started here.
        idle_bytes: Resident memory before the load.
        peak_bytes: The most during the load.
    """

    result: LoadResult
    cpu_s: float | None
    idle_bytes: int | None
    peak_bytes: int | None


Spawn = dict[str, list[MeasuredRun]]
"""The runs of one set of new processes, by target, in order."""


async def bench_live(
    targets: Sequence[Target],
    workload: Workload,
    *,
    spawns: int,
    blocks: int,
    on_progress: Callable[[str], None],
) -> list[Spawn]:
    """Put the load on every target, forward and backward in every block.

    Args:
        targets: The first is the baseline; names must differ.
        workload: The load of each run.
        spawns: Sets of new processes.
        blocks: Half of the runs of each target in a spawn.
        on_progress: Called with a line for the user before each run.

    Raises:
        HarnessError: A target does not start.
        EvidenceError: A target ended, or no event came through it.
    """
    found = []
    for spawn in range(spawns):
        async with contextlib.AsyncExitStack() as stack:
            arms = [await stack.enter_async_context(_arm(one)) for one in targets]
            if spawn % 2:
                arms.reverse()
            for arm in arms:
                await arm.run(_warm_up(workload))
            runs: Spawn = {target.name: [] for target in targets}
            for block in range(blocks):
                turned = arms[block % len(arms) :] + arms[: block % len(arms)]
                for arm in (*turned, *reversed(turned)):
                    on_progress(f"spawn {spawn + 1} of {spawns}: {arm.name}")
                    runs[arm.name].append(await arm.run(workload))
            found.append(runs)
    return found


def _warm_up(workload: Workload) -> Workload:
    return Workload(streams=min(20, workload.streams), events=50, rate=0)


class _Arm:
    """A target with its own generator behind it."""

    def __init__(
        self, target: RunningTarget, generator: asyncio.subprocess.Process
    ) -> None:
        self.name = target.target.name
        self._target = target
        self._generator = generator
        pid = target.pid
        self._meter = None if pid is None else UsageMeter(pid, self.name)

    async def run(self, workload: Workload) -> MeasuredRun:
        await _configure(self._generator, workload)
        before = self._meter.read() if self._meter else None
        peak = [before[1] if before else 0]
        watching = asyncio.ensure_future(self._watch(peak))
        try:
            with gc_paused():
                result = await run_load(
                    self._target.url,
                    workload,
                    self._target.target.headers,
                    deadline_s=workload.seconds + _SLACK_S,
                )
        except OSError as error:
            raise EvidenceError(f"target {self.name}: {error}") from None
        finally:
            watching.cancel()
        after = self._meter.read() if self._meter else None
        if not result.events:
            raise EvidenceError(f"no event came through target {self.name}")
        self._check_proof(result)
        return MeasuredRun(
            result=result,
            cpu_s=after[0] - before[0] if after and before else None,
            idle_bytes=before[1] if before else None,
            peak_bytes=max(peak[0], after[1]) if after else None,
        )

    def _check_proof(self, result: LoadResult) -> None:
        """Refuse to measure a target whose answer does not have its proof."""
        proof = self._target.target.proof
        if proof is None or proof.header is None:
            return
        name, value = (part.encode("latin-1") for part in proof.header)
        if (name.lower(), value) not in result.headers:
            raise EvidenceError(
                f"target {self.name} must answer with the header "
                f"{proof.header[0]}: {proof.header[1]}, but does not"
            )

    async def _watch(self, peak: list[int]) -> None:
        while self._meter is not None:
            await asyncio.sleep(_POLL_S)
            peak[0] = max(peak[0], self._meter.read()[1])


@contextlib.asynccontextmanager
async def _arm(target: Target) -> AsyncIterator[_Arm]:
    async with (
        _generator(target) as (generator, url),
        running_target(target, url) as started,
    ):
        yield _Arm(started, generator)


@contextlib.asynccontextmanager
async def _generator(
    target: Target,
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    host, port = target.upstream_listen or ("127.0.0.1", 0)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "harness.bench.generator",
        f"{host}:{port}",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        line = await _line(process)
        yield process, line.removeprefix("listening on ").strip()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _configure(generator: asyncio.subprocess.Process, workload: Workload) -> None:
    said = {"events": workload.events, "rate": workload.rate}
    if generator.stdin is not None:
        generator.stdin.write(json.dumps(said).encode() + b"\n")
    await _line(generator)


async def _line(process: asyncio.subprocess.Process) -> str:
    if process.stdout is None:
        return ""
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line:
        why = b""
        if process.returncode is not None and process.stderr is not None:
            why = (await process.stderr.read()).strip().rpartition(b"\n")[2]
        raise EvidenceError(
            f"the generator of the load does not answer {why.decode(errors='replace')}"
        )
    return line.decode()
