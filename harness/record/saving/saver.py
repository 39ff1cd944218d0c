"""The process that receives recordings and saves them.

It is a process of its own for three reasons. A secret may be cut between any two
segments, so nothing of a stream must touch the disk before the stream is over; the
segments held in memory until then must outlive a recorder that is killed. The streams
through the recorder must not wait for redaction, YAML or a slow disk. And sent frames
are in the kernel's pipe, so the last segment before a kill is kept too.

It runs as ``python -m harness.record.saving.saver`` with frames on standard input. It
ends when that ends, not by the signals that stop the recorder
(`harness.record.saving.saver_pipe`). It prints a line for every recording on standard
output, and errors on standard error.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TextIO

from harness.cassette.files import write_cassette
from harness.cassette.model import Cassette, EndingKind, Interaction, Recorded
from harness.errors import HarnessError
from harness.privacy.redact import redact_interaction
from harness.privacy.scan import find_secrets
from harness.record.recording import Recording
from harness.record.saving.file_names import NameTemplate, free_path
from harness.record.saving.ipc import (
    EXIT_LOST,
    Frame,
    FrameKind,
    read_ending,
    read_frames,
    read_start,
)
from harness.record.saving.summary_line import dialect_tags, name_values, summary_line
from harness.record.settings import RecorderSettings, read_saver_settings

__all__ = ["Saver", "main"]

_KILLED_NOTE = "The recorder was killed while the stream ran."
_RETRY_BYTES_MAX = 64 * 1024 * 1024
_FINDINGS_MAX = 3

WriteLine = Callable[[str], None]


class _PendingCassette(NamedTuple):
    """A cassette that the disk refused; saving it is tried again."""

    name: str
    cassette: Cassette
    line: str
    size: int


class Saver:
    """Joins frames to recordings, and saves those that are over.

    Args:
        settings: Of the recorder.
        by: Name and version of the program that recorded.
        say: Takes the line of a saved recording.
        warn: Takes a warning.

    Attributes:
        lost: Number of recordings that are finally not saved.
    """

    def __init__(
        self, settings: RecorderSettings, by: str, *, say: WriteLine, warn: WriteLine
    ) -> None:
        self.lost = 0
        self._settings = settings
        self._by = by
        self._template = NameTemplate(settings.name)
        self._folder = Path(settings.out)
        self._say = say
        self._warn = warn
        self._running: dict[int, Recording] = {}
        self._pending: list[_PendingCassette] = []

    def receive(self, frame: Frame) -> None:
        """Take one frame; a failure to save is reported and never raised."""
        match frame.kind:
            case FrameKind.START:
                self._running[frame.number] = Recording(
                    read_start(frame),
                    number=frame.number,
                    max_bytes=self._settings.max_bytes,
                )
            case FrameKind.SEGMENT:
                self._running[frame.number].add(frame.at_ns, frame.data)
            case FrameKind.ENDING:
                kind, notes = read_ending(frame)
                recording = self._running.pop(frame.number)
                self._finish(recording, frame.at_ns, kind, notes)
            case _:
                raise ValueError(f"unexpected frame: {frame.kind!r}")

    def close(self) -> None:
        """Save the recordings of a recorder that died, and those the disk refused."""
        for recording in list(self._running.values()):
            stopped = EndingKind.RECORDER_STOPPED
            self._finish(recording, recording.last_ns, stopped, (_KILLED_NOTE,))
        self._running.clear()
        refusal = self._retry()
        for pending in self._pending:
            self._lose(pending.line, refusal or "")
        self._pending.clear()

    def _finish(
        self,
        recording: Recording,
        at_ns: int,
        kind: EndingKind,
        notes: tuple[str, ...],
    ) -> None:
        target = f"recording {recording.number}"
        try:
            whole = recording.finish(at_ns, kind, notes)
            redacted = redact_interaction(whole, self._settings.rules)
            interaction = replace(redacted, notes=whole.notes)
            target = summary_line(interaction, recording.size)
            self._check_and_save(recording, interaction, target)
        except Exception as error:  # noqa: BLE001 - other recordings must go on
            self._lose(target, f"{type(error).__name__}: {error}")

    def _check_and_save(
        self, recording: Recording, interaction: Interaction, line: str
    ) -> None:
        start = recording.start
        tags = (*dialect_tags(interaction.request.path), *self._settings.tags)
        cassette = Cassette(
            recorded=Recorded(at=start.at, by=self._by, upstream=start.upstream),
            tags=tuple(dict.fromkeys(tags)),
            interactions=(interaction,),
        )
        findings = find_secrets(cassette, self._settings.rules)
        if findings:
            places = [str(finding) for finding in findings[:_FINDINGS_MAX]]
            more = len(findings) - len(places)
            rest = f" and {more} more" if more else ""
            self._lose(line, f"it still holds a secret: {'; '.join(places)}{rest}")
            return
        name = self._template.fill(name_values(start, interaction, recording.number))
        pending = _PendingCassette(name, cassette, line, recording.size)
        refusal = self._save(pending)
        if refusal is None:
            self._retry()
            return
        held = sum(one.size for one in self._pending) + pending.size
        if held > _RETRY_BYTES_MAX:
            self._lose(line, refusal)
            return
        self._pending.append(pending)
        self._warn(
            f"NOT SAVED yet: {line}: {refusal}; it is held in memory and tried again"
            " with the next recording and at the end"
        )

    def _save(self, pending: _PendingCassette) -> str | None:
        """Write one cassette; return the reason if that failed."""
        path = free_path(self._folder, pending.name)
        try:
            write_cassette(path, pending.cassette)
        except HarnessError as error:
            return str(error)
        self._say(f"{pending.line} -> {path}")
        return None

    def _retry(self) -> str | None:
        """Save pending cassettes in order; return the reason of the first failure."""
        while self._pending:
            refusal = self._save(self._pending[0])
            if refusal is not None:
                return refusal
            self._pending.pop(0)
        return None

    def _lose(self, line: str, why: str) -> None:
        self.lost += 1
        self._warn(f"NOT SAVED: {line}: {why}")


def main() -> int:
    """Save the recordings on standard input; return the exit code."""
    frames = read_frames(sys.stdin.buffer)
    first = next(frames, None)
    if first is None:
        return 0
    settings, by = read_saver_settings(json.loads(first.data))
    saver = Saver(settings, by, say=_writer(sys.stdout), warn=_writer(sys.stderr))
    for frame in frames:
        if frame.kind is FrameKind.STOP:
            break
        saver.receive(frame)
    saver.close()
    return EXIT_LOST if saver.lost else 0


def _writer(file: TextIO) -> WriteLine:
    def write(line: str) -> None:
        # Recordings go on if the reader has gone away (`harness record … | head`).
        with contextlib.suppress(OSError, ValueError):
            file.write(f"{line}\n")
            file.flush()

    return write


if __name__ == "__main__":
    sys.exit(main())
