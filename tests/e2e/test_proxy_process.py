"""The proxy as a process: how it starts, stops, switches and logs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
TERMINATOR = b"0\r\n\r\n"
PERCENTAGE = "NEW_STREAMING_ROLLOUT_PERCENTAGE"
ENABLE = "ENABLE_NEW_STREAMING_ARCHITECTURE"


def event(text: str) -> bytes:
    """One transfer chunk with one content delta."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}
    data = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


DONE = b"e\r\ndata: [DONE]\n\n\r\n"


class Model(socketserver.ThreadingTCPServer):
    """An upstream that answers every request with the same bytes, then closes."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: bytes, hold_s: float = 0) -> None:
        self.answer = answer
        self.hold_s = hold_s
        super().__init__(("127.0.0.1", 0), Answering)


class Answering(socketserver.StreamRequestHandler):
    """Reads one request and plays the answer of its server."""

    server: Model

    def handle(self) -> None:
        """Answer."""
        length = 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self.rfile.read(length)
        with contextlib.suppress(OSError):
            self.wfile.write(self.server.answer)
            time.sleep(self.server.hold_s)


@contextlib.contextmanager
def upstream(answer: bytes, hold_s: float = 0) -> Iterator[str]:
    """Serve the answer while the block runs."""
    with Model(answer, hold_s) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class Running:
    """A started proxy."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process = process
        self.errors = errors
        assert process.stdout is not None
        self.line = process.stdout.readline()
        self.port = int(self.line.rpartition(":")[2])

    def stream(self, **headers: str) -> tuple[http.client.HTTPResponse, bytes, bool]:
        """Ask for a stream; return the answer, its body, and whether it was whole."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            body = json.dumps({"model": "m", "stream": True})
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
            try:
                return answer, answer.read(), True
            except http.client.IncompleteRead as error:
                return answer, error.partial, False

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; return the exit status, the rest of stdout, and stderr."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=10)
        return self.process.returncode, rest, self.errors.read_text()


def command(*arguments: str) -> list[str]:
    """The command line of a proxy on a free port, as a user would type it."""
    listen = () if "--listen" in arguments else ("--listen", "127.0.0.1:0")
    return [sys.executable, "-m", "proxy", *listen, *arguments]


def environment(environ: dict[str, str]) -> dict[str, str]:
    """The environment without what would switch architectures by itself."""
    mine = ("STREAMING_", "NEW_STREAMING_", "ENABLE_NEW_", "PROXY_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(mine)}
    return {**kept, **environ}


@contextlib.contextmanager
def proxy(tmp_path: Path, *arguments: str, **environ: str) -> Iterator[Running]:
    """Run a proxy while the block runs."""
    errors = tmp_path / "stderr"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            command(*arguments),
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(environ),
            text=True,
        )
    with process:
        try:
            yield Running(process, errors)
        finally:
            process.kill()


WHOLE = HEAD + event("Hello") + event(" world") + DONE + TERMINATOR
CUT = HEAD + event("Hello") + event(" world")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_stops_cleanly(tmp_path, number):
    """One line on stdout, exit status 0, nothing on stderr."""
    with proxy(tmp_path, "--upstream", "http://127.0.0.1:9") as running:
        assert running.line == f"listening on http://127.0.0.1:{running.port}\n"
        assert running.stop(number) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_the_middle_of_a_stream(tmp_path, number):
    """After the grace the stream is cut, and the exit status is still 0."""
    got: list[bool] = []
    with (
        upstream(CUT, hold_s=5) as url,
        proxy(tmp_path, "--upstream", url, "--grace-seconds", "0.2") as running,
    ):
        client = threading.Thread(target=lambda: got.append(running.stream()[2]))
        client.start()
        time.sleep(0.5)
        started = time.monotonic()
        code, _, stderr = running.stop(number)
        assert time.monotonic() - started < 4
        client.join()
    assert code == 0
    assert "Traceback" not in stderr
    assert 'outcome="shut down"' in stderr
    assert got == [False]


@pytest.mark.parametrize(("percentage", "served"), [("0", "v1"), ("100", "v2")])
def test_both_architectures_stream(tmp_path, percentage, served):
    """The header proves what served it, and the log says so exactly once."""
    line = {
        "v1": "Using legacy streaming architecture (v1)",
        "v2": "Using new streaming architecture (v2)",
    }[served]
    log = tmp_path / "logs" / "proxy.log"
    with (
        upstream(WHOLE) as url,
        proxy(
            tmp_path,
            *("--upstream", url, "--log-file", str(log)),
            **{PERCENTAGE: percentage},
        ) as running,
    ):
        answer, body, whole = running.stream(Authorization="Bearer sk-secret")
        _, _, stderr = running.stop()
    assert answer.headers["x-streaming-architecture"] == served
    assert whole
    assert [part[:6] for part in body.split(b"\n\n")] == [b"data: "] * 3 + [b""]
    assert body.endswith(b"data: [DONE]\n\n")
    assert stderr.count(line) == 1
    assert log.read_text() == stderr
    assert "secret" not in stderr
    assert "Hello" not in stderr
    assert "level=info" in next(text for text in stderr.splitlines() if line in text)


def test_a_cut_upstream_ends_differently_in_the_two(tmp_path):
    """The legacy makes a cut look like an end; the new one reports it, and closes."""
    with upstream(CUT) as url:
        with proxy(tmp_path, "--upstream", url, **{ENABLE: "false"}) as running:
            legacy = running.stream()
            running.stop()
        with proxy(tmp_path, "--upstream", url, **{ENABLE: "true"}) as running:
            new = running.stream()
            running.stop()
    assert legacy[2]
    assert b"error" not in legacy[1]
    assert not new[2]
    assert b"error" in new[1]
    assert b"[DONE]" not in new[1]


def test_a_way_back_needs_no_restart(tmp_path):
    """The settings file takes effect for the next stream."""
    settings = tmp_path / "settings"
    settings.write_text(f"{PERCENTAGE}=100\n")
    with (
        upstream(WHOLE) as url,
        proxy(tmp_path, "--upstream", url, "--settings-file", str(settings)) as running,
    ):
        served = [running.stream()[0].headers["x-streaming-architecture"]]
        settings.write_text(f"{PERCENTAGE}=100\n{ENABLE}=false\n")
        served.append(running.stream()[0].headers["x-streaming-architecture"])
        _, _, stderr = running.stop()
    assert served == ["v2", "v1"]
    assert "the switch wins, every stream takes v1" in stderr


def test_a_percentage_is_sticky_by_the_key_header(tmp_path):
    """One key always meets one architecture; keys spread over both."""
    with (
        upstream(WHOLE) as url,
        proxy(
            tmp_path,
            "--upstream",
            url,
            **{PERCENTAGE: "50", "NEW_STREAMING_ROLLOUT_KEY_HEADER": "x-session"},
        ) as running,
    ):

        def serve(key: str) -> Any:
            answer, _, _ = running.stream(**{"X-Session": key})
            return answer.headers["x-streaming-architecture"]

        first = [serve(f"session-{n}") for n in range(16)]
        again = [serve(f"session-{n}") for n in range(16)]
        running.stop()
    assert first == again
    assert set(first) == {"v1", "v2"}


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        ([], {PERCENTAGE: "101"}, f"{PERCENTAGE}: expected a number from 0 to 100"),
        (["--upstream", "nonsense"], {}, "--upstream: it must begin with http://"),
        (["--uvloop"], {}, "uvloop"),
    ],
)
def test_what_is_wrong_stops_the_start(arguments, environ, message):
    """Exit status 2 and one message."""
    if "--uvloop" in arguments:
        with contextlib.suppress(ImportError):
            pytest.skip(f"{__import__('uvloop').__name__} is installed")
    full = command("--upstream", "http://127.0.0.1:9", *arguments)
    done = subprocess.run(
        full,
        env=environment(environ),
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_address_in_use_stops_the_start():
    """Exit status 2, and the message names the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            command("--upstream", "http://127.0.0.1:9", "--listen", address),
            env=environment({}),
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    assert done.returncode == 2
    expected = f"Error: --listen: cannot listen on {address}: Address already in use\n"
    assert done.stderr == expected


def test_warnings_are_logged_at_the_start(tmp_path):
    """A misspelt variable and a surprising combination are named."""
    environ = {ENABLE: "true", PERCENTAGE: "25", "STREAMING_MAX_ERORS": "3"}
    with proxy(tmp_path, "--upstream", "http://127.0.0.1:9", **environ) as running:
        code, _, stderr = running.stop()
    assert code == 0
    assert "true does not mean everyone, 25 % of the keys take v2" in stderr
    assert "did you mean STREAMING_MAX_ERRORS?" in stderr
