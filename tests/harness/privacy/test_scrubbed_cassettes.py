"""A scrubbed cassette hides what was said, and still breaks what it broke."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from harness.cassette.files import read_cassette
from harness.cassette.importers.sse import SseSource, import_sse
from harness.cassette.model import Cassette
from harness.faults.registry import FaultCall, FaultError
from harness.judge.check import judge
from harness.judge.evidence.reading import read_stream
from harness.judge.limits import virtual_limits
from harness.judge.oracle.oracle import Contract, expectation
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.privacy.scrub import scrub_cassette
from harness.scenario.from_cassettes import cassette_scenarios
from harness.scenario.script import make_script

ROOT = Path(__file__).parents[3]
OURS = sorted((ROOT / "cassettes").rglob("*.yaml"))
CORPUS = Path(os.environ.get("STREAM_CORPUS", ROOT.parent / "shared" / "corpus"))
THEIRS = sorted((CORPUS / "openai-chat").glob("*.sse"))[::9]
FAULTS = [
    FaultCall(name="repeat_first", parameters={}),
    FaultCall(name="cumulative", parameters={}),
    FaultCall(name="close_at", parameters={"at": {"frac": 0.5}}),
]
RELAYS = [load_relay("proxy.v1:make_relay"), load_relay("proxy.v2:make_relay")]
KEY = b"a key"


def found(cassette: Cassette) -> list[tuple[str, list[str]]]:
    """What v1 and v2 do wrong with it, whole and with each fault."""
    results = []
    for scenario in cassette_scenarios([("x", "x.yaml", cassette)], FAULTS):
        try:
            script = make_script(scenario, seed=1)
        except FaultError:
            results.append((scenario.id, ["does not apply"]))
            continue
        expected = expectation(script, Contract.REPAIRING, scenario.exchange.expect)
        for relay in RELAYS:
            seen = play_virtual("t", relay, script, {})
            judged = judge(expected, seen, virtual_limits())
            kinds = [violation.kind.value for violation in judged.violations]
            results.append((scenario.id, [judged.outcome.value, *kinds]))
    return results


def check(cassette: Cassette) -> None:
    """Everything but what was said is the same, and breaks the same."""
    scrubbed = scrub_cassette(cassette, key=KEY)
    for one, two in zip(cassette.interactions, scrubbed.interactions, strict=True):
        first, second = one.response, two.response
        assert [(s.at_ns, len(s.data)) for s in first.segments] == [
            (s.at_ns, len(s.data)) for s in second.segments
        ]
        assert (first.status, first.ending) == (second.status, second.ending)
        assert len(one.request.body) == len(two.request.body)
    assert found(cassette) == found(scrubbed)


@pytest.mark.parametrize(
    "path", OURS, ids=lambda path: path.relative_to(ROOT / "cassettes").as_posix()
)
def test_scrubbed_cassette_breaks_what_it_broke(path):
    """Lengths, borders, times, endings and every finding stay."""
    check(read_cassette(path))


@pytest.mark.corpus
@pytest.mark.skipif(
    not THEIRS, reason=f"no recorded streams in {CORPUS}; set STREAM_CORPUS"
)
@pytest.mark.parametrize("path", THEIRS, ids=lambda path: path.stem)
def test_streams_of_others_break_what_they_broke(path):
    """So do the streams of real providers."""
    source = SseSource(name=path.stem, by="a test")
    check(import_sse(path.read_bytes(), source))


def test_nothing_that_was_said_is_left():
    """No word of four letters or more of prompt or answer survives."""
    for path in OURS:
        cassette = read_cassette(path)
        scrubbed = scrub_cassette(cassette, key=KEY)
        for one, two in zip(cassette.interactions, scrubbed.interactions, strict=True):
            said = "".join(
                choice.content + choice.reasoning
                for choice in read_stream(one.response.body).message.choices
            )
            left = "".join(
                choice.content + choice.reasoning
                for choice in read_stream(two.response.body).message.choices
            )
            # [DONE] and the marks of reasoning are the stream's, not the speaker's.
            words = set(re.findall(r"[^\W\d_]{4,}", said)) - {"DONE", "think"}
            kept = {word for word in words if word in left}
            # Chance makes a word of four letters again once in a while.
            assert len(kept) <= len(words) // 50, (path, kept)


def test_a_key_decides_and_repeats():
    """One key gives one result, another key another."""
    cassette = read_cassette(ROOT / "cassettes" / "llama.cpp" / "plain.yaml")

    assert scrub_cassette(cassette, key=KEY) == scrub_cassette(cassette, key=KEY)
    assert scrub_cassette(cassette, key=b"x") != scrub_cassette(cassette, key=KEY)
