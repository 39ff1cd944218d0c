from __future__ import annotations

import os
from dataclasses import replace

import pytest
from click.testing import CliRunner

from harness.cassette.files import write_cassette
from harness.cassette.importers.sse import SseSource, import_sse
from harness.cassette.model import Cassette, Ending, EndingKind
from harness.cli import cli

STREAM = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
    b": ping\n\n"
    b'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":"lo"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)


def imported(body: bytes, **known) -> Cassette:
    """Return a cassette of a body."""
    return import_sse(body, SseSource(name="a.sse", by="test 1", **known))


@pytest.fixture
def show(tmp_path, monkeypatch):
    """Write a cassette and return what ``harness show`` prints of it."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(cassette: Cassette, *options: str, color: bool = False) -> str:
        path = tmp_path / "one.yaml"
        write_cassette(path, cassette)
        result = CliRunner().invoke(cli, ["show", str(path), *options], color=color)
        assert result.exit_code == 0, result.exception
        return result.output.replace(str(tmp_path), "tmp")

    return run


def test_shows_a_stream_as_a_timeline(show):
    """Head, one line for each segment, the ending, the sum and the message."""
    expected = """\
cassette   tmp/one.yaml
recorded   by test 1 from acme
tags       openai-chat
invented   times, borders

request    POST /v1/chat/completions, 115 bytes, model unknown, streamed
response   200 HTTP/1.1, chunked, text/event-stream

          ms        gap   bytes  segment
     100.000                 75  role assistant
     120.000     20.000       8  comment "ping"
     140.000     20.000      59  content "Hel"
     160.000     20.000      58  content "lo"
     180.000     20.000      67  finish stop
     200.000     20.000      14  [DONE]
     200.000      0.000          complete

body       281 bytes in 6 segments
timing     first byte at 100.000, longest gap 20.000 ms
stream     5 events, 1 comments

choice 0: assistant, stop
  content (5 characters)
    Hello

[DONE]
"""
    assert expected == show(imported(STREAM, upstream="acme"))


def test_segments_say_how_many_events_they_hold(show):
    """A segment with several events or a part of one says so."""
    output = show(imported(STREAM, lengths=(80, 75, 126)))
    assert "      80  2: role assistant; (5 bytes of the next)\n" in output
    assert '      75  3: comment "ping"; content "Hel"; (13 bytes of…\n' in output
    assert "invented   times\n" in output


def test_events_have_their_own_lines(show):
    """With --events each event has a line, at the time that made it whole."""
    output = show(imported(STREAM, lengths=(80, 75, 126)), "--events")
    rows = [line.split(maxsplit=3) for line in output.splitlines() if "content" in line]
    assert ["160.000", "0.000", "59", 'content "Hel"'] == rows[0]
    assert ["200.000", "40.000", "58", 'content "lo"'] == rows[1]


def test_raw_shows_every_byte(show):
    """With --raw the bytes stand escaped and whole, whatever the width."""
    output = show(imported(STREAM), "--raw")
    assert '  data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\\n\\n' in output
    assert "data: \\xff" in show(imported(b"data: \xff\n\n"), "--raw")
    both = show(imported(STREAM, lengths=(80, 75, 126)), "--raw", "--events")
    assert '  data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\\n\\n' in both


def test_lines_fit_the_terminal(show):
    """No line of the timeline is wider than the terminal."""
    long = b'data: {"choices":[{"delta":{"content":"' + b"x" * 500 + b'"}}]}\n\n'
    output = show(imported(long), "--events")
    assert max(map(len, output.splitlines())) == 80


def test_nothing_recorded_controls_the_terminal(show):
    """Escape sequences in any recorded place come out as text."""
    evil = "\x1b]0;pwn\x07\x9b31m\u202e"
    body = (
        f": {evil}\n\n"
        f"event: {evil}\ndata: [1]\n\n"
        f"data: {evil}\n\n"
        'data: {"error": {"message": "\\u001b[5m"}}\n\n'
        'data: {"choices":[{"delta":{"content":"\\u001b[31m",'
        '"role":"\\u001b[2J","tool_calls":[{"id":"\\u001b[3J",'
        '"function":{"name":"\\u001b[4J","arguments":"\\u001b[5J"}}]},'
        '"finish_reason":"\\u001b[6J"}],"usage":{"prompt_tokens":"\\u001b[7J"}}\n\n'
    ).encode()
    cassette = imported(
        body, upstream=evil, content_type="text/event-stream;\x1b\x9b31m"
    )
    cassette = replace(cassette, tags=(evil,))
    for options in [(), ("--events",), ("--raw",)]:
        output = show(cassette, *options, color=True)
        for style in ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[33m"]:
            # Ours, at the edges of a line.
            output = "\n".join(
                line.removeprefix(style).removesuffix(style)
                for line in output.split("\n")
            )
        assert output.replace("\n", "").isprintable()


def test_what_is_wrong_is_said(show):
    """Malformed data, deviations, broken grammar and a missing sentinel are named."""
    output = show(imported(b'data: {"cho\r\n\r\ndata: {"a'))
    assert 'malformed "{"cho"' in output
    assert "notable    crlf 2, unfinished_event 1" in output
    assert "grammar    malformed-json at event 0" in output
    assert "9 bytes begin an event that never e" in output
    assert "1 malformed\nno [DONE]\n" in output


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (EndingKind.TRUNCATED, "truncated: closed before the end of the body"),
        (EndingKind.RESET, "reset by the upstream"),
        (EndingKind.TIMEOUT, "timeout: the upstream fell silent"),
        (EndingKind.CLIENT_CLOSED, "the client left"),
        (EndingKind.RECORDER_STOPPED, "the recorder was stopped"),
    ],
)
def test_every_ending_has_its_words(show, kind, words):
    """An ending is told with its time, and the silence before it is no gap."""
    cassette = imported(STREAM)
    [one] = cassette.interactions
    response = replace(one.response, ending=Ending(at_ns=5_000_000_000, kind=kind))
    cassette = replace(cassette, interactions=(replace(one, response=response),))
    output = show(cassette)
    assert f"    5000.000   4800.000          {words}\n" in output
    assert "longest gap 20.000 ms" in output


def test_other_answers_are_shown_as_text(show):
    """A body that is no event stream is shown and not read as one."""
    cassette = imported(b'{"error": 1}', status=429, content_type="application/json")
    output = show(cassette)
    assert "response   429 HTTP/1.1, chunked, application/json\n" in output
    assert '  "{"error": 1}"\n' in output
    assert "not read as an event stream" in output


def test_every_interaction_is_shown(show):
    """A cassette with several interactions numbers them."""
    cassette = imported(STREAM)
    output = show(replace(cassette, interactions=cassette.interactions * 2))
    assert "interaction 1 of 2\n" in output
    assert "interaction 2 of 2\n" in output


def test_an_empty_body_is_shown(show):
    """A stream without a byte has an ending and nothing else."""
    cassette = imported(STREAM)
    [one] = cassette.interactions
    response = replace(one.response, segments=())
    cassette = replace(cassette, interactions=(replace(one, response=response),))
    assert "body       0 bytes in 0 segments" in show(cassette)


def test_colour_is_for_terminals_that_want_it(show, monkeypatch):
    """Colours appear on a terminal and not where NO_COLOR is set."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    broken = imported(b"data: {\n\n")
    assert "\x1b[" not in show(broken)
    assert "\x1b[31m" in show(broken, color=True)
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    assert "\x1b[" not in show(broken, color=True)


def test_a_file_that_is_no_cassette_is_refused(tmp_path):
    """An unreadable cassette is an error of exit code 2."""
    result = CliRunner().invoke(cli, ["show", str(tmp_path / "nope.yaml")])
    assert "no such file or folder" in str(result.exception)
    assert result.exception.exit_code == 2


def test_a_note_is_shown(show):
    """What the recorder has to say stands with the request, and not below the bytes."""
    cassette = imported(STREAM)
    [one] = cassette.interactions
    noted = replace(one, notes=("It was cut.",))
    lines = show(replace(cassette, interactions=(noted,))).splitlines()
    assert "note       It was cut." == lines[lines.index("") + 2]
