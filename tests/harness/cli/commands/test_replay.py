"""Which answers ``harness replay`` plays, in which order; tests/e2e plays them."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

import harness.faults  # noqa: F401 - registers the faults
from harness.cli import main
from harness.cli.commands.replay import (
    Timing,
    _line,
    _Modifications,
    _Playlist,
    _playlist,
)
from harness.errors import InputError
from harness.scenario.from_cassettes import parse_fault

MS = 1_000_000
REQUEST = {"method": "POST", "path": "/v1", "headers": [], "body": {"text": "{}"}}


def cassette(*texts):
    """Return a cassette with one answer for each text, its event 20 ms late."""
    interactions = [
        {
            "request": REQUEST,
            "response": {
                "status": 200,
                "http_version": "HTTP/1.1",
                "headers": [
                    ["content-type", "text/event-stream"],
                    ["transfer-encoding", "chunked"],
                ],
                "segments": [{"at_ms": 20, "text": f"data: {text}\n\n"}],
                "ending": {"at_ms": 30, "kind": "complete"},
            },
        }
        for text in texts
    ]
    document = {
        "format": 1,
        "recorded": {"by": "hand"},
        "interactions": interactions,
    }
    return json.dumps(document)


@pytest.fixture
def folder(tmp_path):
    """Two cassettes with three answers."""
    (tmp_path / "1.yaml").write_text(cassette("a", "b"))
    (tmp_path / "2.yaml").write_text(cassette("c"))
    return tmp_path


def playlist(folder, *faults, timing=Timing.RECORDED) -> _Playlist:
    """Return what is played of a folder."""
    calls = tuple(parse_fault(text) for text in faults)
    return _playlist((folder,), _Modifications(faults=calls, timing=timing, seed=1))


def name(found: _Playlist):
    """Return the name of the next answer."""
    draft = found.choose(None)
    return draft and found.name_of(draft).rpartition("/")[2]


def test_answers_are_played_over_and_over(folder):
    """Cassettes in the order of their names, interactions as they were recorded."""
    found = playlist(folder)
    names = [name(found) for _ in range(5)]
    assert ["1.yaml[0]", "1.yaml[1]", "2.yaml[0]", "1.yaml[0]", "1.yaml[1]"] == names


def test_once_plays_each_answer_once(folder):
    """It is played out when each one is over, not when it was handed out."""
    found = playlist(folder)
    found.once = True
    names = [name(found) for _ in range(4)]

    assert ["1.yaml[0]", "1.yaml[1]", "2.yaml[0]", None] == names
    found.over = 2
    assert not found.played_out
    found.over = 3
    assert found.played_out
    found.once = False
    assert not found.played_out


def test_pauses_can_be_left_out(folder):
    """Nothing is late then, the ending neither; the bytes stay."""
    recorded, bare = playlist(folder), playlist(folder, timing=Timing.NONE)
    slow, fast = recorded.choose(None), bare.choose(None)

    assert 20 * MS == slow.writes[0].at_ns
    assert {0} == {write.at_ns for write in fast.writes} | {fast.end_at_ns}
    assert slow.body == fast.body


def test_an_answer_that_a_fault_does_not_fit_is_left_out(folder, capsys):
    """It is named with the fault; the others are played."""
    (folder / "2.yaml").write_text(cassette("c\n\ndata: d"))
    found = playlist(folder, "event_drop: {index: 1}")

    assert "2.yaml[0]" == name(found) == name(found)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("left out ")
    assert "1.yaml[0]: event_drop" in first
    assert "1.yaml[1]: event_drop" in second


def test_nothing_left_to_play_is_an_error(folder):
    """Nobody could be answered."""
    with pytest.raises(InputError, match="--fault: nothing is left to play"):
        playlist(folder, "event_drop: {index: 5}")


def test_a_cassette_more_changes_no_chance(folder):
    """What a fault leaves to chance depends on the cassette and the seed alone."""
    fault = "segment: {size: random}"
    both = [draft.writes for _, draft in playlist(folder, fault).answers]
    (folder / "1.yaml").unlink()
    [alone] = [draft.writes for _, draft in playlist(folder, fault).answers]
    assert alone == both[-1]


def test_a_line_reports_what_was_played(folder):
    """Request, cassette, and how the stream ended."""
    found = playlist(folder)
    draft = found.choose(None)
    player = SimpleNamespace(
        draft=draft,
        finished=True,
        closed_at_ns=None,
        sent=[(30 * MS, 5), (71 * MS, 9)],
    )
    request = SimpleNamespace(method="POST", path="/v1\x1b", read_at_ns=21 * MS)
    served = SimpleNamespace(player=player, request=request)

    def line():
        said, _, rest = _line(served, found).partition(" <- ")
        return said, rest.rpartition("/")[2]

    assert ("POST /v1\\x1b", "1.yaml[0]: 200, 2 writes, 50 ms, complete") == line()
    player.sent = []
    player.finished = False
    assert line()[1].endswith(": 200, 0 writes, 0 ms, stopped")
    player.closed_at_ns = 1
    assert line()[1].endswith("ms, the client closed")
    player.finished = True
    assert line()[1].endswith("ms, complete, until the client closed")
    assert 4 == found.over


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.yaml"], "nothing.yaml: no such file"),
        (["{folder}", "--listen", "8081"], "--listen: expected HOST:PORT"),
        (["{folder}", "--speed", "0"], "--speed"),
        (["{folder}", "--timing", "fast"], "--timing"),
        (["{folder}", "--fault", "repeat_frst"], "did you mean 'repeat_first'"),
        (["{folder}/2.yaml", "--fault", "repeat_first"], "nothing is left to play"),
        ([], "CASSETTES"),
        (["{folder}/empty"], "in this folder"),
    ],
)
def test_mistakes_are_usage_errors(folder, monkeypatch, capsys, arguments, message):
    """Exit code 2 and a message without a traceback."""
    (folder / "empty").mkdir()
    words = [argument.format(folder=folder) for argument in arguments]
    monkeypatch.setattr(sys, "argv", ["harness", "replay", *words])
    with pytest.raises(SystemExit) as ended:
        main()

    assert 2 == ended.value.code
    assert message in capsys.readouterr().err
