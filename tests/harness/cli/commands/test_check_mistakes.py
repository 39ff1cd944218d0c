"""All mistakes of a file are reported in one run of ``harness check``."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from harness.cassette.files import write_cassette
from harness.cassette.importers.sse import SseSource, import_sse
from harness.cli import cli
from harness.errors import InputError

CASSETTE = """\
format: 1
recorded: {at: "2026-11-23T05:40:00Z", by: test}
interactions:
- request: {method: POST, path: /v1, headers: [], body: {text: ""}}
  response:
    status: 200
    http_version: HTTP/1.1
    headers: []
    segments:
    - {at_ms: 1, text: a}
    - {at_ms: 2, text: b}
    ending: {at_ms: 3, kind: complete}
"""


@pytest.fixture
def lines(tmp_path):
    """Return a function that checks a text and returns the lines of its mistakes."""
    source = SseSource(name="a.sse", by="test")
    write_cassette(tmp_path / "a.yaml", import_sse(b"data: 1\n\n", source))

    def check(text: str) -> list[str]:
        path = tmp_path / "file.yaml"
        path.write_text(text, encoding="utf-8")
        arguments = ["check", str(path), "--cassettes", str(tmp_path)]
        result = CliRunner().invoke(cli, arguments)
        *found, total = result.output.splitlines()
        assert "1 checked, 1 wrong" == total
        assert 2 == result.exit_code
        return [line.removeprefix(f"error  {path}") for line in found]

    return check


def assert_lines(found: list[str], patterns: list[str]) -> None:
    """Check that there is one line for each pattern, in order."""
    assert len(patterns) == len(found), found
    for line, pattern in zip(found, patterns, strict=True):
        assert re.match(pattern, line), line


def test_two_mistakes_of_a_scenario(lines):
    """A mistyped key, which is not reported as missing as well, and a value."""
    found = lines("scenario: a/b\nwhy: x\ncasette: a.yaml\nmodes: [life]\n")
    assert_lines(
        found,
        [
            ":3: casette: unknown key.*did you mean 'cassette'",
            r":4: modes\[0\]: expected one of live, virtual.*did you mean 'live'",
        ],
    )


def test_every_wrong_fault_of_a_scenario(lines):
    """Its name, its parameters, and several of them in one fault."""
    found = lines(
        "scenario: a/b\nwhy: x\ncassette: a.yaml\nfaults:\n"
        "- repeat_frist: {times: 2}\n"
        "- stall: {at: {evnt: 3}, for_mss: 3}\n"
        "- close_at: {}\n"
        "- repeat_first: {times: two}\n"
    )
    assert_lines(
        found,
        [
            r":5: faults\[0\]\.repeat_frist: unknown fault.*'repeat_first'",
            r":6: faults\[1\]\.stall\.at\.evnt: unknown key.*'event'",
            r":6: faults\[1\]\.stall\.for_mss: unknown parameter.*'for_ms'",
            r":7: faults\[2\]\.close_at: the parameter 'at' is missing",
            r":8: faults\[3\]\.repeat_first\.times: expected a whole number",
        ],
    )


def test_mistakes_of_every_kind_in_one_scenario(lines):
    """Keys, values, faults, the cassette, waivers, bounds, and a key twice."""
    found = lines(
        "scenario: A/b\n"
        "cassette: b.yaml\n"
        "clinet: {}\n"
        "faults: [{sse_bomb: }]\n"
        "client: {deadline_ms: -1, abort: {after_ms: 1, after_events: 1}}\n"
        "expect: {log: '(', upstream_requests: {at_least: 2, at_most: 1}}\n"
        "allow:\n"
        "- {level: events, reason: r, owner: o, expires: 2020-01-01}\n"
        "- {level: event, reason: r, owner: o, expires: 2020-02-30}\n"
        "cassette: b.yaml\n"
    )
    assert_lines(
        found,
        [
            ":1: scenario: expected an id",
            ":1: the key 'why' is missing",
            ":3: clinet: unknown key",
            r":4: faults\[0\]\.sse_bomb: unknown fault",
            ":5: client.deadline_ms: expected more than 0",
            ":5: client.abort: expected one of .* got after_events and after_ms",
            ":6: expect.log: not a regular expression",
            ":6: expect.upstream_requests: at_most is below at_least",
            r":8: allow\[0\]\.expires: the waiver expired",
            r":9: allow\[1\]\.level: .*'events'",
            r":9: allow\[1\]\.expires: not a day",
            ":10: cassette: the key is there twice",
            ":10: cassette: no cassette 'b.yaml' in .*",
        ],
    )


def test_all_events_of_a_stream_are_checked(lines):
    """Also beside an event that the schema refuses."""
    found = lines(
        "scenario: a/b\nwhy: x\nstream:\n- {}\n- {dta: x}\n- x\n"
        "- {data: y, at_ms: 3}\n- {data: z, at_ms: 4}\n"
    )
    assert_lines(
        found,
        [
            r":4: stream\[0\]: expected one of data, json, comment, raw, got none",
            r":5: stream\[1\]\.dta: unknown key.*'data'",
            r":7: stream\[3\]\.at_ms: expected at least 40",
        ],
    )


def test_all_phases_streams_and_exchanges_are_checked(lines):
    """The parts of a scenario with several streams."""
    found = lines(
        "scenario: a/b\nwhy: x\n"
        "sequence:\n- {cassette: a.yaml, interaction: 4}\n- {cassette: c.yaml}\n"
        "- {stream: [x], expect: {log: '('}}\n- 5\n"
        "outage:\n- {from_ms: 5, answer: refused}\n- {from_ms: 5, answer: 503}\n"
        "streams: {count: 1, start: now}\n"
    )
    assert_lines(
        found,
        [
            r":4: sequence\[0\]\.interaction: the cassette has 1 interaction",
            r":5: sequence\[1\]\.cassette: no cassette",
            r":6: sequence\[2\]\.expect\.log: not a regular expression",
            r":7: sequence\[3\]: expected a mapping, got 5",
            ":8: outage: where there is a sequence",
            r":9: outage\[0\]\.answer: expected ok, refuse.*'refuse'",
            r":10: outage\[1\]\.from_ms: expected more than 5",
            ":11: streams.count: expected at least 2",
            ":11: streams: where there is a sequence",
        ],
    )


def test_mistakes_of_a_cassette(lines):
    """Keys, values, base64 and times; one time that falls is one mistake."""
    text = (
        CASSETTE.replace("by: test", "bye: test")
        .replace("status: 200", "status: 20")
        .replace("text: a", "base64: '/w'")
        .replace("- {at_ms: 2, text: b}", "- {at_ms: 0.5, text: b}")
        .replace("kind: complete", "kind: complet")
        .replace('body: {text: ""}', "body: {}")
    )
    assert_lines(
        lines(text),
        [
            ":2: recorded.bye: unknown key.*'by'",
            r":4: interactions\[0\]\.request\.body: expected either 'text' or",
            r":6: interactions\[0\]\.response\.status: expected at least 100",
            r":10: interactions\[0\]\.response\.segments\[0\]\.base64: expected base64",
            r":11: interactions\[0\]\.response\.segments\[1\]\.at_ms: .*after 1",
            r":12: interactions\[0\]\.response\.ending\.kind: .*'complete'",
        ],
    )


def test_a_cassette_of_another_format_is_one_mistake(lines):
    """Every other key may differ."""
    text = CASSETTE.replace("format: 1", "format: 2").replace("by: test", "bye: test")
    assert_lines(lines(text), [":1: format: this version reads cassettes of format 1"])


def test_mistakes_of_a_configuration(lines):
    """Keys, values, placeholders, templates, patterns, names and policies."""
    found = lines(
        "targets:\n"
        "  v1:\n"
        "    contract: repairng\n"
        "    comand: [python, '{upstrem}']\n"
        "    url: http://127.0.0.1:1\n"
        "  v2:\n"
        "    contract: transparent\n"
        "    command: [python, '{upstrem}']\n"
        "    files: {a: {template: nope.txt}}\n"
        "    proof: {log: '('}\n"
        "  v3: {contract: transparent}\n"
        "baseline: v4\n"
        "policy: {half_closed: abort, half_close: served}\n"
    )
    assert_lines(
        found,
        [
            ":1: the key 'candidate' is missing",
            r":3: targets\.v1\.contract: expected one of.*'repairing'",
            r":4: targets\.v1\.comand: unknown key.*'command'",
            r":6: targets\.v2: expected url, or ready\.stdout",
            r":8: targets\.v2\.command\[1\]: unknown placeholder.*'upstream'",
            r":9: targets\.v2\.files\.a\.template: .*no such file",
            r":10: targets\.v2\.proof\.log: not a regular expression",
            r":11: targets\.v3: expected command or url",
            ":12: baseline: there is no target 'v4'",
            ":13: policy.half_closed: there is no policy",
            ":13: policy.half_close: expected either, abort, serve",
        ],
    )


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (
            "scenaro: a/b\nwhy: x\ncassette: a.yaml\n",
            ":1: scenaro: unknown.*'scenario'",
        ),
        ("target: {}\nbaseline: a\ncandidate: a\n", ":1: target: unknown.*'targets'"),
        (CASSETTE.replace("format: 1", "formt: 1"), ":1: formt: unknown.*'format'"),
    ],
)
def test_a_file_is_known_by_a_mistyped_key(lines, text, pattern):
    """Its mistakes are those of the kind of file that was meant."""
    found = lines(text)
    assert re.match(pattern, found[0]), found


def test_compare_reports_all_mistakes_as_well(tmp_path):
    """It refuses to start with the same lines."""
    path = tmp_path / "harness.yaml"
    path.write_text("targets: {}\nbaseline: a\ncandidat: b\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["compare", "--config", str(path), "--virtual"])
    assert isinstance(result.exception, InputError)
    assert_lines(
        [line.removeprefix(str(path)) for line in str(result.exception).splitlines()],
        [
            ":1: targets: expected at least 1 key",
            ":2: baseline: there is no target 'a'",
            ":3: candidat: unknown key.*'candidate'",
        ],
    )
