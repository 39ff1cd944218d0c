"""The recorder's end of the pipe to the saver.

A frame is written immediately if the pipe has room, so it outlives this process; the
rest waits in memory and never blocks the streams. The death of a saver is reported
immediately, and the next recording starts another.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from harness.errors import InputError
from harness.record.saving.ipc import EXIT_LOST, FrameKind, pack_frame

__all__ = ["SaverPipe"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAVER = (sys.executable, "-m", "harness.record.saving.saver")


class SaverPipe:
    """The pipe to the saver, and the process itself.

    Args:
        settings: For the saver, from `harness.record.settings.saver_settings`.
        warn: Takes a warning.
        command: Starts the saver.

    Attributes:
        generation: Number of savers started so far; a recording that began with an
            earlier one is lost.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        *,
        warn: Callable[[str], None],
        command: tuple[str, ...] = _SAVER,
    ) -> None:
        self.generation = 0
        self._settings = settings
        self._warn = warn
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: deque[bytes] = deque()
        self._fd = -1
        self._watched = False
        self._failed = False

    def start(self) -> None:
        """Start a saver, unless one is running.

        Raises:
            InputError: It cannot be started.
        """
        if self._process is not None:
            return
        # The saver inherits the blocked signals, so a signal to the whole group does
        # not end it; in this process they wait until it has started.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            message = f"cannot start the process that saves recordings: {error}"
            raise InputError(message) from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        assert process.stdin is not None  # noqa: S101 - for mypy: it was asked for
        self._fd = process.stdin.fileno()
        os.set_blocking(self._fd, False)
        self._process = process
        self.generation += 1
        self.send(pack_frame(FrameKind.SETTINGS, data=self._settings))

    def send(self, frame: bytes) -> None:
        """Send a frame, immediately or as soon as the pipe has room."""
        if self._process is None:
            return
        if not self._waiting:
            frame = self._write(frame)
        if frame:
            self._waiting.append(frame)
            self._watch()

    def close(self) -> int:
        """Send all waiting frames, let the saver finish, and return its exit code."""
        process = self._process
        if process is None:
            return EXIT_LOST if self._failed else 0
        self._unwatch()
        os.set_blocking(self._fd, True)
        self._waiting.append(pack_frame(FrameKind.STOP))
        while self._waiting and self._process is not None:
            rest = self._write(self._waiting.popleft())
            if rest:
                self._waiting.appendleft(rest)
        if self._process is None:
            return EXIT_LOST
        self._process = None
        self._close_pipe(process)
        code = process.wait()
        return EXIT_LOST if self._failed else code

    def _write(self, data: bytes) -> bytes:
        """Write as much as the pipe takes; return the rest."""
        try:
            return data[os.write(self._fd, data) :]
        except BlockingIOError:
            return data
        except OSError:
            self._report_death()
            return b""

    def _write_waiting(self) -> None:
        while self._waiting:
            rest = self._write(self._waiting.popleft())
            if rest:
                self._waiting.appendleft(rest)
                return
        self._unwatch()

    def _watch(self) -> None:
        if not self._watched:
            asyncio.get_running_loop().add_writer(self._fd, self._write_waiting)
            self._watched = True

    def _unwatch(self) -> None:
        if self._watched:
            asyncio.get_running_loop().remove_writer(self._fd)
            self._watched = False

    def _report_death(self) -> None:
        """Note and report that the saver is dead; its recordings are lost."""
        process, self._process = self._process, None
        if process is None:
            return
        self._unwatch()
        self._waiting.clear()
        self._failed = True
        self._close_pipe(process)
        code = process.wait()
        self._warn(
            f"the process that saves recordings died (exit code {code}): what was not"
            " saved yet is LOST; the traffic goes on"
        )

    @staticmethod
    def _close_pipe(process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101 - as above
        with contextlib.suppress(OSError):
            process.stdin.close()
