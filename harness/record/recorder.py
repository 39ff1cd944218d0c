"""The mitmproxy addon that records.

Rules of this file, measured on mitmproxy 11.0.2:

1. The callable that sees a body never raises and returns exactly its argument: an
   exception loses the bytes for the client, an empty answer ends the body.
2. ``b""`` does not mark an end; the hooks ``response``, ``error`` and ``done`` do. A
   shutdown calls ``done`` first and ``error`` later: a recording is not ended twice.
3. All times count from the hook ``request``, when the request was read completely.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mitmproxy import ctx, exceptions
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.flow import Error
from mitmproxy.http import HTTPFlow

from harness.errors import InputError
from harness.printable import escape_all
from harness.record.convert import (
    content_type_of,
    ends_by_length,
    read_headers,
    read_request,
    read_version,
    upstream_of,
)
from harness.record.ending import EndFacts, Hook, classify
from harness.record.options import OPTIONS, check_names, read_options
from harness.record.recording import RecordingStart
from harness.record.saving.ipc import FrameKind, pack_ending, pack_frame, pack_start
from harness.record.saving.saver_pipe import SaverPipe
from harness.record.selection import model_of
from harness.record.settings import RecorderSettings, saver_settings
from harness.record.socket_state import (
    ConnectionMonitor,
    FlowSockets,
    default_idle_limit_s,
)
from harness.sse import EVENT_STREAM, is_event_stream
from harness.units import NS_PER_MS, NS_PER_S

__all__ = ["Recorder"]

_log = logging.getLogger(__name__)

Tap = Callable[[bytes], bytes | Iterable[bytes]]


class _ActiveResponse:
    """A response while it is recorded."""

    __slots__ = (
        "behind_at_ns",
        "by_length",
        "generation",
        "last_ns",
        "number",
        "sockets",
        "tap",
        "zero_ns",
    )

    def __init__(self, number: int, generation: int, zero_ns: int) -> None:
        self.number = number
        self.generation = generation
        self.zero_ns = zero_ns
        self.last_ns = time.monotonic_ns()
        self.by_length = True
        self.sockets: FlowSockets | None = None
        self.behind_at_ns: int | None = None
        self.tap: Tap | None = None

    def note_client_lag(self) -> None:
        """Note the time at which the client fell behind; called after each segment."""
        if self.behind_at_ns is not None or self.sockets is None:
            return
        if self.sockets.client_is_behind():
            self.behind_at_ns = self.last_ns - self.zero_ns


class Recorder:
    """The addon that records the traffic.

    Args:
        settings: None: read from the options of mitmproxy.
        warn: Takes a warning; None: mitmproxy's log.
        stream_all: Pass on all answers as they arrive, also those not recorded.

    Attributes:
        not_selected: Number of answers that were not selected.
        exit_code: The saver's; 0: everything was saved.
    """

    def __init__(
        self,
        settings: RecorderSettings | None = None,
        *,
        warn: Callable[[str], None] | None = None,
        stream_all: bool = False,
    ) -> None:
        self.not_selected = 0
        self.exit_code = 0
        self._settings = settings
        self._has_options = settings is None
        self._warn = warn or _log.error
        self._stream_all = stream_all
        self._pipe: SaverPipe | None = None
        self._monitor: ConnectionMonitor | None = None
        self._request_times: dict[str, tuple[int, str]] = {}
        self._active: dict[str, _ActiveResponse] = {}
        self._count = 0
        self._stopped = False
        self._warned: set[str] = set()

    # --- life of the addon ------------------------------------------------------------

    def load(self, loader: Loader) -> None:
        """Add the options."""
        if self._has_options:
            for name, (default, text) in OPTIONS.items():
                loader.add_option(name, Sequence[str], list(default), text)

    def configure(self, updated: Iterable[str]) -> None:
        """Read the options; an unreadable one ends the start."""
        if not self._has_options or not set(OPTIONS) & set(updated):
            return
        try:
            check_names(ctx.options.deferred)
            settings = read_options(lambda name: getattr(ctx.options, name))
            check_folder(settings.out)
        except InputError as error:
            raise exceptions.OptionsError(str(error)) from None
        if self._pipe is not None and settings != self._settings:
            raise exceptions.OptionsError("harness_… can only be set at the start")
        self._settings = settings

    def running(self) -> None:
        """Start the saver, and warn about facts that this mitmproxy does not show."""
        if self._pipe is not None or self._settings is None:
            return
        self._monitor = ConnectionMonitor()
        for missing in self._monitor.missing:
            (self._warn if not self._has_options else _log.warning)(
                f"this mitmproxy does not distinguish {missing}"
            )
        by = f"harness record {_version('stream-rollout-harness')}, mitmproxy"
        settings = saver_settings(self._settings, f"{by} {_version('mitmproxy')}")
        self._pipe = SaverPipe(settings, warn=self._warn)
        try:
            self._pipe.start()
        except InputError as error:
            self._warn(str(error))

    def done(self) -> None:
        """End running recordings and wait until all are saved."""
        self._stopped = True
        for flow_id in list(self._active):
            self._end(flow_id, EndFacts(hook=Hook.DONE), ())
        if self._pipe is not None:
            self.exit_code = self._pipe.close()

    # --- hooks of a flow --------------------------------------------------------------

    def request(self, flow: HTTPFlow) -> None:
        """Note the time from which all others count."""
        now = datetime.now(UTC)
        at = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z"
        self._request_times[flow.id] = (time.monotonic_ns(), at)

    def responseheaders(self, flow: HTTPFlow) -> None:
        """Begin a recording if the answer is selected."""
        response: Any = flow.response
        zero = self._request_times.pop(flow.id, None)
        if self._stopped or self._pipe is None or zero is None or flow.is_replay:
            return
        kind = content_type_of(response)
        if not response.stream and (self._stream_all or is_event_stream(kind)):
            response.stream = True
        if self._is_wanted(flow, kind):
            try:
                self._begin(flow, self._pipe, zero)
            except Exception as error:  # noqa: BLE001 - rule 1: the traffic goes on
                self._warn_once(f"a recording did not begin: {error!r}")

    def response(self, flow: HTTPFlow) -> None:
        """End a recording whose message ended by its framing."""
        self._request_times.pop(flow.id, None)
        active = self._active.get(flow.id)
        if active is None:
            return
        reset = active.sockets.upstream_reset() if active.sockets else None
        facts = EndFacts(
            hook=Hook.RESPONSE, closed_by_length=active.by_length, upstream_reset=reset
        )
        response: Any = flow.response
        notes = ("Trailers arrived and are not kept.",) if response.trailers else ()
        if response.stream is not active.tap:
            self._warn("another addon took over the body: the recording lacks it")
            notes = (*notes, "The body is missing: another addon took it over.")
        self._end(flow.id, facts, notes)

    def error(self, flow: HTTPFlow) -> None:
        """End a recording that was broken off."""
        active = self._active.get(flow.id)
        if active is None:
            if self._request_times.pop(flow.id, None) is not None and not self._stopped:
                self._warn_unanswered(flow)
            return
        said = flow.error.msg if flow.error else ""
        limit_s = default_idle_limit_s()
        monitor = self._monitor or ConnectionMonitor()
        facts = EndFacts(
            hook=Hook.ERROR,
            side=monitor.side(flow),
            client_gone=flow.client_conn.state is ConnectionState.CLOSED,
            closed_by_length=active.by_length,
            upstream_reset=active.sockets.upstream_reset() if active.sockets else None,
            stream_reset=said.startswith("stream reset"),
            timed_out=monitor.timed_out(flow),
            silent_ns=time.monotonic_ns() - active.last_ns,
            idle_limit_ns=None if limit_s is None else limit_s * NS_PER_S,
            killed=said == Error.KILLED_MESSAGE,
        )
        self._end(flow.id, facts, _breach_notes(said))

    def client_disconnected(self, client: Client) -> None:
        """Forget a client that left."""
        if self._monitor is not None:
            self._monitor.forget(client.id)

    # --- inside -----------------------------------------------------------------------

    def _is_wanted(self, flow: HTTPFlow, content_type: str) -> bool:
        response: Any = flow.response
        if response.status_code == 101:
            return False
        if response.status_code < 200:
            self._warn(
                f"mitmproxy takes the interim answer {response.status_code} for the"
                f" answer itself: {_name(flow)} is not recorded"
            )
            return False
        wanted = self._selects(flow, content_type)
        self.not_selected += not wanted
        return wanted

    def _selects(self, flow: HTTPFlow, content_type: str) -> bool:
        if self._settings is None:
            return False
        path = flow.request.path
        model = model_of(path, flow.request.raw_content or b"")
        selection = self._settings.selection
        return selection.wants(path=path, model=model, content_type=content_type)

    def _begin(self, flow: HTTPFlow, pipe: SaverPipe, zero: tuple[int, str]) -> None:
        response: Any = flow.response
        zero_ns, at = zero
        version, note = read_version(response)
        notes = [note] if note else []
        if flow.request.raw_content is None:
            notes.append("The body of the request was streamed and is not kept.")
        start = RecordingStart(
            at=at,
            upstream=upstream_of(flow),
            request=read_request(flow),
            status=response.status_code,
            http_version=version,
            headers=read_headers(response.headers.fields),
            notes=tuple(notes),
        )
        pipe.start()
        self._count += 1
        active = _ActiveResponse(self._count, pipe.generation, zero_ns)
        active.by_length = ends_by_length(response)
        monitor = self._monitor
        active.sockets = monitor.sockets(flow) if monitor else None
        if active.sockets is None:
            self._warn_once("a socket is out of sight: a reset will not be seen")
        pipe.send(pack_start(active.number, start))
        inner = response.stream if callable(response.stream) else None
        response.stream = active.tap = self._make_tap(active, pipe, inner)
        self._active[flow.id] = active

    def _make_tap(
        self, active: _ActiveResponse, pipe: SaverPipe, inner: Tap | None
    ) -> Tap:
        loop = asyncio.get_running_loop()
        number, generation, zero_ns = active.number, active.generation, active.zero_ns
        segment = FrameKind.SEGMENT

        def tap(data: bytes) -> bytes | Iterable[bytes]:
            now_ns = time.monotonic_ns()
            try:
                if data and pipe.generation == generation:
                    active.last_ns = now_ns
                    pipe.send(pack_frame(segment, number, now_ns - zero_ns, data))
                    loop.call_soon(active.note_client_lag)
            except Exception as error:  # noqa: BLE001 - rule 1
                self._warn_once(f"a segment was not recorded: {error!r}")
            return data if inner is None else inner(data)

        return tap

    def _end(self, flow_id: str, facts: EndFacts, notes: tuple[str, ...]) -> None:
        active = self._active.pop(flow_id)
        pipe = self._pipe
        if pipe is None or pipe.generation != active.generation:
            return
        if active.behind_at_ns is not None:
            ms = active.behind_at_ns / NS_PER_MS
            note = f"The client fell behind at {ms:.3f} ms: later times may be late."
            notes = (*notes, note)
        at_ns = time.monotonic_ns() - active.zero_ns
        pipe.send(pack_ending(active.number, at_ns, classify(facts), notes))

    def _warn_unanswered(self, flow: HTTPFlow) -> None:
        # The answer's type is unknown: it counts as an event stream.
        if not self._selects(flow, EVENT_STREAM):
            return
        said = flow.error.msg if flow.error else "no reason known"
        # Bytes of the upstream follow, and they are not redacted.
        said = said.partition(": b'")[0].partition(": bytearray")[0]
        self._warn(f"no answer that can be recorded: {_name(flow)}: {said[:120]}")

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            self._warn(message)


def check_folder(out: str) -> None:
    """Create the folder of the cassettes, and test that it can be written.

    Raises:
        InputError: It cannot.
    """
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        message = f"cannot write into the folder: {error.strerror or error}"
        raise InputError(message, source=out) from None


def _breach_notes(said: str) -> tuple[str, ...]:
    """Return a note if the upstream broke the rules of its framing."""
    is_breach = "protocol error" in said and "without sending complete" not in said
    return ("The upstream broke the rules of HTTP here.",) if is_breach else ()


def _name(flow: HTTPFlow) -> str:
    path = flow.request.path.partition("?")[0]
    return f"{flow.request.method} {escape_all(path)}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(version not known)"
