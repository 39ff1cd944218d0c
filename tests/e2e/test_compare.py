"""``harness compare`` as a user runs it: a process, its exit code, what it wrote."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]

PROXY = """
    command: [python, {program}, --listen, "127.0.0.1:0", --upstream, "{upstream}"]
    env: {{ENABLE_NEW_STREAMING_ARCHITECTURE: "{new}"}}
    ready: {{stdout: 'listening on (?P<url>http://\\S+)'}}
    relay: "{relay}"
    proof: {{header: "x-streaming-architecture: {arm}"}}
    contract: repairing
"""


def proxy(arm, *, new=None, relay=None, program="-m, proxy", upstream="{upstream}"):
    """A target of harness.yaml: the reference proxy."""
    return PROXY.format(
        arm=arm,
        new=new or str(arm == "v2").lower(),
        relay=relay or f"proxy.{arm}:make_relay",
        program=program,
        upstream=upstream,
    )


def planted(defect):
    """The reference proxy, its v2 wrong on purpose; in virtual time as well."""
    program = f"{ROOT}/tests/planted/proxy_with.py, {defect}"
    relay = f"tests.planted.relays:{defect}"
    return proxy("v2", program=program, relay=relay)


CHUNK = (
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
    '"choices":[{"index":0,"delta":%s,"finish_reason":%s}]}'
)


def events(*texts):
    """A right answer as raw server-sent events."""
    deltas = [CHUNK % (json.dumps({"content": text}), "null") for text in texts]
    role = CHUNK % ('{"role":"assistant","content":null}', "null")
    data = [role, *deltas, CHUNK % ("{}", '"stop"'), "[DONE]"]
    return "".join(f"data: {item}\n\n" for item in data)


class Desk:
    """A user's folder with a harness.yaml and two cassettes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configure()
        raw = folder / "raw"
        raw.mkdir()
        (raw / "count.sse").write_text(events("1", ", 2", ", 3", ", 4", "."))
        (raw / "story.sse").write_text(events("Once", " upon", " a", " time", "."))
        imported = self.run("import", "sse", "raw", "--out", "tapes", "--pacing", "15")
        assert 0 == imported.returncode, imported.stderr

    def configure(self, v1: str | None = None, v2: str | None = None) -> None:
        """Write harness.yaml."""
        text = f"targets:\n  v1:{v1 or proxy('v1')}  v2:{v2 or proxy('v2')}"
        text += "baseline: v1\ncandidate: v2\n"
        (self.folder / "harness.yaml").write_text(text)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``harness`` here."""
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "NO_COLOR": "1",
                "COLUMNS": "80",
            },
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``harness`` here, with a folder of its own for temporary files."""
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "TMPDIR": str(self.folder / "tmp"),
                "PYTHONUNBUFFERED": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def listening(self) -> list[int]:
        """Process IDs of targets that a run with such a folder started."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if f"TMPDIR={self.folder}/tmp".encode() in path.read_bytes():
                    words = (path.parent / "cmdline").read_bytes().split(b"\0")
                    if b"proxy" in words:
                        found.append(int(path.parent.name))
        return found

    def compare(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Compare over the cassettes of this folder."""
        return self.run("compare", "--cassette", "tapes", *arguments)

    def report(self) -> dict:
        """The newest report."""
        newest = max((self.folder / "reports").iterdir(), key=lambda p: p.name)
        return json.loads((newest / "report.json").read_bytes())


def kinds(entry: dict) -> set[str]:
    """What the report says is wrong with the candidate in one scenario."""
    [answer] = entry["candidate"]["answers"]
    return {violation["kind"] for violation in answer["violations"]}


@pytest.fixture
def desk(tmp_path):
    """A user's folder."""
    return Desk(tmp_path)


def test_compare_finds_v1_wrong_and_v2_right(desk):
    """Live and virtual, v1's empty first event is found, and the decision is GO."""
    done = desk.compare()

    assert 0 == done.returncode, done.stderr
    assert "GO" in done.stdout
    assert "empty_event" in done.stdout
    assert "seed 1" in done.stdout
    report = desk.report()
    assert {"IMPROVED": 4} == report["totals"]
    assert {"live", "virtual"} == {entry["mode"] for entry in report["scenarios"]}


@pytest.mark.parametrize(
    ("defect", "fault", "kind"),
    [
        ("drop_last_delta", None, "text_lost"),
        ("swallow_error", "inject_error: {at: {event: 3}, then: end}", "error_lost"),
        ("hold_to_end", None, "held"),
        ("clean_cut", "close_at: {at: {event: 3}}", "silent_truncation"),
    ],
)
def test_broken_candidate_ends_in_no_go_and_names_the_defect(desk, defect, fault, kind):
    """A defect in the new core, behind its own flag, is a red run that names it."""
    # v2 is the baseline, so that v1's own faults do not hide what is found.
    desk.configure(v1=proxy("v2"), v2=planted(defect))
    use = ["--fault", fault] if fault else []
    pacing = ["--speed", "0.1"] if kind == "held" else []

    done = desk.compare(*use, *pacing)

    assert 1 == done.returncode, done.stdout + done.stderr
    assert "NO-GO" in done.stdout
    assert kind in done.stdout
    modes = {
        entry["mode"] for entry in desk.report()["scenarios"] if kind in kinds(entry)
    }
    assert {"live", "virtual"} == modes


def test_ignored_flag_is_invalid_evidence(desk):
    """Where both arms are v1 nothing was shown: exit 4, and why."""
    desk.configure(v2=proxy("v2", new="false"))

    done = desk.compare("--live")

    assert 4 == done.returncode
    assert "x-streaming-architecture: v2" in done.stderr
    assert "v1" in done.stderr


def test_upstream_that_is_not_reached_is_invalid_evidence(desk):
    """A candidate that asks some other upstream shows nothing: exit 4, and why."""
    desk.configure(v2=proxy("v2", upstream="http://127.0.0.1:9"))

    done = desk.compare("--live")

    assert 4 == done.returncode
    assert "reached its upstream" in done.stderr


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_stopped_candidate_is_invalid_evidence(desk):
    """A candidate that does not run is exit 4, not a green run."""
    done = desk.compare(
        "--live",
        *("--candidate", f"http://127.0.0.1:{free_port()}"),
        *("--candidate-upstream", f"127.0.0.1:{free_port()}"),
    )

    assert 4 == done.returncode
    assert "accepts no connections" in done.stderr


def test_two_runs_with_one_seed_give_the_same_report(desk):
    """All but ``volatile`` is equal, and the virtual part to the byte."""
    reports = []
    for name in ("first", "second"):
        done = desk.compare("--fault", "repeat_first", "--seed", "7", "--output", name)
        assert 0 == done.returncode, done.stderr
        [run] = (desk.folder / name).iterdir()
        reports.append(json.loads((run / "report.json").read_bytes()))
    first, second = reports
    assert first.pop("volatile") != second.pop("volatile")
    assert first == second
    assert 7 == first["run"]["seed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "--config", "nowhere.yaml"], ["nowhere.yaml"]),
        (["compare", "--cassette", "tapes", "--candidate", "v3"], ["'v3'", "v2"]),
        (
            ["compare", "--cassette", "tapes", "--fault", "repeat_frist"],
            ["repeat_frist", "did you mean 'repeat_first'"],
        ),
        (
            ["compare", "--cassette", "tapes", "--fault", "repeat_first: {times: x}"],
            ["times", "got"],
        ),
        (["compare", "--cassette", "tapes/none.yaml"], ["none.yaml"]),
        (
            ["compare", "--cassette", "tapes", "--fault", "nodelay", "--virtual"],
            ["virtual time cannot show nodelay"],
        ),
        (["compare", "--fault", "repeat_first"], ["--cassette"]),
        (["compare", "--live", "--virtual"], ["exclude"]),
        (["compare", "--seed", "x"], ["--seed"]),
        (["comprae"], ["did you mean", "compare"]),
    ],
)
def test_bad_input_is_one_message_and_exit_2(desk, arguments, words):
    """Every mistake is reported without a traceback."""
    done = desk.run(*arguments)

    assert 2 == done.returncode, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word.lower() in done.stderr.lower()


def test_target_that_does_not_start_shows_its_log(desk):
    """A percentage of 101 stops the proxy, and the user sees what it said."""
    wrong = proxy("v2").replace(
        "env: {", 'env: {NEW_STREAMING_ROLLOUT_PERCENTAGE: "101", '
    )
    desk.configure(v2=wrong)

    done = desk.compare("--live")

    assert 2 == done.returncode
    assert "NEW_STREAMING_ROLLOUT_PERCENTAGE" in done.stderr
    assert "Traceback" not in done.stderr


def test_address_in_use_is_reported(desk):
    """An upstream address in use is exit 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = desk.compare(
            "--live",
            *("--candidate", f"http://127.0.0.1:{free_port()}"),
            *("--candidate-upstream", f"127.0.0.1:{port}"),
        )

    assert 2 == done.returncode
    assert str(port) in done.stderr


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_ends_what_it_started(desk, tmp_path, number):
    """A signal ends targets and folders, decides nothing, and is no exit 1."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    process = desk.start("compare", "--cassette", "tapes", "--live", "--speed", "0.05")
    try:
        for line in process.stderr:
            if "target v2 is ready" in line:
                break
        ports = desk.listening()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert 130 == process.returncode, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert 2 == len(ports)
    assert [] == desk.listening()
    assert [] == list(folder.iterdir())


NGINX = """
    command: [nginx, -p, "{dir}", -c, "{dir}/nginx.conf", -e, stderr]
    url: "http://127.0.0.1:{port}"
    files:
      nginx.conf: |
        daemon off;
        master_process off;
        pid {dir}/nginx.pid;
        error_log stderr;
        events {}
        http {
          access_log off;
          client_body_temp_path {dir}/body;
          proxy_temp_path {dir}/proxy;
          fastcgi_temp_path {dir}/fastcgi;
          uwsgi_temp_path {dir}/uwsgi;
          scgi_temp_path {dir}/scgi;
          server {
            listen 127.0.0.1:{port};
            location / {
              proxy_pass {upstream};
              proxy_http_version 1.1;
              proxy_buffering BUFFERING;
            }
          }
        }
    contract: transparent
"""


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_unmodified_nginx_is_transparent_and_its_buffering_is_found(desk):
    """A proxy that no one here wrote: right without buffering, found out with it."""
    (desk.folder / "harness.yaml").write_text(
        "targets:\n"
        f"  streaming:{NGINX.replace('BUFFERING', 'off')}"
        f"  buffering:{NGINX.replace('BUFFERING', 'on')}"
        "baseline: streaming\ncandidate: buffering\n"
    )

    done = desk.compare("--live", "--fault", "framing: {mode: close}", "--speed", "0.1")

    assert 1 == done.returncode, done.stdout + done.stderr
    found = {entry["id"]: entry for entry in desk.report()["scenarios"]}
    assert "IDENTICAL" == found["whole/count"]["verdict"]
    assert "REGRESSION" == found["framing/count"]["verdict"]
    assert "held" in kinds(found["framing/count"])
