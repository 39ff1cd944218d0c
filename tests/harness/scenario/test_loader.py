from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.cassette.files import write_cassette
from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Interaction,
    Recorded,
    Response,
    Segment,
)
from harness.errors import InputError
from harness.scenario.loader import read_scenario, read_suite
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST

HEAD = "scenario: {}\nwhy: Because.\n"


@pytest.fixture
def cassettes(tmp_path):
    """A folder with one recording."""
    response = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(("content-type", "text/event-stream"),),
        segments=(Segment(at_ns=1_000_000, data=b"data: [DONE]\n\n"),),
        ending=Ending(at_ns=2_000_000, kind=EndingKind.COMPLETE),
    )
    cassette = Cassette(
        recorded=Recorded(at=None, by="test", upstream=None),
        tags=(),
        interactions=(Interaction(request=DEFAULT_REQUEST, response=response),),
    )
    write_cassette(tmp_path / "cassettes" / "server" / "hello.yaml", cassette)
    return tmp_path / "cassettes"


@pytest.fixture
def write(tmp_path):
    """Write a scenario below the suite's folder; return its path."""

    def run(name, text):
        path = tmp_path / "scenarios" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return run


def test_read_scenario_reads_its_cassette(cassettes, write):
    """Relative to the folder of cassettes."""
    text = HEAD.format("clean/one") + "cassette: server/hello.yaml\n"
    path = write("clean/one.yaml", text)
    scenario = read_scenario(path, cassettes=cassettes)
    [answer] = scenario.exchange.answers
    assert answer.response.body == b"data: [DONE]\n\n"
    assert (answer.recorded, scenario.source) == (True, str(path))


def test_read_scenario_needs_no_cassette_for_a_stream(tmp_path, write):
    """Nor the folder."""
    path = write("clean/one.yaml", HEAD.format("clean/one") + "stream: ['[DONE]']\n")
    scenario = read_scenario(path, cassettes=tmp_path / "nowhere")
    [answer] = scenario.exchange.answers
    assert (answer.recorded, scenario.exchange.request) == (False, DEFAULT_REQUEST)


def test_a_missing_cassette_is_told_with_the_nearest(cassettes, write):
    """And with the line that names it."""
    text = HEAD.format("clean/one") + "cassette: server/helo.yaml\n"
    path = write("clean/one.yaml", text)
    message = (
        r"one\.yaml:3: cassette: no cassette 'server/helo.yaml'.*'server/hello.yaml'"
    )
    with pytest.raises(InputError, match=message):
        read_scenario(path, cassettes=cassettes)
    with pytest.raises(InputError, match="no cassette"):
        read_scenario(path, cassettes=cassettes / "nowhere")


def test_a_broken_cassette_is_told_as_itself(cassettes, write):
    """Its own file is to be mended."""
    (cassettes / "bad.yaml").write_text("format: 2\n", encoding="utf-8")
    path = write("a.yaml", HEAD.format("clean/one") + "cassette: bad.yaml\n")
    with pytest.raises(InputError, match=r"bad\.yaml:1"):
        read_scenario(path, cassettes=cassettes)


def test_read_suite_reads_folders_and_files_sorted_by_id(cassettes, write):
    """To the bottom; hidden files are passed over; a file named twice counts once."""
    text = HEAD + "cassette: server/hello.yaml\n"
    folder = write("z.yaml", text.format("clean/b")).parent
    last = write("sub/a.yml", text.format("clean/a"))
    write(".hidden.yaml", "not a scenario")
    suite = read_suite([folder, last], cassettes=cassettes)
    assert [scenario.id for scenario in suite] == ["clean/a", "clean/b"]
    [first], [second] = (scenario.exchange.answers for scenario in suite)
    assert first.response is second.response


def test_read_suite_refuses_an_id_that_is_taken(cassettes, write):
    """It names both files."""
    text = HEAD.format("clean/a") + "stream: [x]\n"
    folder = write("a.yaml", text).parent
    write("b.yaml", text)
    with pytest.raises(
        InputError, match=r"b\.yaml: scenario: the id 'clean/a' is taken by .*a\.yaml"
    ):
        read_suite([folder], cassettes=cassettes)


def test_read_suite_refuses_what_is_not_there(tmp_path):
    """An empty suite proves nothing."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no scenario in this folder"):
        read_suite([tmp_path / "empty"], cassettes=tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_suite([tmp_path / "nowhere.yaml"], cassettes=tmp_path)


def test_a_waiver_holds_to_its_last_day(tmp_path, write):
    """And not a day longer."""
    today = datetime.now(UTC).date()
    text = (
        HEAD.format("clean/a") + "stream: [x]\nallow:\n- "
        "{{level: events, reason: r, owner: o, expires: {}}}\n"
    )
    path = write("a.yaml", text.format(today + timedelta(days=1)))
    assert read_scenario(path, cassettes=tmp_path).allow[0].owner == "o"
    path = write("a.yaml", text.format(today - timedelta(days=1)))
    with pytest.raises(InputError, match="the waiver expired"):
        read_scenario(path, cassettes=tmp_path)


def test_all_mistakes_of_a_suite_are_raised_together(tmp_path):
    """File by file, and line by line in each."""
    for name in ("a", "b"):
        text = f"scenario: x/{name}\nwhy: x\ncassette: no.yaml\nmodes: [life]\n"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_suite([tmp_path], cassettes=tmp_path)
    assert [("a.yaml", 3), ("a.yaml", 4), ("b.yaml", 3), ("b.yaml", 4)] == [
        (Path(error.source).name, error.line) for error in caught.value.all
    ]
