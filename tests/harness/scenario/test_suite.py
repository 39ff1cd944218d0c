"""The scenarios that the project ships with."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.documents.yaml_document import load
from harness.faults.classes import CLASSES, class_numbers
from harness.faults.registry import check_call, find_fault
from harness.scenario.loader import read_scenario
from harness.scenario.model import Mode
from harness.scenario.parse.scenario import scenario_schema
from harness.scenario.script import make_script

ROOT = Path(__file__).parents[3]
SUITE = ROOT / "scenarios"
CASSETTES = ROOT / "cassettes"
FILES = {
    file.relative_to(SUITE).with_suffix("").as_posix(): file
    for file in sorted(SUITE.rglob("*.yaml"))
}
FAMILIES = {
    "clean",
    "crowded",
    "disconnecting",
    "malformed",
    "recovering",
    "stuttering",
}
IMPACTS = {"silent", "crash", "hang", "delay", "cost", "none"}
OUT_OF_REACH = {21}
"""HTTP/2: the harness does not speak it."""
LIVE_MS_MAX = 3_000
REPEATING = {
    "cumulative",
    "event_dup",
    "growing_first",
    "repeat_first",
    "replay_window",
    "shrinking_first",
}


def _data(name: str) -> dict:
    return load(FILES[name].read_text(encoding="utf-8"), source=name).value


def _faults(data: dict) -> set[str]:
    parts = [data, *data.get("attempts", ()), *data.get("sequence", ())]
    return set(chain.from_iterable(f for part in parts for f in part.get("faults", ())))


@pytest.mark.parametrize("name", FILES)
def test_every_scenario_is_one_under_its_own_path(name):
    """Its id is its path; its first tag is its family; its faults exist."""
    root = load(FILES[name].read_text(encoding="utf-8"), source=name)
    root.check(Draft202012Validator(scenario_schema()))
    data = root.value
    assert data["scenario"] == name
    assert data["tags"][0] == name.partition("/")[0]
    assert data["tags"][0] in FAMILIES
    for entry in data.get("faults", ()):
        for fault, parameters in entry.items():
            check_call(find_fault(fault), parameters or {})


@pytest.mark.parametrize("name", FILES)
def test_every_scenario_says_what_it_is_about(name):
    """Family, tier, classes, impact, and marks, in this order and no other words.

    The tier is that of its main class; its evidence is a thread, a measured case, or a
    recording.
    """
    tags = _data(name)["tags"]
    words = r"(tier-[sabcd])((?: class-\d\d)+)((?: impact-[a-z]+)+)(?: twin)?(?: pr)?"
    found = re.fullmatch(rf"{name.partition('/')[0]} {words}", " ".join(tags))
    assert found, tags
    numbers = class_numbers(tags)
    assert len(numbers) == len(found[2].split())
    assert found[1] == f"tier-{CLASSES[numbers[0] - 1].tier.lower()}"
    assert {word.removeprefix("impact-") for word in found[3].split()} <= IMPACTS


def test_every_class_of_failure_has_a_scenario():
    """Of the 43 in docs/classes.md; one is out of reach."""
    named = set(chain.from_iterable(class_numbers(_data(n)["tags"]) for n in FILES))
    assert named == {entry.number for entry in CLASSES} - OUT_OF_REACH


def test_the_page_of_classes_names_every_scenario():
    """Under its classes; scripts/refresh_reports.py makes the page anew."""
    text = (ROOT / "docs" / "classes.md").read_text(encoding="utf-8")
    said = {
        int(number): sorted(re.findall(r"^- `([^`]+)`:", part, re.MULTILINE))
        for number, part in re.findall(
            r"^## (\d+): (.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
        )
    }
    named: dict[int, list[str]] = {}
    for name in sorted(FILES):
        for number in class_numbers(_data(name)["tags"]):
            named.setdefault(number, []).append(name)
    assert said == named


@pytest.mark.parametrize("name", FILES)
def test_every_why_names_its_evidence(name):
    """A thread, a measurement, a rule, or a recording that shows it by itself."""
    why = _why(name)
    assert re.search(r"[\w.-]+#\d+|[Mm]easured|[Rr]ecorded|legacy, |WHATWG|RFC", why), (
        why
    )


def test_the_suite_is_broad_and_its_default_part_is_short():
    """About 40 scenarios play live, so that a run takes less than a minute."""
    tags = {name: _data(name)["tags"] for name in FILES}
    assert len(FILES) >= 150
    assert 38 <= sum("pr" in words for words in tags.values()) <= 50
    for family in FAMILIES:
        assert sum("pr" in words for words in tags.values() if family in words)


def test_a_stream_is_written_by_hand_only_where_no_recording_can_serve():
    """Real bytes are the evidence."""
    assert [name for name in FILES if "stream" in _data(name)] == [
        "stuttering/legit-prefix",
        "stuttering/surrogate-halves",
    ]


@pytest.mark.parametrize(
    "name",
    [name for name in FILES if _faults(_data(name)) & REPEATING],
)
def test_every_repeat_has_a_twin_that_is_meant(name):
    """Whoever drops repeats must be shown what else that drops."""
    found = re.search(
        r"Twin(?: with repeats that are meant)?: ([a-z0-9/-]+)", _why(name)
    )
    assert found, "names no twin"
    assert not _faults(_data(found[1])) & REPEATING


def _why(name: str) -> str:
    return _data(name)["why"]


@pytest.mark.parametrize("name", FILES)
def test_every_fault_applies_to_its_recording(name):
    """And what is played live is over soon."""
    cassette = _data(name).get("cassette")
    if cassette and not (CASSETTES / cassette).is_file():
        pytest.skip(f"{cassette} is not recorded yet")
    scenario = read_scenario(FILES[name], cassettes=CASSETTES)
    waited_ns = 0
    for exchange in scenario.sequence or (scenario.exchange,):
        script = make_script(scenario, 1, exchange=exchange)
        noted = sum(len(wire.notes) for wire in script.attempts)
        assert noted == len(exchange.faults)
        waited_ns += sum(wire.end_at_ns for wire in script.attempts)
        _check_leaving(exchange.client.abort, script.attempt(1))
    if scenario.streams is not None:
        waited_ns += round(scenario.streams.count * scenario.streams.every_ms * 1e6)
    leaves = scenario.exchange.client.abort is not None
    if Mode.LIVE in scenario.modes and not leaves:
        assert waited_ns <= LIVE_MS_MAX * 1_000_000


def _check_leaving(abort, wire) -> None:
    """A client that leaves does so before the answer is over."""
    if abort is not None:
        left_ms = (abort.after_ms or 0) + 200
        stalls = wire.end.value == "stall"
        assert stalls or wire.end_at_ns > left_ms * 1_000_000
