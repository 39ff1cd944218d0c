"""Targets are started, waited for, read, and ended with all their children."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config import Ready, Target
from harness.errors import EvidenceError, InputError
from harness.judge.oracle.oracle import Contract
from harness.play.target.process import running_target

pytestmark = pytest.mark.e2e

UPSTREAM = "http://127.0.0.1:5055"
URL = r"listening on (?P<url>http://\S+)"

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print(f"listening on http://127.0.0.1:{server.server_address[1]}")
print("flag", os.environ.get("FLAG"), "to", sys.argv[2:], flush=True)
server.serve_forever()
"""


@pytest.fixture
def target(tmp_path):
    """Name a small server as a target."""
    (tmp_path / "server.py").write_text(SERVER)
    return Target(
        name="mine",
        contract=Contract.TRANSPARENT,
        command=("python", "server.py", "0", "{upstream}", "{upstream_host}"),
        env={"FLAG": "on {upstream_port}"},
        ready=Ready(stdout=URL),
        folder=tmp_path,
    )


def run(target, during=None, **options):
    """Start a target, do something meanwhile, and see it ended."""

    async def main():
        async with running_target(target, UPSTREAM, **options) as found:
            result = found if during is None else await during(found)
        assert found.pid is None or not alive(found.pid)
        return result

    return asyncio.run(main())


def alive(pid: int) -> bool:
    """Tell whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_target_says_where_it_listens(target):
    """Placeholders are filled, the output is kept, the URL comes from it."""

    async def during(found):
        mark = found.output.mark()
        await asyncio.sleep(0.1)
        assert () == found.output.since(mark)
        assert found.exit_code is None
        return found.output.since()

    first, second = run(target, during)
    assert first.startswith("listening on http://127.0.0.1:")
    assert "flag on 5055 to ['http://127.0.0.1:5055', '127.0.0.1']" == second


@pytest.mark.parametrize("ready", [None, Ready(http="/healthz")])
def test_a_target_with_a_port_of_ours_is_probed(target, ready):
    """A free port is picked, and a connection or a status shows that it serves."""
    target = replace(
        target,
        command=("python", "server.py", "{port}"),
        url="http://127.0.0.1:{port}",
        ready=ready,
    )
    assert "{port}" not in run(target).url


def test_a_status_above_400_is_not_ready(target):
    """The probe waits, and the error has what the target said."""
    target = replace(
        target,
        command=("python", "server.py", "{port}"),
        url="http://127.0.0.1:{port}",
        ready=Ready(http="/broken"),
    )
    # A machine that lags may take longer to start a server.
    for deadline_s in (0.5, 5, 30):
        with pytest.raises(
            InputError, match=f"not ready after {deadline_s} s"
        ) as caught:
            run(target, deadline_s=deadline_s)
        if "listening on" in str(caught.value):
            break
    assert "listening on" in str(caught.value)


def test_files_are_written_to_a_fresh_folder(target):
    """Templates are filled there; the folder is gone afterwards."""
    code = "import sys; print(open(sys.argv[1]).read() + sys.argv[1], flush=True)"
    target = replace(
        target,
        command=(
            "python",
            "-c",
            code + "\nimport time; time.sleep(60)",
            "{dir}/a.conf",
        ),
        files={"a.conf": "http {{ listening on {upstream}; }\n"},
        ready=Ready(stdout=r"listening on (?P<url>[^;]+)"),
    )

    async def during(found):
        await asyncio.sleep(0.05)
        assert "http://127.0.0.1:5055" == found.url
        return found.output.since()

    text, path = run(target, during)
    assert "http {{ listening on http://127.0.0.1:5055; }" == text
    assert not Path(path).exists()


def test_a_target_that_ends_immediately_is_reported_with_its_output(target):
    """The exit code and the output, control characters made visible."""
    code = "import sys; print('\\x1b[31mno such option'); sys.exit(3)"
    target = replace(target, command=("python", "-c", code))
    with pytest.raises(InputError) as caught:
        run(target)
    assert 2 == caught.value.exit_code
    assert "mine ended immediately with exit code 3" in str(caught.value)
    assert "\\x1b[31mno such option" in str(caught.value)


def test_a_program_that_is_missing_is_reported(target):
    """The name of the program is in the message."""
    target = replace(target, command=("no-such-program-here",))
    with pytest.raises(InputError, match="no-such-program-here: No such file"):
        run(target)


def test_a_target_is_not_mistaken_for_what_listened_before(target):
    """A target is not started where something listens at its URL already."""

    async def during(found):
        taken = replace(target, url=found.url)
        with pytest.raises(InputError, match="something already listens at"):
            async with running_target(taken, UPSTREAM):
                pass

    run(target, during)


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c",
    "from signal import *; signal(SIGTERM, SIG_IGN); import time; time.sleep(60)"])
print(f"child {child.pid}", flush=True)
print("listening on http://127.0.0.1:1", flush=True)
time.sleep(60)
"""


def test_a_target_that_will_not_end_is_killed_with_its_children(target, monkeypatch):
    """SIGTERM comes first; processes that ignore it, children too, get SIGKILL."""
    monkeypatch.setattr("harness.play.target.process._GRACE_S", 0.2)
    target = replace(target, command=("python", "-c", STUBBORN))

    async def during(found):
        return int(found.output.since()[0].removeprefix("child "))

    child = run(target, during)
    deadline = time.monotonic() + 30
    while alive(child) and not is_zombie(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_zombie(pid: int) -> bool:
    """Tell whether a process waits to be reaped by its new parent."""
    if sys.platform != "linux":
        return False
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        return text.rpartition(") ")[2].startswith("Z")
    except FileNotFoundError:
        return True


def test_a_run_that_fails_ends_its_target(target):
    """An error inside the block leaves no process behind."""
    pids = []

    async def main():
        async with running_target(target, UPSTREAM) as found:
            pids.append(found.pid)
            raise RuntimeError("as planned")

    with pytest.raises(RuntimeError, match="as planned"):
        asyncio.run(main())
    assert not alive(pids[0])


def test_a_target_that_died_in_between_is_no_error(target):
    """Its exit code can be asked for, and ending it does no harm."""

    async def during(found):
        os.kill(found.pid, signal.SIGKILL)
        await found.process.wait()
        return found.exit_code

    assert -signal.SIGKILL == run(target, during)


def test_a_url_must_accept_connections(target):
    """Nothing is started; what does not answer is missing evidence, exit code 4."""

    async def during(found):
        gateway = replace(target, command=None, url=found.url, ready=None)
        async with running_target(gateway, UPSTREAM) as reached:
            assert (found.url, None, ()) == (
                reached.url,
                reached.pid,
                reached.output.since(),
            )
        return gateway

    gateway = run(target, during)
    with pytest.raises(
        EvidenceError, match=r"mine: http.* accepts no connections"
    ) as e:
        run(gateway)
    assert 4 == e.value.exit_code


def test_a_url_may_have_a_health_check(target):
    """It is asked again until it succeeds or the time is up."""

    async def during(found):
        well = replace(
            target, command=None, url=found.url, ready=Ready(http="/healthz")
        )
        async with running_target(well, UPSTREAM):
            pass
        ill = replace(well, ready=Ready(http="/broken"))
        with pytest.raises(EvidenceError, match="does not answer /broken"):
            async with running_target(ill, UPSTREAM, deadline_s=0.2):
                pass

    run(target, during)
