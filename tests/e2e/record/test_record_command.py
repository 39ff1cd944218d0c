"""``harness record`` as a user runs it: stopped, killed, full disks, selections."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from harness.cassette.files import find_cassettes, read_cassette
from harness.cassette.model import EndingKind

pytest.importorskip("mitmproxy", reason="the extra `record` is not installed")

pytestmark = pytest.mark.e2e

EVENTS = [b"data: one\n\n", b"data: two\n\n", b"data: [DONE]\n\n"]
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = SSE + b"Transfer-Encoding: chunked\r\n\r\n"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
JSON += b"Content-Length: 11\r\n\r\n" + b'{"ok":true}'
LAST = b"0\r\n\r\n"
PATHS = itertools.count()


def chunk(data: bytes) -> bytes:
    """Return a transfer chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


WHOLE = [CHUNKED, *map(chunk, EVENTS), LAST]


@contextlib.contextmanager
def running_streams(upstream, recorder, prefix: str):
    """Hold a stream open in each framing, when an event of each was read."""
    plans = {
        "chunked": [CHUNKED, chunk(EVENTS[0]), chunk(b"data: half"), "until-left"],
        "sized": [
            SSE + b"Content-Length: 999\r\n\r\n",
            EVENTS[0] + b"data: half",
            "until-left",
        ],
        "close": [SSE + b"\r\n", EVENTS[0] + b"data: half", "until-left"],
    }
    with contextlib.ExitStack() as clients:
        for name, steps in plans.items():
            path = f"/{prefix}/{name}"
            upstream.plans[path] = steps
            sock = clients.enter_context(recorder.ask(path))
            data = b""
            while b"half" not in data:
                data += sock.recv(65536)
        yield


def saved(folder):
    """Return what a folder holds, by path."""
    found = find_cassettes([folder])
    cassettes = [read_cassette(path) for path in found]
    return {one.interactions[0].request.path: one.interactions[0] for one in cassettes}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_keeps_what_runs(upstream, record, tmp_path, number):
    """Streams that run at the stop are saved as stopped, with all that had come.

    A terminal signals the whole group of processes, a service manager every process.
    """
    upstream.plans["/whole"] = WHOLE
    arguments = (tmp_path, "--upstream", upstream.url)
    with record(*arguments, start_new_session=True) as recorder:
        assert recorder.fetch("/whole")
        with running_streams(upstream, recorder, f"stop{number}"):
            for saver in children(recorder.process.pid):
                os.kill(saver, number)
            os.killpg(recorder.process.pid, number)
            assert 0 == recorder.process.wait(20)
    held = saved(tmp_path / "cassettes")
    assert 4 == len(held)
    assert EndingKind.COMPLETE is held.pop("/whole").response.ending.kind
    for interaction in held.values():
        assert EndingKind.RECORDER_STOPPED is interaction.response.ending.kind
        assert EVENTS[0] + b"data: half" == interaction.response.body


def test_a_kill_loses_nothing_that_came(upstream, record, tmp_path):
    """After SIGKILL finished cassettes are whole, the others readable as stopped."""
    upstream.plans["/whole"] = WHOLE
    arguments = (tmp_path, "--upstream", upstream.url)
    with record(*arguments, start_new_session=True) as recorder:
        assert recorder.fetch("/whole")
        recorder.wait_for("/whole")
        with running_streams(upstream, recorder, "kill"):
            os.killpg(recorder.process.pid, signal.SIGKILL)
            recorder.process.wait()
            for name in ("chunked", "sized", "close"):
                recorder.wait_for(f"/kill/{name} ")
    held = saved(tmp_path / "cassettes")
    assert 4 == len(held)
    assert b"".join(EVENTS) == held.pop("/whole").response.body
    for interaction in held.values():
        assert EndingKind.RECORDER_STOPPED is interaction.response.ending.kind
        assert EVENTS[0] + b"data: half" == interaction.response.body
        assert ("The recorder was killed while the stream ran.",) == interaction.notes
    everything = [file.name for file in (tmp_path / "cassettes").iterdir()]
    assert all(name.endswith(".yaml") for name in everything)


def test_no_secret_reaches_the_disk(upstream, record, tmp_path):
    """Credentials are gone, also one cut over deltas, also after a kill."""
    key = "sk-proj-Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8"
    deltas = [
        b"data: %b\n\n"
        % json.dumps({"choices": [{"index": 0, "delta": {"content": part}}]}).encode()
        for part in ("The key is ", key[:6], key[6:19], key[19:], " as you asked.")
    ]
    half = [CHUNKED, *map(chunk, deltas[:4]), "until-left"]
    upstream.plans["/keys"] = [CHUNKED, *map(chunk, deltas), LAST]
    upstream.plans["/keys/half"] = half
    headers = f"Authorization: Bearer {key}\r\nCookie: session={key}\r\n"
    with record(tmp_path, "--upstream", upstream.url) as recorder:
        recorder.fetch(f"/keys?api_key={key}", headers=headers)
        recorder.wait_for("/keys?")
        sock = recorder.ask("/keys/half", headers=headers)
        data = b""
        while key[19:].encode() not in data:
            data += sock.recv(65536)
        written = b"".join(
            file.read_bytes() for file in tmp_path.rglob("*.y*ml") if file.is_file()
        )
        recorder.process.kill()
        recorder.wait_for("/keys/half")
        sock.close()
    written += b"".join(
        file.read_bytes()
        for file in (tmp_path / "cassettes").rglob("*")
        if file.is_file()
    )
    for part in (key, key[6:19], key[19:]):
        assert part.encode() not in written
        assert all(part not in line for line in recorder.said)
    assert any(key.encode() in request for request in upstream.requests)
    held = saved(tmp_path / "cassettes")["/keys/half"].response
    assert sum(map(len, deltas[:4])) == len(held.body)


def test_selection(upstream, record, tmp_path):
    """Event streams of the wanted paths and models are kept; the rest is counted."""
    for path in ("/v1/chat/completions", "/v1/other", "/v1/chat/json"):
        upstream.plans[path] = WHOLE
    upstream.plans["/v1/chat/json"] = [JSON]
    arguments = ("--path", "/v1/chat/*", "--model", "gpt-*", "--tag", "mine")
    with record(tmp_path, "--upstream", upstream.url, *arguments) as recorder:
        wanted = b'{"model": "gpt-5"}'
        recorder.fetch("/v1/chat/completions?x=1", body=wanted)
        recorder.fetch("/v1/chat/completions", body=b'{"model": "llama"}')
        recorder.fetch("/v1/chat/completions", body=b"no model")
        recorder.fetch("/v1/other", body=wanted)
        recorder.fetch("/v1/chat/json", body=wanted)
        assert 0 == recorder.stop()
        assert "4 answers were not selected (--all" in recorder.wait_for("selected")
    (path,) = find_cassettes([tmp_path / "cassettes"])
    cassette = read_cassette(path)
    assert ("openai-chat", "mine") == cassette.tags
    assert upstream.url == cassette.recorded.upstream
    assert "mitmproxy" in cassette.recorded.by
    assert wanted == cassette.interactions[0].request.body


def test_names(upstream, record, tmp_path):
    """A template makes folders and names; what a request says cannot leave them."""
    upstream.plans["/v1/x"] = WHOLE
    template = "{host}/{model}-{status}-{ending}"
    arguments = ("--upstream", upstream.url, "--name", template, "--out", "c")
    with record(tmp_path, *arguments) as recorder:
        for _ in range(2):
            recorder.fetch("/v1/x", body=b'{"model": "../../up\\u0000/.h"}')
        assert 0 == recorder.stop()
    names = [str(path.relative_to(tmp_path)) for path in find_cassettes([tmp_path])]
    assert [
        "c/127.0.0.1/up-.h-200-complete-2.yaml",
        "c/127.0.0.1/up-.h-200-complete.yaml",
    ] == names


def test_a_limit_of_size(upstream, record, tmp_path):
    """A body above the limit is cut there; a note says how the stream went on."""
    upstream.plans["/big"] = [CHUNKED, *map(chunk, EVENTS), LAST]
    arguments = ("--upstream", upstream.url, "--max-bytes", "15")
    with record(tmp_path, *arguments) as recorder:
        assert EVENTS[2] in recorder.fetch("/big")
        interaction = recorder.interaction("/big")
    assert b"".join(EVENTS)[:15] == interaction.response.body
    assert EndingKind.RECORDER_STOPPED is interaction.response.ending.kind
    (note,) = interaction.notes
    assert note.startswith(
        "Recording stopped at the limit of 15 bytes; the stream went"
    )
    assert "ended complete" in note
    assert note.endswith(f"after {len(b''.join(EVENTS))} bytes.")


def test_a_folder_that_goes_away(upstream, record, tmp_path):
    """A failure to write is reported immediately and tried again; traffic goes on."""
    upstream.plans["/gone"] = WHOLE
    out = tmp_path / "out"
    with record(tmp_path, "--upstream", upstream.url, "--out", out) as recorder:
        out.rmdir()
        out.write_text("in the way")
        assert EVENTS[2] in recorder.fetch("/gone?1")
        assert "NOT SAVED yet" in recorder.wait_for("/gone?1")
        out.unlink()
        assert EVENTS[2] in recorder.fetch("/gone?2")
        recorder.wait_for("/gone?2")
        assert 0 == recorder.stop()
    assert {"/gone?1", "/gone?2"} == set(saved(out))


def test_a_full_disk(upstream, record, tmp_path):
    """A full disk is reported immediately, and by the exit code."""
    upstream.plans["/full"] = WHOLE
    upstream.plans["/full/large"] = [CHUNKED, chunk(b": " + b"x" * 20_000), LAST]

    def limit_files():
        # What the system says above this size is another word, but as hard.
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    out = tmp_path / "out"
    home = tmp_path / "home"
    home.mkdir()
    arguments = ("--upstream", upstream.url, "--out", out)
    with record(tmp_path, *arguments, preexec_fn=limit_files, home=home) as recorder:
        assert b"x" * 20_000 in recorder.fetch("/full/large")
        line = recorder.wait_for("/full/large")
        assert "NOT SAVED yet" in line
        assert "File too large" in line
        assert EVENTS[2] in recorder.fetch("/full")
        recorder.wait_for("/full m: 3 events")
        assert 4 == recorder.stop()
        assert recorder.wait_for("NOT SAVED: ")
        assert recorder.wait_for("not everything was saved")
    assert {"/full"} == set(saved(out))
    assert 1 == len(list(out.iterdir()))


@pytest.mark.skipif(not shutil.which("ps"), reason="needs ps")
def test_a_saver_that_dies(upstream, record, tmp_path):
    """It is reported immediately, traffic goes on, and the next stream is kept."""
    gate = threading.Event()
    upstream.plans["/dies"] = [
        CHUNKED,
        chunk(EVENTS[0]),
        lambda: gate.wait(10),
        chunk(EVENTS[1]),
        0.1,
        chunk(EVENTS[2]),
        LAST,
    ]
    upstream.plans["/next"] = WHOLE
    with record(tmp_path, "--upstream", upstream.url) as recorder:
        sock = recorder.ask("/dies")
        data = b""
        while EVENTS[0] not in data:
            data += sock.recv(65536)
        (saver,) = children(recorder.process.pid)
        subprocess.run(["kill", "-9", str(saver)], check=True)
        time.sleep(0.2)
        gate.set()
        while LAST not in data:
            data += sock.recv(65536)
        sock.close()
        assert "died" in recorder.wait_for("process that saves recordings")
        recorder.fetch("/next")
        assert EVENTS == [
            one.data for one in recorder.interaction("/next").response.segments
        ]
        assert 4 == recorder.stop()
    assert all(event in data for event in EVENTS)


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    out = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return [int(word) for word in out.split()]


def test_record_replay_record(upstream, record, tmp_path):
    """A stream that is recorded, replayed and recorded again has the same bytes."""
    pieces = [b"data: o", b"ne\n\n", *EVENTS[1:]]
    endings = {"complete": [LAST], "truncated": ["fin"], "reset": ["rst"]}
    for name, last in endings.items():
        steps = [step for piece in pieces for step in (chunk(piece), 0.03)]
        upstream.plans[f"/{name}"] = [CHUNKED, *steps, *last]
    arguments = ("--name", "{number}", "--out")
    with record(tmp_path, "--upstream", upstream.url, *arguments, "first") as recorder:
        for name in endings:
            recorder.fetch(f"/{name}")
            recorder.wait_for(f"/{name} ")
    replay = subprocess.Popen(
        [sys.executable, "-m", "harness", "replay", "first", "--listen", "127.0.0.1:0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = replay.stdout.readline().split()[-1]
        with record(tmp_path, "--upstream", url, *arguments, "second") as recorder:
            for name in endings:
                recorder.fetch(f"/{name}")
                recorder.wait_for(f"/{name} ")
    finally:
        replay.kill()
        replay.communicate()
    first, second = saved(tmp_path / "first"), saved(tmp_path / "second")
    for name in endings:
        before, after = first[f"/{name}"].response, second[f"/{name}"].response
        assert name == before.ending.kind == after.ending.kind
        assert pieces == [segment.data for segment in before.segments]
        assert pieces == [segment.data for segment in after.segments]
        errors = [
            abs(gap(after, index) - gap(before, index)) for index in range(len(pieces))
        ]
        assert max(errors) <= 25e6, (
            errors
        )  # of a shared machine; the benchmark measures


def gap(response, index: int) -> int:
    """Return the time from a segment to the next, or to the ending."""
    times = [segment.at_ns for segment in response.segments]
    times.append(response.ending.at_ns)
    return times[index + 1] - times[index]


def test_a_proxy_for_clients(upstream, record, tmp_path):
    """With --regular a client names the server itself."""
    upstream.plans["/regular"] = WHOLE
    with record(tmp_path, "--regular") as recorder:
        assert EVENTS[2] in recorder.fetch(f"{upstream.url}/regular")
        cassette = recorder.cassette("/regular")
        assert recorder.wait_for("HTTPS_PROXY=http://127.0.0.1:")
        assert recorder.wait_for("mitmproxy-ca-cert.pem")
    assert upstream.url == cassette.recorded.upstream
    assert "/regular" == cassette.interactions[0].request.path


def test_says_what_to_set(upstream, record, tmp_path):
    """The first lines show the settings of a client, with the upstream's path."""
    with record(tmp_path, "--upstream", f"{upstream.url}/openai/v1") as recorder:
        url = recorder.url.geturl()
        assert recorder.wait_for("OPENAI_BASE").endswith(
            f"OPENAI_BASE_URL={url}/openai/v1"
        )
        assert recorder.wait_for("ANTHROPIC").endswith(
            f"ANTHROPIC_BASE_URL={url}/openai"
        )


def run(folder, *arguments: str) -> subprocess.CompletedProcess:
    """Run the command until it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "harness", "record", *map(str, arguments)],
        cwd=folder,
        env={"HOME": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected either --upstream URL or --regular"),
        (["--upstream", "ftp://x"], "--upstream: expected a URL"),
        (["--upstream", "http://u:p@x"], "--upstream: expected a URL"),
        (["--regular", "--listen", "x"], "--listen: expected HOST:PORT"),
        (
            ["--regular", "--max-bytes", "many"],
            "--max-bytes: expected a number of bytes",
        ),
        (["--regular", "--name", "{modle}"], "did you mean 'model'?"),
        (["--regular", "--name", "../x"], "below the folder of --out"),
        (["--regular", "--redact-pattern", "("], "--redact-pattern: '('"),
        (["--regular", "--out", "/dev/null/x"], "/dev/null/x: cannot write into"),
        (["--regular", "--set", "nonsense=1"], "--set: Unknown option"),
        (["--regular", "--set", "ssl_insecure=maybe"], "--set: "),
    ],
)
def test_refuses_what_it_cannot_do(tmp_path, arguments, said):
    """A wrong option ends the start with one message and exit code 2."""
    ended = run(tmp_path, *arguments)
    assert said in ended.stderr
    assert 2 == ended.returncode
    assert "Traceback" not in ended.stderr


def test_an_address_that_is_taken(tmp_path):
    """An address that cannot be listened on ends the start with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(tmp_path, "--regular", "--listen", f"127.0.0.1:{port}")
    assert 2 == ended.returncode
    assert "the proxy did not start" in ended.stderr
    assert "address already in use" in ended.stderr.lower()
    assert "Traceback" not in ended.stderr
