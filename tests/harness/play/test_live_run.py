"""The order of live scenarios and targets; the targets are stand-ins."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.config import Target
from harness.judge.oracle.oracle import Contract
from harness.judge.run import ScenarioPlayed, TargetReady
from harness.play import live_run
from harness.play.live_run import PlayedScenario, play_live

TARGETS = (
    Target(name="v1", contract=Contract.TRANSPARENT, command=("x",), env={"A": "1"}),
    Target(name="v2", contract=Contract.TRANSPARENT, command=("x",)),
)


def planned(name: str, *, is_group: bool = False, fresh: bool = False):
    """Return as much of a planned scenario as playing it needs."""
    return SimpleNamespace(
        scenario=SimpleNamespace(id=name, settings={"B": name}),
        program=SimpleNamespace(name=name, is_group=is_group, fresh=fresh),
        script=SimpleNamespace(request=SimpleNamespace(path=f"/{name}")),
    )


@pytest.fixture
def played(monkeypatch):
    """Return a list of what was played, in order, by stand-ins for the targets."""
    order: list[tuple] = []
    running: set[str] = set()

    class Live:
        url, routing, served_by = "http://u", "header", None

        def __init__(self, target):
            self.target = target

        async def play_program(self, program):
            running.add(program.name)
            await asyncio.sleep(0)
            beside = running - {program.name}
            order.append((program.name, self.target.name, bool(beside)))
            await asyncio.sleep(0)
            running.discard(program.name)
            return (f"{program.name} by {self.target.name} {self.target.env}",)

        def check_unmatched(self, paths):
            order.append(("checked", self.target.name, sorted(paths)))

    @asynccontextmanager
    async def live_target(target):
        yield Live(target)

    monkeypatch.setattr(live_run, "live_target", live_target)
    return order


def play(*scenarios, repeats=1):
    """Play, and return what was played and the run events."""
    events = []
    found, routing = asyncio.run(play_live(scenarios, TARGETS, repeats, events.append))
    assert {"v1": "header", "v2": "header"} == routing
    return found, events


def test_each_target_is_first_every_other_time(played):
    """What one leaves behind for the other would otherwise always fall on one side."""
    (found,), _ = play(planned("a"), repeats=3)
    names = [target for name, target, _ in played if name == "a"]
    assert ["v1", "v2", "v2", "v1", "v1", "v2"] == names
    assert [3, 3] == [len(repeats) for repeats in found.repeats]
    assert found.repeats[1][0] == ("a by v2 {}",)


def test_single_streams_play_side_by_side_and_groups_alone(played):
    """Many streams at the same time would hold up the others."""
    play(planned("a"), planned("group", is_group=True), planned("b"))
    beside = {name: together for name, _, together in played if name != "checked"}
    assert {"a": True, "b": True, "group": False} == beside
    assert "group" == played[-3][0]


def test_what_needs_its_own_processes_gets_them_with_its_settings(played):
    """They come last, and each is asked for its own requests only."""
    (_, fresh), _ = play(planned("fresh", fresh=True), planned("a"))
    assert ("fresh by v1 {'A': '1', 'B': 'fresh'}",) == fresh.repeats[0][0]
    assert ("checked", "v2", ["/fresh"]) == played[-1]
    assert ("checked", "v1", ["/a", "/fresh"]) in played


def test_run_events_count_what_was_played(played):
    """Targets are ready first; every scenario is reported once, with the total."""
    _, events = play(planned("a"), planned("b", fresh=True))
    assert [TargetReady, TargetReady, ScenarioPlayed, ScenarioPlayed] == [
        type(event) for event in events
    ]
    assert [("a", 1, 2), ("b", 2, 2)] == [
        (event.id, event.played, event.total) for event in events[2:]
    ]
    assert played


def test_lateness_is_that_of_every_write_of_both_targets():
    """The worst of it says how far the machine can be trusted."""

    def seen(*lateness_ns: int):
        sent = tuple((number * 1000, 1) for number, _ in enumerate(lateness_ns))
        request = SimpleNamespace(sent=sent, lateness_ns=lateness_ns)
        return SimpleNamespace(upstream=(request,))

    one = PlayedScenario(planned=planned("a"), repeats=((), ()))
    one = replace(one, repeats=(((seen(1, 2),), (seen(3),)), ((seen(4), seen()),)))
    assert [1, 2, 3, 4] == list(one.lateness_ns())
