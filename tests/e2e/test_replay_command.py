"""``harness replay`` as a user starts it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.e2e


def cassette(*responses) -> str:
    """Write a cassette with these endings and segments."""
    request = {"method": "POST", "path": "/v1", "headers": [], "body": {"text": "{}"}}
    document = {
        "format": 1,
        "recorded": {"by": "hand"},
        "interactions": [
            {
                "request": request,
                "response": {
                    "status": 200,
                    "http_version": "HTTP/1.1",
                    "headers": [
                        ["content-type", "text/event-stream"],
                        ["transfer-encoding", "chunked"],
                    ],
                    "segments": [
                        {"at_ms": at_ms, "text": text} for at_ms, text in segments
                    ],
                    "ending": {"at_ms": segments[-1][0], "kind": kind},
                },
            }
            for kind, segments in responses
        ],
    }
    return json.dumps(document)


@pytest.fixture
def folder(tmp_path):
    """Make a folder with two cassettes."""
    slow = ("complete", [(0, "data: a\n\n"), (200, "data: [DONE]\n\n")])
    (tmp_path / "1.yaml").write_text(cassette(slow, ("reset", [(0, "data: cut\n\n")])))
    (tmp_path / "2.yaml").write_text(cassette(("timeout", [(0, "data: last\n\n")])))
    return tmp_path


@contextlib.contextmanager
def replaying(*arguments: str):
    """Start the command; give the process and its address; always end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "replay", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http://"), process.stderr.read()
        yield process, urlsplit(line.split()[-1])
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def asked(address, path="/v1/chat/completions"):
    """Ask on a fresh connection; give it and the response."""
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("POST", path, body=b"{}")
        yield connection, connection.getresponse()


def ask(address, path="/v1/chat/completions"):
    """Ask once on a fresh connection; return the body."""
    with asked(address, path) as (_, response):
        return response.read()


def milliseconds(line: str) -> int:
    """Return how long a stream took, as its line says."""
    return int(re.search(r" writes?, (\d+) ms", line)[1])


def test_answers_come_by_turn_as_recorded(folder):
    """Pauses and endings are those of the recording; each stream has its line."""
    with replaying(folder, "--listen", "127.0.0.1:0") as (process, address):
        started = time.monotonic()
        assert b"data: a\n\ndata: [DONE]\n\n" == ask(address)
        assert time.monotonic() - started >= 0.2
        with pytest.raises(ConnectionResetError):
            ask(address, "/v1/x")
        with asked(address) as (connection, response):
            assert b"data: last\n\n" == response.read(12)
            connection.sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                response.read(1)
        assert b"data: a\n\ndata: [DONE]\n\n" == ask(address)
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(30)
        assert "" == process.stderr.read()
    told = [line.rstrip().rpartition("/")[2] for line in lines]
    assert told[0].startswith("1.yaml[0]: 200, 2 writes, ")
    assert milliseconds(told[0]) >= 200
    assert told[0].endswith("ms, complete")
    assert told[1].startswith("1.yaml[1]: 200, 1 write, ")
    assert told[1].endswith("ms, reset")
    assert told[2].endswith("ms, stall, until the client closed")
    assert lines[1].startswith("POST /v1/x <- ")


def test_speed_and_once(folder):
    """Twenty times as fast, and the command ends when each was played."""
    arguments = (
        folder / "1.yaml",
        "--listen",
        "127.0.0.1:0",
        "--once",
        "--speed",
        "20",
    )
    with replaying(*arguments) as (process, address):
        assert b"data: a\n\ndata: [DONE]\n\n" == ask(address)
        with pytest.raises(ConnectionResetError):
            ask(address)
        assert 0 == process.wait(10)


def test_without_pauses(folder):
    """Segments come one by one, without the ten seconds between; endings stay."""
    path = folder / "1.yaml"
    path.write_text(path.read_text().replace('"at_ms": 200', '"at_ms": 10000'))
    arguments = (folder / "1.yaml", "--listen", "127.0.0.1:0", "--timing", "none")
    with replaying(*arguments) as (process, address):
        assert b"data: a\n\ndata: [DONE]\n\n" == ask(address)
        with pytest.raises(ConnectionResetError):
            ask(address)
        told = process.stdout.readline()
    assert "200, 2 writes, " in told
    assert milliseconds(told) < 10_000


def test_faults_break_what_was_recorded(folder):
    """All of them are applied, on top of the timing; the line says what they did."""
    arguments = (
        folder / "1.yaml",
        "--listen",
        "127.0.0.1:0",
        "--timing",
        "none",
        "--fault",
        "event_dup: {index: 0}",
        "--fault",
        "stall: {at: {event: 1}, for_ms: 300}",
    )
    with replaying(*arguments) as (process, address):
        started = time.monotonic()
        body = ask(address)
        assert time.monotonic() - started >= 0.3
        assert b"data: a\n\ndata: a\n\ndata: [DONE]\n\n" == body
        told = process.stdout.readline()
    assert "sent nothing for 300 ms" in told


def test_what_a_fault_cannot_break_is_left_out(folder):
    """It is reported; the others are played."""
    arguments = (
        folder,
        "--listen",
        "127.0.0.1:0",
        "--once",
        "--fault",
        "close_at: {at: {event: 1}}",
    )
    with replaying(*arguments) as (process, address):
        with pytest.raises(http.client.IncompleteRead):
            ask(address)
        assert 0 == process.wait(10)
        errors = process.stderr.read()
    assert "left out" in errors
    assert "1.yaml[1]: close_at" in errors
    assert "2.yaml[0]: close_at" in errors


def test_an_interrupt_ends_it_cleanly(folder):
    """Ctrl-C, also while a stream runs, is exit code 0 and no traceback."""
    with replaying(folder, "--listen", "127.0.0.1:0") as (process, address):
        with socket.create_connection((address.hostname, address.port)) as client:
            client.sendall(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n")
            assert client.recv(1)
            process.send_signal(signal.SIGINT)
            assert 0 == process.wait(10)
        assert "" == process.stderr.read()


def replay(*arguments: str):
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "harness", "replay", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_an_address_in_use_is_reported(folder):
    """Exit code 2 and one line that says which address."""
    with replaying(folder, "--listen", "127.0.0.1:0") as (_, address):
        done = replay(folder, "--listen", address.netloc)
    expected = f"harness: cannot listen on {address.netloc}: Address already in use\n"
    assert (2, expected) == (done.returncode, done.stderr)
