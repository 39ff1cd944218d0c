"""The page docs/write-a-fault.md: its fault is read from there, and works like ours."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import harness.faults
from harness.cassette.files import read_cassette
from harness.cli import cli
from harness.errors import InputError
from harness.faults.registry import REGISTRY, FaultError, find_fault
from harness.judge.check import judge
from harness.judge.limits import Limits
from harness.judge.oracle.oracle import Contract, expectation
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.from_cassettes import cassette_scenarios, parse_fault
from harness.scenario.script import make_script

_ROOT = Path(__file__).parents[4]
_PAGE = (_ROOT / "docs" / "write-a-fault.md").read_text(encoding="utf-8")
_CASSETTES = _ROOT / "cassettes"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _PAGE, flags=re.DOTALL)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The page's module, in a folder that Python searches."""
    [code] = _blocks("python")
    (tmp_path / "my_faults.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "my_faults"
    sys.modules.pop("my_faults", None)
    REGISTRY.pop("hiccup", None)


def _judged(call, relay, contract):
    cassette = read_cassette(_CASSETTES / "llama.cpp" / "plain.yaml")
    *_, scenario = cassette_scenarios([("plain", "plain", cassette)], [call])
    script = make_script(scenario, seed=1)
    observed = play_virtual(relay, load_relay(relay), script, {})
    judgement = judge(
        expectation(script, contract, scenario.exchange.expect),
        observed,
        Limits(hold_ms=20),
    )
    return script, judgement


@pytest.mark.parametrize("how", ["empty", "banner"])
def test_the_fault_of_the_page_is_judged_like_ours(module, how):
    """Both contracts, by what it says of itself; the note tells where."""
    call = parse_fault(f"my_faults:hiccup: {{share: 0.5, how: {how}}}")
    script, right = _judged(call, "proxy.v2:make_relay", Contract.REPAIRING)
    assert right.violations == ()
    [note] = script.attempts[0].notes
    assert re.search(rf"hiccup\(s\) \({how}\) \(events \d+ to \d+, bytes", note)
    forward = "tests.planted.relays:passing"
    assert _judged(call, forward, Contract.TRANSPARENT)[1].correct
    kept = _judged(call, forward, Contract.REPAIRING)[1]
    kinds = [violation.kind.value for violation in kept.violations]
    assert kinds == (["malformed_forwarded"] if how == "banner" else [])


def test_the_fault_of_the_page_is_explained_like_ours(module):
    """Parameters, defaults, options, oracle, example."""
    shown = CliRunner().invoke(cli, ["faults", "my_faults:hiccup"]).output
    for words in (
        "hiccup (events): Insert something after some text deltas",
        "share: a number from 0 to 1 (default: 0.1)",
        "- `banner`: an event that is not JSON.",
        "Repairing: an empty delta passes",
        '- hiccup: {share: 0.25, how: "empty"}',
    ):
        assert words in shown


def test_the_scenario_of_the_page_is_one(module, tmp_path):
    """It checks, and its faults compose."""
    [text] = _blocks("yaml")
    folder = tmp_path / "scenarios" / "malformed"
    folder.mkdir(parents=True)
    (folder / "our-banner.yaml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(
        cli,
        [
            *("compare", "--virtual", "malformed/our-banner"),
            *("--scenarios", str(tmp_path / "scenarios")),
            *("--cassettes", str(_CASSETTES)),
            *("--config", str(_ROOT / "harness.yaml")),
            *("--output", str(tmp_path / "reports")),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "malformed/our-banner" in result.output


def test_a_wrong_call_of_it_is_told_like_one_of_ours(module):
    """The parameter, the nearest name, the limit."""
    with pytest.raises(FaultError, match=r"my_faults:hiccup\.shar: .*'share'"):
        parse_fault("my_faults:hiccup: {shar: 1}")
    with pytest.raises(FaultError, match="a number from 0 to 1, got 2"):
        parse_fault("my_faults:hiccup: {share: 2}")
    with pytest.raises(InputError, match="did you mean 'my_faults:hiccup'"):
        find_fault("my_faults:hicup")


def test_a_module_that_fails_is_told_without_a_traceback(tmp_path, monkeypatch):
    """With the kind of error and its place."""
    (tmp_path / "bad_faults.py").write_text("1 +", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match=r"SyntaxError: .*bad_faults\.py, line 1"):
        find_fault("bad_faults:x")


def test_the_helpers_that_the_page_names_exist():
    """Every one is where the page imports from, with one line."""
    [code] = _blocks("python")
    [rule] = re.findall(r"^- \*\*One import\*\*.*$", _PAGE, flags=re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", rule))
    assert len(named) > 8
    assert named < set(harness.faults.__all__)
    assert code.count("harness.faults") == 1
