"""An upstream on a raw socket that plays steps, and a recorder in front of it."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.cassette.files import read_cassette

PROMPTLY_S = 20


def reset(sock: socket.socket) -> None:
    """Close a connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Upstream:
    """Answers each path with the steps that a test gave it.

    Steps are bytes (one send), numbers (seconds of pause), ``"fin"``, ``"rst"``,
    ``"until-left"`` (reads until the client is gone), and callables.
    """

    def __init__(self) -> None:
        self.plans: dict[str, list] = {}
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads[1:]:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while request := self._read_request(sock):
                self.requests.append(request)
                path = request.split(b" ", 2)[1].decode().partition("?")[0]
                for step in self.plans[path]:
                    if not self._do(sock, step):
                        return

    @staticmethod
    def _read_request(sock: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            got = sock.recv(65536)
            if not got:
                return b""
            data += got
        head, _, body = data.partition(b"\r\n\r\n")
        match = re.search(rb"(?i)content-length: *(\d+)", head)
        while match and len(body) < int(match[1]):
            body += sock.recv(65536)
        return head + b"\r\n\r\n" + body

    @staticmethod
    def _do(sock: socket.socket, step) -> bool:
        if isinstance(step, bytes):
            sock.sendall(step)
        elif isinstance(step, (int, float)):
            time.sleep(step)
        elif step == "fin":
            sock.close()
            return False
        elif step == "rst":
            reset(sock)
            return False
        elif step == "until-left":
            while sock.recv(65536):
                pass
            return False
        else:
            step()
        return True


class Recorder:
    """A running ``harness record`` and what it said."""

    def __init__(self, process: subprocess.Popen, url: str, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.url = urlsplit(url)
        self.lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(ValueError):  # closed
            for line in self.process.stdout:
                self.lines.put(line.rstrip("\n"))

    def wait_for(self, word: str, *, timeout: float = PROMPTLY_S) -> str:
        """Return the first line with a word in it; the others are kept."""
        deadline = time.monotonic() + timeout
        while True:
            for line in self.said:
                if word in line:
                    return line
            left = deadline - time.monotonic()
            try:
                self.said.append(self.lines.get(timeout=max(left, 0.001)))
            except queue.Empty:
                raise AssertionError(f"no line with {word!r} in {self.said}") from None

    def interaction(self, word: str):
        """Return what was saved for the first line with a word in it."""
        return self.cassette(word).interactions[0]

    def cassette(self, word: str):
        """Return the cassette that the first line with a word in it names."""
        name = self.wait_for(word).rpartition(" -> ")[2]
        return read_cassette(self.folder / name)

    def connect(self, receive_buffer: int | None = None) -> socket.socket:
        sock = socket.socket()
        sock.settimeout(10)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect((self.url.hostname, self.url.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def ask(
        self,
        path: str,
        body: bytes = b'{"model": "m"}',
        headers: str = "",
        receive_buffer: int | None = None,
    ):
        """Send a request on a fresh connection; return the connection."""
        sock = self.connect(receive_buffer)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        sock.sendall(head.encode() + body)
        return sock

    def fetch(self, path: str, **options) -> bytes:
        """Send a request; read until the connection ends or is silent for a while."""
        with self.ask(path, **options) as sock:
            return read_all(sock)

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PROMPTLY_S)


def read_all(sock: socket.socket, *, quiet_s: float = 1.0) -> bytes:
    """Read an answer to its end, or until the connection is silent."""
    sock.settimeout(quiet_s)
    data = b""
    with contextlib.suppress(OSError):
        while not _is_whole(data) and (got := sock.recv(65536)):
            data += got
    return data


def _is_whole(data: bytes) -> bool:
    head, blank, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if not blank or length is None:
        return body.endswith(b"\r\n0\r\n\r\n")
    return len(body) >= int(length[1])


@contextlib.contextmanager
def recording(folder: Path, *arguments: str, home: Path | None = None, **options):
    """Run ``harness record``; its output is one stream; always end it."""
    environment = {**os.environ, "HOME": str(home or folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "record", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=environment,
        **options,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http://"), line + process.stdout.read()
        yield Recorder(process, line.split()[-1], folder)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def upstream():
    """Start an upstream for a module."""
    server = Upstream()
    yield server
    server.close()


@pytest.fixture(scope="session")
def record():
    """Give the context manager that runs the command."""
    return recording
