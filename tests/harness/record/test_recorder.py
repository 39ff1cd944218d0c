"""The addon: the frames that it sends for the flows that it sees."""

from __future__ import annotations

import asyncio
import io

import pytest

pytest.importorskip("mitmproxy", reason="the extra `record` is not installed")

from mitmproxy import ctx, exceptions
from mitmproxy.flow import Error
from mitmproxy.http import Headers, Response
from mitmproxy.options import Options
from mitmproxy.test import tflow

from harness.errors import InputError
from harness.record import recorder as module
from harness.record.recorder import Recorder, check_folder
from harness.record.saving.ipc import FrameKind, read_ending, read_frames, read_start
from harness.record.settings import RecorderSettings


class FakePipe:
    """A pipe that keeps its frames."""

    def __init__(self, _settings, *, warn) -> None:
        self.generation = 0
        self.warn = warn
        self.sent = b""
        self.exit_code = 0

    def start(self) -> None:
        self.generation = max(1, self.generation)

    def send(self, frame: bytes) -> None:
        self.sent += frame

    def close(self) -> int:
        return self.exit_code

    def frames(self):
        return list(read_frames(io.BytesIO(self.sent)))

    def endings(self):
        return [
            read_ending(frame)
            for frame in self.frames()
            if frame.kind is FrameKind.ENDING
        ]


@pytest.fixture(name="told")
def _told():
    return []


@pytest.fixture(name="options")
def _options(monkeypatch):
    """Return mitmproxy's options, as an addon sees them."""
    options = Options()
    monkeypatch.setattr(ctx, "options", options, raising=False)
    return options


@pytest.fixture(name="one")
def _one(monkeypatch, told, options):
    """Return a recorder that runs, without mitmproxy's sockets."""
    monkeypatch.setattr(module, "SaverPipe", FakePipe)
    recorder = Recorder(RecorderSettings(), warn=told.append)
    recorder.running()
    return recorder


def answered(status=200, kind="text/event-stream"):
    """Return a flow whose response head has arrived."""
    flow = tflow.tflow(resp=Response.make(status, b"", {"content-type": kind}))
    flow.response.raw_content = None
    return flow


def begin(recorder, flow):
    """Show a request and a response head to the recorder."""
    recorder.request(flow)
    recorder.responseheaders(flow)


def passed(flow, *parts):
    """Send parts of a body through the recorder; return what the client gets."""
    return [flow.response.stream(part) for part in parts]


def run(test):
    """Run a test that needs a loop."""

    async def inside():
        return test()

    return asyncio.run(inside())


def test_a_stream_is_recorded_as_it_passes(one):
    """Start, segments with their bytes, and the ending; the bytes are unchanged."""
    flow = answered()

    def test():
        begin(one, flow)
        got = passed(flow, b"one", b"", b"two", b"")
        one.response(flow)
        return got

    assert [b"one", b"", b"two", b""] == run(test)
    start, *segments, end = one._pipe.frames()
    assert FrameKind.START is start.kind
    assert flow.request.path == read_start(start).request.path
    assert [b"one", b"two"] == [frame.data for frame in segments]
    assert 0 <= segments[0].at_ns <= segments[1].at_ns <= end.at_ns
    assert [("complete", ())] == one._pipe.endings()
    assert {1} == {frame.number for frame in one._pipe.frames()}


def test_only_selected_answers_are_recorded(one, told):
    """The others are counted and not streamed."""
    page, upgrade = answered(kind="text/html"), answered(101)

    def test():
        begin(one, page)
        begin(one, upgrade)

    run(test)
    assert 1 == one.not_selected
    assert False is page.response.stream
    assert [] == one._pipe.frames()
    assert [] == told


def test_an_interim_answer_is_reported(one, told):
    """The answer after it is lost: mitmproxy takes the first head for it."""
    flow = answered(103)
    flow.request.path = "/v1?key=secret"
    run(lambda: begin(one, flow))
    expected = (
        "mitmproxy takes the interim answer 103 for the answer itself:"
        " GET /v1 is not recorded"
    )
    assert expected in told
    assert [] == one._pipe.frames()


def test_every_answer_is_streamed_if_asked(one):
    """Also those that are not recorded."""
    one._stream_all = True
    flow = answered(kind="text/html")
    run(lambda: begin(one, flow))
    assert True is flow.response.stream


def test_the_tap_of_another_addon_still_sees_the_body(one):
    """Its result goes to the client, the bytes before it are recorded."""
    flow = answered()
    flow.response.stream = bytes.upper

    def test():
        begin(one, flow)
        return passed(flow, b"abc")

    assert [b"ABC"] == run(test)
    assert b"abc" == one._pipe.frames()[1].data


def test_an_addon_that_takes_over_the_body_is_reported(one, told):
    """The recording lacks the body, and a note says so."""
    flow = answered()

    def test():
        begin(one, flow)
        flow.response.stream = lambda data: data
        one.response(flow)

    run(test)
    note = "The body is missing: another addon took it over."
    assert [("complete", (note,))] == one._pipe.endings()
    assert "another addon took over the body: the recording lacks it" in told


def test_trailers_are_noted(one):
    """They are not kept."""
    flow = answered()

    def test():
        begin(one, flow)
        flow.response.trailers = Headers(x="1")
        one.response(flow)

    run(test)
    assert [("complete", ("Trailers arrived and are not kept.",))] == (
        one._pipe.endings()
    )


@pytest.mark.parametrize(
    ("said", "ending"),
    [
        (Error.KILLED_MESSAGE, ("recorder_stopped", ())),
        ("stream reset by peer", ("reset", ())),
        (
            "HTTP/1 protocol error: bad chunk",
            ("truncated", ("The upstream broke the rules of HTTP here.",)),
        ),
        (
            "HTTP/1 protocol error: peer closed without sending complete message body",
            ("truncated", ()),
        ),
    ],
)
def test_an_error_ends_a_recording(one, said, ending):
    """Its text shows a kill, a reset of the stream and broken framing."""
    flow = answered()

    def test():
        begin(one, flow)
        flow.error = Error(said)
        one.error(flow)
        one.error(flow)

    run(test)
    assert [ending] == one._pipe.endings()


def test_a_request_without_an_answer_is_reported_once(one, told):
    """Bytes of the upstream, which nobody redacted, are left out."""
    flow = tflow.tflow()
    flow.error = Error("bad head: b'secret'")

    def test():
        one.request(flow)
        one.error(flow)
        one.error(flow)

    run(test)
    expected = "no answer that can be recorded: GET /path: bad head"
    assert [expected] == [line for line in told if line.startswith("no answer")]


def test_a_shutdown_ends_running_recordings_once(one):
    """The error that follows it changes nothing, and nothing new begins."""
    flow, later = answered(), answered()
    one._pipe.exit_code = 4

    def test():
        begin(one, flow)
        passed(flow, b"x")
        one.done()
        flow.error = Error("Client disconnected.")
        one.error(flow)
        begin(one, later)

    run(test)
    assert [("recorder_stopped", ())] == one._pipe.endings()
    assert 1 == sum(frame.kind is FrameKind.START for frame in one._pipe.frames())
    assert 4 == one.exit_code


def test_a_recording_of_a_dead_saver_is_not_continued(one):
    """The next saver does not know its start; the traffic goes on."""
    flow = answered()

    def test():
        begin(one, flow)
        one._pipe.generation += 1
        got = passed(flow, b"x")
        one.response(flow)
        return got

    assert [b"x"] == run(test)
    assert [FrameKind.START] == [frame.kind for frame in one._pipe.frames()]


def test_a_pipe_that_fails_does_not_stop_the_traffic(one, told, monkeypatch):
    """The first failure is reported, and only once."""
    flow = answered()

    def fail(_frame):
        raise RuntimeError("gone")

    def test():
        begin(one, flow)
        monkeypatch.setattr(one._pipe, "send", fail)
        return passed(flow, b"x", b"y")

    assert [b"x", b"y"] == run(test)
    lost = [line for line in told if "a segment was not recorded" in line]
    assert ["a segment was not recorded: RuntimeError('gone')"] == lost


def test_options_that_cannot_be_read_end_the_start(tmp_path, options, monkeypatch):
    """So does a change while it runs; the same value again is none."""
    monkeypatch.setattr(module, "SaverPipe", FakePipe)
    recorder = Recorder()
    recorder.load(options)

    def configure(**values):
        options.update(**values)
        recorder.configure(values)

    configure(harness_out=[str(tmp_path / "out")])
    assert (tmp_path / "out").is_dir()
    with pytest.raises(exceptions.OptionsError, match="harness_all: expected true"):
        configure(harness_all=["perhaps"])
    configure(harness_all=["true"])
    recorder.running()
    configure(harness_all=["true"])
    with pytest.raises(exceptions.OptionsError, match="can only be set at the start"):
        configure(harness_all=["false"])


def test_an_unknown_option_of_ours_ends_the_start(options):
    """The nearest name is proposed; options of other addons are not ours to judge."""
    recorder = Recorder()
    recorder.load(options)
    options.update_defer(other_out=["x"])
    recorder.configure({"mode"})
    options.update_defer(harness_ot=["x"])
    with pytest.raises(exceptions.OptionsError, match="harness_ot: unknown option"):
        recorder.configure({"harness_tag"})


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    """A file is in its place."""
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write into the folder"):
        check_folder(str(tmp_path / "file" / "out"))
