"""The addon in a user's own mitmdump."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib import resources

import pytest

from harness.cassette.files import find_cassettes, read_cassette
from harness.cassette.model import EndingKind

pytest.importorskip("mitmproxy", reason="the extra `record` is not installed")

pytestmark = pytest.mark.e2e

ADDON = str(resources.files("harness.record") / "addon.py")
MITMDUMP = "from mitmproxy.tools.main import mitmdump; mitmdump()"
EVENTS = [b"data: one\n\n", b"data: [DONE]\n\n"]
STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
    b"b\r\ndata: one\n\n\r\ne\r\ndata: [DONE]\n\n\r\n"
)


def command(folder, upstream, *sets: str):
    """Return the arguments of a mitmdump with the addon."""
    # Unbuffered: what it says is read while it runs.
    words = [sys.executable, "-u", "-c", MITMDUMP, "--mode", f"reverse:{upstream}"]
    words += ["--listen-host", "127.0.0.1", "--listen-port", "0", "-s", ADDON]
    words += ["--set", f"confdir={folder}", "--set", "termlog_verbosity=info"]
    for one in sets:
        words += ["--set", one]
    return words


def test_records_in_mitmdump(upstream, tmp_path):
    """The addon records as the command does; only what was selected."""
    upstream.plans["/v1/a"] = [STREAM, b"0\r\n\r\n"]
    upstream.plans["/v1/b"] = [STREAM, "until-left"]
    upstream.plans["/other"] = [STREAM, b"0\r\n\r\n"]
    out = tmp_path / "out"
    words = command(tmp_path, upstream.url, f"harness_out={out}", "harness_path=/v1/*")
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
    )
    try:
        said = []
        while not (found := re.search(r"listening at \S*:(\d+)", "".join(said))):
            line = process.stdout.readline()
            assert line, said
            said.append(line)
        ask = [sys.executable, "-c", CLIENT, f"http://127.0.0.1:{found[1]}"]
        for path in ("/v1/a", "/other", "/v1/b"):
            subprocess.run([*ask, path], check=True, timeout=20)
        process.send_signal(signal.SIGINT)
        said.append(process.communicate(timeout=20)[0])
    finally:
        process.kill()
        process.communicate()
    assert "/v1/a m: 2 events" in "".join(said)
    held = {
        one.request.path: one.response
        for path in find_cassettes([out])
        for one in read_cassette(path).interactions
    }
    assert {"/v1/a", "/v1/b"} == set(held)
    assert EndingKind.COMPLETE is held["/v1/a"].ending.kind
    assert EndingKind.CLIENT_CLOSED is held["/v1/b"].ending.kind
    assert EVENTS == [segment.data for segment in held["/v1/a"].segments]


CLIENT = """
import socket, sys
from urllib.parse import urlsplit
url = urlsplit(sys.argv[1])
sock = socket.create_connection((url.hostname, url.port), 10)
body = b'{"model": "m"}'
head = f"POST {sys.argv[2]} HTTP/1.1\\r\\nHost: x\\r\\n"
head += f"Content-Length: {len(body)}\\r\\n\\r\\n"
sock.sendall(head.encode() + body)
data = b""
while b"[DONE]" not in data:
    got = sock.recv(65536)
    assert got, data
    data += got
"""


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("harness_max_bytes=abc", "harness_max_bytes: expected a number of bytes"),
        ("harness_all=perhaps", "harness_all: expected true or false"),
        ("harness_all", "harness_all: expected one value, got 0 values"),
        ("harness_name={modle}", "did you mean 'model'?"),
        ("harness_otu=x", "did you mean 'harness_out'?"),
        ("harness_out=/dev/null/x", "/dev/null/x: cannot write into the folder"),
        ("harness_redact_pattern=(", "harness_redact_pattern: "),
    ],
)
def test_a_wrong_option_ends_the_start(tmp_path, option, said):
    """Mitmdump does not start without recording where recording was asked for."""
    ended = subprocess.run(
        command(tmp_path, "http://127.0.0.1:1", option),
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert said in ended.stdout + ended.stderr
    assert 1 == ended.returncode
