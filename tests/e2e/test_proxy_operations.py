"""The proxy as operators meet it: signals, endpoints, logs, ``simulate``."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.e2e

PERCENTAGE = "NEW_STREAMING_ROLLOUT_PERCENTAGE"
ENABLE = "ENABLE_NEW_STREAMING_ARCHITECTURE"
KEY_HEADER = "NEW_STREAMING_ROLLOUT_KEY_HEADER"
SALT = "NEW_STREAMING_ROLLOUT_SALT"

SECRETS = {
    name: f"cAnArY-{name}-7f3a"
    for name in (
        *("bearer", "api-key", "cookie", "query", "header", "key", "salt"),
        *("prompt", "answer", "malformed", "upstream-header", "error-body", "trailer"),
    )
}


def chunk(data: bytes) -> bytes:
    """Return the data as one transfer chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(words: str) -> bytes:
    """One event with one delta."""
    choice = {"index": 0, "delta": {"content": words}, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


class Model(socketserver.ThreadingTCPServer):
    """Plays what the path of a request names."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Playing)
        self.hold = threading.Event()
        self.failed = False
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Playing(socketserver.StreamRequestHandler):
    """One connection, one request after another."""

    server: Model

    def handle(self) -> None:
        """Answer until the client goes."""
        with contextlib.suppress(OSError):
            while line := self.rfile.readline():
                length = 0
                while (header := self.rfile.readline()) not in (b"\r\n", b""):
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                self.rfile.read(length)
                if not self.play(line.split()[1].partition(b"?")[0]):
                    return

    def play(self, path: bytes) -> bool:
        """Answer one request; return whether the connection stays."""
        kind = path.rpartition(b"/")[2].decode()
        secret = SECRETS["upstream-header"].encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Id: " + secret
        head += b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = SECRETS["answer"]
        if kind == "once" and not self.server.failed:
            self.server.failed = True
            return False
        if kind == "error":
            body = json.dumps({"error": SECRETS["error-body"]}).encode()
            self.wfile.write(
                b"HTTP/1.1 400 No\r\nX-Id: %b\r\nContent-Length: %d\r\n\r\n%b"
                % (secret, len(body), body)
            )
            return True
        if kind == "junk":
            self.wfile.write(b"cAnArY junk " + secret + b"\r\n\r\n")
            return False
        if kind == "bad-head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + secret + b"\n y\r\n\r\n")
            return False
        self.wfile.write(head + chunk(event(answer)) + chunk(event(f"! {answer}")))
        self.wfile.flush()
        if kind == "held":
            self.server.hold.wait(10)
        if kind == "malformed":
            bad = b'data: {"x": ' + SECRETS["malformed"].encode() + b"\n\n"
            self.wfile.write(chunk(bad))
        if kind == "cut":
            return False
        trailer = b"X-Late: " + SECRETS["trailer"].encode() + b"\r\n"
        self.wfile.write(chunk(DONE) + b"0\r\n" + trailer + b"\r\n")
        return True


@contextlib.contextmanager
def upstream() -> Iterator[Model]:
    """Serve while the block runs."""
    with Model() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.hold.set()
            server.shutdown()
            thread.join()


class Running:
    """A started proxy."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process = process
        self.errors = errors
        assert process.stdout is not None
        self.port = int(process.stdout.readline().rpartition(":")[2])

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body, as far as it arrived."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            data = None if body is None else json.dumps(body)
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, data, named)
            answer = connection.getresponse()
            try:
                read = answer.read()
            except http.client.IncompleteRead as error:
                read = error.partial
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, read

    def stream(self, path: str = "/v1/x", **headers: str) -> tuple[str, bytes]:
        """Ask for a stream; return what served it, and the body."""
        _, found, body = self.ask("POST", path, {"stream": True}, **headers)
        return found["x-streaming-architecture"], body

    def state(self) -> dict[str, Any]:
        """Return the content of /admin/rollout."""
        status, _, body = self.ask("GET", "/admin/rollout")
        assert status == 200
        found: dict[str, Any] = json.loads(body)
        return found

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Return the samples by name and values of labels."""
        _, _, body = self.ask("GET", "/metrics")
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(body.decode())
            for sample in family.samples
        }

    def log(self) -> str:
        """Return the text on stderr so far."""
        return self.errors.read_text()


@contextlib.contextmanager
def proxy(tmp_path: Path, *arguments: str, **environ: str) -> Iterator[Running]:
    """Run a proxy while the block runs."""
    mine = ("STREAMING_", "NEW_STREAMING_", "ENABLE_NEW_", "PROXY_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(mine)}
    errors = tmp_path / "stderr"
    command = [sys.executable, "-m", "proxy", "--listen", "127.0.0.1:0", *arguments]
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**kept, **environ},
            text=True,
        )
    with process:
        try:
            yield Running(process, errors)
        finally:
            process.kill()


def until(condition: Any, limit_s: float = 5) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_change_takes_effect_for_new_streams_and_leaves_running_ones(tmp_path):
    """By the file alone, and by SIGHUP where the file does not look changed."""
    settings = tmp_path / "settings"
    settings.write_text(f"{PERCENTAGE}=100\n")
    stamp = settings.stat()
    got: list[tuple[str, bytes]] = []
    with (
        upstream() as model,
        proxy(tmp_path, "--upstream", model.url, "--settings-file", str(settings)) as p,
    ):
        held = threading.Thread(target=lambda: got.append(p.stream("/v1/held")))
        held.start()
        until(lambda: p.metrics().get(("proxy_streams_open", "v2")) == 1)
        assert p.stream()[0] == "v2"
        settings.write_text(f"{PERCENTAGE}=000\n")
        os.utime(settings, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert p.stream()[0] == "v2"
        p.process.send_signal(signal.SIGHUP)
        until(lambda: "settings read again" in p.log())
        assert p.stream()[0] == "v1"
        settings.write_text(f"{PERCENTAGE}=100\n{ENABLE}=false\n")
        assert p.stream()[0] == "v1"
        state = p.state()
        assert (state["switch"], state["percentage"]) == (False, 100)
        assert state["effective_percentage"] == 0
        settings.write_text("nonsense\n")
        assert p.stream()[0] == "v1"
        assert "expected NAME=value" in p.state()["settings_file_error"]
        settings.write_text(f"{PERCENTAGE}=100\n")
        assert p.stream()[0] == "v2"
        assert p.metrics()[("proxy_streams_open", "v2")] == 1
        model.hold.set()
        held.join()
        assert got[0][0] == "v2"
        assert got[0][1].endswith(DONE)


def test_the_state_tells_what_was_decided(tmp_path):
    """Streams by architecture and reason, since the start and since the last change."""
    environ = {PERCENTAGE: "50", KEY_HEADER: "x-key", SALT: SECRETS["salt"]}
    with upstream() as model, proxy(tmp_path, "--upstream", model.url, **environ) as p:
        served = [p.stream(x_key=f"k{n}")[0] for n in range(20)]
        served.append(p.stream()[0])
        streams = p.state()["streams"]["since_start"]
        assert streams["total"] == 21
        assert streams["v1"] == served.count("v1")
        assert streams["reasons"]["v1"]["no key"] == 1
        assert streams["reasons"]["v2"] == {"percentage": served.count("v2")}
        figures = p.metrics()
        assert figures[("proxy_rollout_percentage",)] == 50
        share = served.count("v2") / 21
        assert figures[("proxy_rollout_share",)] == pytest.approx(share, abs=1e-4)
        assert p.ask("GET", "/admin/rollout", X_Forwarded_For="127.0.0.1")[0] == 403
        assert p.ask("POST", "/admin/rollout", {})[0] == 405
        assert p.ask("GET", "/v1/admin/rollout")[1]["x-id"]


@pytest.mark.parametrize("switch", ["false", "true"])
def test_both_architectures_are_measured_alike(tmp_path, switch):
    """Failures of v1 too, which it makes clean ends of."""
    version = {"false": "v1", "true": "v2"}[switch]
    with (
        upstream() as model,
        proxy(tmp_path, "--upstream", model.url, **{ENABLE: switch}) as p,
    ):
        for path in ("/v1/x", "/v1/x", "/v1/cut"):
            assert p.stream(path)[0] == version
        figures = p.metrics()
        assert figures[("proxy_stream_ttft_seconds_count", version)] == 3
        assert figures[("proxy_stream_hold_seconds_count", version)] == 3
        assert figures[("proxy_stream_errors_total", version, "truncated")] == 1
        assert figures[("proxy_streams_open", version)] == 0
        assert figures[("proxy_upstream_connections_total", "reused")] >= 1
        assert figures[("proxy_breaker_state",)] == 0
        assert figures[("process_open_fds",)] > 3


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("switch", ["false", "true"])
def test_no_secret_reaches_any_log_or_figure(tmp_path, switch, form):
    """Canaries through everything that a client and an upstream can send."""
    log = tmp_path / "proxy.log"
    environ = {ENABLE: switch, SALT: SECRETS["salt"], KEY_HEADER: "x-key"}
    options = ("--log-format", form, "--log-file", str(log), "--log-level", "debug")
    seen: list[str] = []
    with (
        upstream() as model,
        proxy(tmp_path, "--upstream", model.url, *options, **environ) as p,
    ):
        for kind in ("x", "cut", "malformed", "error", "junk", "bad-head", "..", "x"):
            for streaming in (True, False):
                p.ask(
                    "POST",
                    f"/v1/{kind}?key={SECRETS['query']}",
                    {"stream": streaming, "messages": [SECRETS["prompt"]]},
                    Authorization=f"Bearer {SECRETS['bearer']}",
                    X_Api_Key=SECRETS["api-key"],
                    Cookie=SECRETS["cookie"],
                    X_Other=SECRETS["header"],
                    X_Key=SECRETS["key"],
                )
        seen.append(p.ask("GET", "/metrics")[2].decode())
        seen.append(json.dumps(p.state()))
        p.process.terminate()
        rest, _ = p.process.communicate(timeout=10)
        seen += [rest, p.log(), log.read_text()]
    assert all(text or text == rest for text in seen)
    lines = log.read_text().splitlines()
    assert len(lines) > 16
    if form == "json":
        assert all(json.loads(line)["msg"] for line in lines)
    assert "cAnArY" not in "".join(seen)


def test_the_lines_that_operators_watch_are_there_word_for_word(tmp_path):
    """All six of docs/proxy.md, at the level that is on by default."""
    environ = {ENABLE: "true", "STREAMING_MAX_ERRORS": "2"}
    settings = tmp_path / "settings"
    settings.write_text("STREAMING_RETRY_BACKOFF_MS=1\n")
    with (
        upstream() as model,
        proxy(
            tmp_path,
            *("--upstream", model.url, "--settings-file", str(settings)),
            **environ,
        ) as p,
    ):
        assert p.stream("/v1/once")[1].endswith(DONE)
        for _ in range(2):
            p.stream("/v1/cut")
        status, headers, _ = p.ask("POST", "/v1/x", {"stream": True})
        assert (status, "retry-after" in headers) == (503, True)
        assert p.metrics()[("proxy_breaker_state",)] == 2
        errors = ("proxy_stream_errors_total", "v2", "unavailable")
        assert p.metrics()[errors] == 1
        settings.write_text(f"{ENABLE}=false\n")
        assert p.stream()[0] == "v1"
        lines = p.log()
    for line in (
        "Using new streaming architecture (v2)",
        "Using legacy streaming architecture (v1)",
        "State transition: Initial -> Stuttering",
        "Circuit breaker opened due to 2 failures",
        "Operation succeeded after 1 retries",
        "Stream processing completed. Chunks processed: 2, Errors: 0",
    ):
        assert f'msg="{line}"' in lines, line


def test_a_user_predicts_a_step_and_then_sees_it(tmp_path):
    """``simulate`` and the running proxy agree on every key."""
    keys = [f"tenant-{n}" for n in range(40)]
    environ = {PERCENTAGE: "25", KEY_HEADER: "x-tenant", SALT: "spring"}
    command = [sys.executable, "-m", "proxy", "simulate", "--keys", "-", "--json"]
    done = subprocess.run(
        [*command, "--percentage", "25"],
        input="\n".join(keys),
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    (step,) = json.loads(done.stdout)["steps"]
    with upstream() as model, proxy(tmp_path, "--upstream", model.url, **environ) as p:
        served = [p.stream(x_tenant=key)[0] for key in keys]
    assert served.count("v2") == step["keys"]
