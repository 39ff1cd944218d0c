"""Starts a target before the streams, and always ends it after them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.config import Target
from harness.errors import EvidenceError, HarnessError, InputError
from harness.placeholders import fill, fill_template
from harness.play.target.output import TargetOutput
from harness.play.target.readiness import Probe, make_probe, tcp_probe
from harness.printable import printable, python_escape

__all__ = ["READY_DEADLINE_S", "RunningTarget", "running_target"]

READY_DEADLINE_S = 10.0
_POLL_S = 0.02
_GRACE_S = 3.0  # between SIGTERM and SIGKILL
_LINES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTarget:
    """A target that serves.

    Attributes:
        url: Where it listens, without a slash at its end.
        output: Empty for a target that was not started here.
        process: The leader of a process group of its own; None: not started here.
    """

    target: Target
    url: str
    output: TargetOutput
    process: asyncio.subprocess.Process | None

    @property
    def pid(self) -> int | None:
        """Its process ID; None: not started here."""
        return None if self.process is None else self.process.pid

    @property
    def exit_code(self) -> int | None:
        """How the process ended (a signal as negative number); None: it runs."""
        return None if self.process is None else self.process.returncode


@contextlib.asynccontextmanager
async def running_target(
    target: Target, upstream_url: str, *, deadline_s: float = READY_DEADLINE_S
) -> AsyncIterator[RunningTarget]:
    """Start a target, wait until it serves, and end it with all its children.

    A target that has only a URL is not started; it must accept connections.

    Args:
        target: What to start.
        upstream_url: URL of its upstream.
        deadline_s: How long it may take to serve.

    Raises:
        InputError: It did not start; the message has the last lines of its output.
        EvidenceError: A target that was not started here accepts no connections.
    """
    if target.command is None:
        yield await _reach_running(target, deadline_s)
        return
    with tempfile.TemporaryDirectory(prefix="harness-target-") as folder:
        output_path = Path(folder, "output.log")
        output = TargetOutput(output_path)
        values = _placeholders(upstream_url, Path(folder, "files"))
        url = None if target.url is None else fill(target.url, values)
        await _check_free(target, url)
        _write_files(target, values)
        process = await _start(target, values, output_path)
        try:
            probe = make_probe(target.ready, url, output)
            found = await _wait(target, probe, process, output, deadline_s)
            yield RunningTarget(
                target=target, url=found, output=output, process=process
            )
        finally:
            await _end(process)


async def _reach_running(target: Target, deadline_s: float) -> RunningTarget:
    output = TargetOutput(None)
    probe = make_probe(target.ready, target.url, output)
    found = await probe()
    started = time.monotonic()
    # A target with a health check may still be starting; without, it is asked once.
    while found is None and target.ready and time.monotonic() - started < deadline_s:
        await asyncio.sleep(_POLL_S)
        found = await probe()
    if found is None:
        asked = (
            "accepts no connections"
            if target.ready is None
            else f"does not answer {target.ready.http} with a status below 400"
        )
        raise EvidenceError(f"target {target.name}: {target.url} {asked}")
    return RunningTarget(target=target, url=found, output=output, process=None)


async def _check_free(target: Target, url: str | None) -> None:
    """Refuse to start a target where something else listens already."""
    if url is not None and await tcp_probe(url)() is not None:
        raise InputError(
            f"target {target.name} cannot be started: "
            f"something already listens at {url}"
        )


def _placeholders(upstream_url: str, folder: Path) -> Mapping[str, str]:
    folder.mkdir()
    parts = urlsplit(upstream_url)
    return {
        "dir": str(folder),
        "port": str(_free_port()),
        "upstream": upstream_url,
        "upstream_host": parts.hostname or "",
        "upstream_port": str(parts.port or 80),
    }


def _free_port() -> int:
    """Return a port that is free now; another process may take it before the target."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_files(target: Target, values: Mapping[str, str]) -> None:
    for name, text in target.files.items():
        path = Path(values["dir"], name)
        path.write_text(fill_template(text, values), encoding="utf-8")


async def _start(
    target: Target, values: Mapping[str, str], output_path: Path
) -> asyncio.subprocess.Process:
    command = [fill(word, values) for word in target.command or ()]
    if command[0] == "python":
        command[0] = sys.executable
    env = {
        # Python buffers output to a file, and readiness may be a line of it.
        "PYTHONUNBUFFERED": "1",
        **os.environ,
        **{name: fill(value, values) for name, value in target.env.items()},
    }
    with output_path.open("ab") as output:
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=target.folder,
                env=env,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(
                f"target {target.name} cannot be started: "
                f"{printable(command[0], python_escape)}: {reason}"
            ) from None


async def _wait(
    target: Target,
    probe: Probe,
    process: asyncio.subprocess.Process,
    output: TargetOutput,
    deadline_s: float,
) -> str:
    """Return the URL once the target serves."""
    started = time.monotonic()
    while time.monotonic() - started < deadline_s:
        found = await probe()
        if process.returncode is not None:
            code = process.returncode
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise _not_started(target, f"ended immediately with {how}", output)
        if found is not None:
            return found
        await asyncio.sleep(_POLL_S)
    raise _not_started(target, f"was not ready after {deadline_s:g} s", output)


def _not_started(target: Target, what: str, output: TargetOutput) -> HarnessError:
    lines = [f"target {target.name} {what}"]
    tail = output.tail(_LINES_SHOWN)
    lines.append("its last output:" if tail else "it wrote nothing")
    lines += [f"  {printable(line, python_escape)}" for line in tail]
    return InputError("\n".join(lines))


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process and its group: SIGTERM, then SIGKILL for what is left."""
    _signal_group(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        # The group outlives its leader where a child ignores SIGTERM.
        _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    # macOS answers EPERM where only zombies are left of a group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
