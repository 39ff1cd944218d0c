"""A target that is reached and not started; tests/e2e starts some."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from harness.config import Ready, Target
from harness.errors import EvidenceError, InputError
from harness.judge.oracle.oracle import Contract
from harness.play.target import process
from harness.play.target.output import TargetOutput
from harness.play.target.process import RunningTarget, running_target

TARGET = Target(name="mine", contract=Contract.TRANSPARENT, url="http://h:1")


@pytest.fixture
def probing(monkeypatch):
    """Have probes give these answers, one after another; return those that are left."""

    def answers(*found):
        left = list(found)

        async def probe():
            return left.pop(0)

        monkeypatch.setattr(process, "make_probe", lambda *_: probe)
        monkeypatch.setattr(process, "_POLL_S", 0)
        return left

    return answers


def reached(target, **options):
    """Reach a target and return what is known of it."""

    async def main():
        async with running_target(target, "http://upstream", **options) as found:
            return found

    return asyncio.run(main())


def test_a_target_with_a_url_is_not_started(probing):
    """It has no process and no output, and the probe says where it listens."""
    probing("http://h:1")
    found = reached(TARGET)
    assert ("http://h:1", None, None, ()) == (
        found.url,
        found.pid,
        found.exit_code,
        found.output.since(),
    )


def test_without_a_health_check_it_is_asked_once(probing):
    """Nobody listens: waiting would not help."""
    left = probing(None, "http://h:1")
    with pytest.raises(EvidenceError, match="mine: http://h:1 accepts no connections"):
        reached(TARGET)
    assert 1 == len(left)


def test_with_a_health_check_it_is_asked_until_it_is_ready(probing):
    """It may still be starting."""
    left = probing(None, None, "http://h:1")
    found = reached(Target(**{**fields(TARGET), "ready": Ready(http="/healthz")}))
    assert ("http://h:1", []) == (found.url, left)


def test_a_health_check_that_fails_is_missing_evidence(probing):
    """The message says what was asked, and exit code 4 that nothing was shown."""
    probing(None)
    target = Target(**{**fields(TARGET), "ready": Ready(http="/healthz")})
    words = "does not answer /healthz with a status below 400"
    with pytest.raises(EvidenceError, match=words):
        reached(target, deadline_s=0)


def test_a_command_is_not_started_where_something_listens(monkeypatch):
    """What answers there would be taken for the target."""

    def tcp_probe(url):
        async def probe():
            return url

        return probe

    monkeypatch.setattr(process, "tcp_probe", tcp_probe)
    target = Target(**{**fields(TARGET), "command": ("no-such-program",)})
    with pytest.raises(InputError, match="something already listens at http://h:1"):
        reached(target)


def fields(target: Target) -> dict:
    """The fields of a target by name."""
    return {name: getattr(target, name) for name in target.__slots__}


def test_a_process_is_known_by_its_id_and_its_end():
    """A signal is a negative number, as everywhere in Python."""
    child = SimpleNamespace(pid=7, returncode=-9)
    running = RunningTarget(
        target=TARGET, url="http://h:1", output=TargetOutput(None), process=child
    )
    assert (7, -9) == (running.pid, running.exit_code)
