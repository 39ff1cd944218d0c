from __future__ import annotations

import shlex
from dataclasses import replace

from harness.reporting.document.reproduce import repeat_run, repeat_scenario
from harness.scenario.model import Mode


def with_settings(run, **changes):
    """Return a run with other settings."""
    return replace(run, settings=replace(run.settings, **changes))


def test_a_scenario_is_repeated_by_id_seed_and_mode(virtual_run):
    """With the default targets nothing else is needed."""
    line = repeat_scenario(virtual_run, virtual_run.records[0])
    assert line == "harness compare clean/short-answer --seed 7 --virtual"


def test_what_is_not_the_default_is_named(virtual_run):
    """Other targets, another speed and repeats belong to the line."""
    run = with_settings(virtual_run, speed=2.5, repeats=2)
    run = replace(run, candidate=replace(run.candidate, name="my gateway"))
    line = repeat_scenario(run, run.records[0])
    assert line.endswith("--virtual --candidate 'my gateway' --speed 2.5 --repeats 2")


def test_given_options_take_the_place_of_what_was_found(virtual_run):
    """Targets that are URLs are known to the caller only."""
    options = ("--candidate", "http://x/?a=b&c", "--candidate-upstream", "h:1")
    line = repeat_scenario(virtual_run, virtual_run.records[0], options)
    assert line.endswith(
        "--virtual --candidate 'http://x/?a=b&c' --candidate-upstream h:1"
    )


def test_names_cannot_run_commands(make_scenario, make_record, make_run):
    """A scenario's name stays one word for the shell."""
    record = make_record(make_scenario("a/$(rm -rf b); `c` 'd'"))
    line = repeat_scenario(make_run(record), record)
    assert shlex.split(line)[2] == "a/$(rm -rf b); `c` 'd'"


def test_a_run_is_repeated_by_suite_or_by_names(virtual_run, both_modes_run):
    """A suite has a name; of a run without one all scenarios are named."""
    assert repeat_run(both_modes_run) == "harness compare --suite pr --seed 7"
    named = with_settings(virtual_run, suite="named", modes=(Mode.LIVE,))
    named = replace(named, records=(*named.records[:2], named.records[0]))
    assert repeat_run(named) == (
        "harness compare clean/short-answer stuttering/first-chunk-twice --seed 7 "
        "--live"
    )


def test_a_scenario_of_a_named_file_is_repeated_by_its_file(virtual_run):
    """No id finds what is outside of the suite's folder."""
    source = "mine/answer.yaml"
    first = virtual_run.records[0]
    first = replace(first, scenario=replace(first.scenario, source=source))
    run = with_settings(virtual_run, suite="named", files=(source,))
    run = replace(run, records=(first, run.records[1]))
    assert repeat_scenario(run, first) == (
        "harness compare mine/answer.yaml --seed 7 --virtual"
    )
    assert "stuttering/first-chunk-twice" in repeat_scenario(run, run.records[1])
    assert repeat_run(run) == (
        "harness compare mine/answer.yaml stuttering/first-chunk-twice --seed 7 "
        "--virtual"
    )


def test_cassettes_are_repeated_with_their_faults(virtual_run):
    """A scenario names its own cassette and faults, a run all that it was given."""
    run = with_settings(virtual_run, suite="cassettes", cassettes=("recordings",))
    source = run.records[1].scenario.source or run.records[1].scenario.id
    assert repeat_scenario(run, run.records[1], ("--speed", "2")) == (
        f"harness compare --cassette {source} "
        "--fault 'repeat_first: {\"times\": 2}' --seed 7 --virtual --speed 2"
    )
    assert repeat_run(run).startswith("harness compare --cassette recordings --fault")
    assert repeat_run(run).count("--fault") == 5


def test_a_sweep_is_repeated_by_its_command(virtual_run):
    """Its findings are single scenarios, which `harness compare` plays."""
    words = ("--limit", "20")
    suite = with_settings(virtual_run, suite="full", sweep=words)
    named = with_settings(suite, suite="named")
    cassettes = with_settings(suite, suite="cassettes", cassettes=("recordings",))

    assert repeat_run(suite, ()) == "harness sweep --limit 20 --seed 7"
    assert repeat_run(named, ()).startswith("harness sweep clean/short-answer ")
    assert "--fault" not in repeat_run(named, ())
    assert repeat_run(cassettes, ("--config", "x.yaml")) == (
        "harness sweep --cassette recordings --limit 20 --seed 7 --config x.yaml"
    )
    assert repeat_scenario(suite, suite.records[0], ()) == (
        "harness compare clean/short-answer --seed 7 --virtual"
    )
