from __future__ import annotations

import json
from copy import deepcopy
from datetime import date
from functools import reduce
from operator import getitem
from random import Random

import pytest

from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Interaction,
    Recorded,
    Request,
    Response,
    Segment,
)
from harness.documents.yaml_document import load
from harness.errors import InputError
from harness.scenario.model import (
    Abort,
    AbortHow,
    Bounds,
    ClientPlan,
    Expect,
    ExpectedEnding,
    Mode,
    Reading,
    ReadPlan,
    Streams,
    Waiver,
)
from harness.scenario.parse.scenario import parse_scenario

TODAY = date(2027, 1, 1)
HEAD = "scenario: clean/one\nwhy: Because.\n"
WAIVER = "cassette: a\nallow:\n- reason: r\n  owner: o\n"
GOOD = """\
scenario: stuttering/first-twice
why: |
  DashScope does it.
tags: [stuttering, pr]
cassette: a.yaml
interaction: 1
request:
  path: /v1/other
  body: {model: "é", stream: true}
faults:
- repeat_first: {times: 3}
- sse_bom:
client:
  abort: {after_events: 3, how: fin}
  deadline_ms: 5000
expect:
  text: original
  usage: as_sent
  finish_reason: stop
  ending: complete
  upstream_requests: 1
  log: "chunks: \\\\d+"
allow:
- {level: events, reason: r, owner: o, expires: 2027-01-01}
modes: [virtual]
"""


def _interaction(name: str) -> Interaction:
    return Interaction(
        request=Request(
            method="POST",
            path="/v1/chat/completions",
            headers=(("Content-Length", "2"), ("x-a", "b")),
            body=name.encode(),
        ),
        response=Response(
            status=200,
            http_version="HTTP/1.1",
            headers=(("content-type", "text/event-stream"),),
            segments=(Segment(at_ns=1, data=f"data: {name}\n\n".encode()),),
            ending=Ending(at_ns=2, kind=EndingKind.COMPLETE),
        ),
    )


CASSETTE = Cassette(
    recorded=Recorded(at=None, by="test", upstream=None),
    tags=(),
    interactions=(_interaction("first"), _interaction("second")),
)


def _parse(text: str):
    root = load(text, source="s.yaml")
    return parse_scenario(root, find_cassette=lambda _name: CASSETTE, today=TODAY)


def test_a_scenario_says_everything_that_its_model_holds():
    """Every key becomes a value."""
    scenario = _parse(GOOD)
    assert (scenario.id, scenario.family) == ("stuttering/first-twice", "stuttering")
    assert (scenario.why, scenario.tags) == ("DashScope does it.", ("stuttering", "pr"))
    [answer] = scenario.exchange.answers
    assert answer.response is CASSETTE.interactions[1].response
    assert (answer.recorded, scenario.source) == (True, "s.yaml")
    assert [(call.name, call.parameters) for call in answer.faults] == [
        ("repeat_first", {"times": 3}),
        ("sse_bom", {}),
    ]
    assert scenario.exchange.client == ClientPlan(
        abort=Abort(after_events=3, how=AbortHow.FIN), deadline_ms=5000
    )
    assert scenario.exchange.expect == Expect(
        text=Reading.ORIGINAL,
        usage=Reading.AS_SENT,
        finish_reason="stop",
        ending=ExpectedEnding.COMPLETE,
        upstream_requests=Bounds(at_least=1, at_most=1),
        log=r"chunks: \d+",
    )
    assert scenario.allow == (
        Waiver(level="events", reason="r", owner="o", expires=TODAY),
    )
    assert scenario.modes == (Mode.VIRTUAL,)


def test_a_request_replaces_parts_of_the_recorded_one():
    """The length of the old body goes with it."""
    request = _parse(GOOD).exchange.request
    assert (request.method, request.path) == ("POST", "/v1/other")
    assert request.headers == (("x-a", "b"),)
    assert request.body == '{"model":"é","stream":true}'.encode()


def test_what_is_left_out_has_a_default():
    """Both modes, no faults, nothing demanded."""
    scenario = _parse(f"{HEAD}cassette: a.yaml\n")
    assert scenario.exchange.request == CASSETTE.interactions[0].request
    assert scenario.modes == (Mode.LIVE, Mode.VIRTUAL)
    assert (scenario.all_faults, scenario.allow) == ((), ())
    exchange = scenario.exchange
    assert (exchange.client, exchange.expect) == (ClientPlan(), Expect())


def test_a_text_that_is_no_reading_is_the_text_itself():
    """The literal text of choice 0."""
    scenario = _parse(f"{HEAD}cassette: a.yaml\nexpect: {{text: 'Hi there'}}\n")
    assert scenario.exchange.expect.text == "Hi there"
    assert not isinstance(scenario.exchange.expect.text, Reading)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scenario: x\nwhy: y\n", "s.yaml:1: scenario: expected an id such as"),
        ("scenario: A/b\nwhy: y\n", "s.yaml:1: scenario: expected an id such as"),
        ("scenario: a/b\n", "s.yaml:1: the key 'why' is missing"),
        (HEAD, "s.yaml:1: expected one of cassette and stream, got none"),
        (
            f"{HEAD}cassette: a\nstream: [x]\n",
            "s.yaml:4: stream: expected one of cassette and stream, got both",
        ),
        (f"{HEAD}casette: a\n", "s.yaml:3: casette: unknown key.*'cassette'"),
        (
            f"{HEAD}cassette: a\nitl_ms: 4\n",
            "s.yaml:4: itl_ms: belongs to a stream written by hand",
        ),
        (
            f"{HEAD}stream: [x]\ninteraction: 0\n",
            "s.yaml:4: interaction: belongs to a cassette",
        ),
        (
            f"{HEAD}cassette: a\ninteraction: 2\n",
            r"s.yaml:4: interaction: the cassette has 2 interaction\(s\)",
        ),
        (
            f"{HEAD}cassette: a\nfaults:\n- repeat_frist: {{}}\n",
            r"s.yaml:5: faults\[0\].repeat_frist: unknown fault.*'repeat_first'",
        ),
        (
            f"{HEAD}cassette: a\nfaults:\n- sse_bom:\n- stall:\n    at: {{evnt: 3}}\n",
            r"s.yaml:7: faults\[1\].stall.at.evnt: unknown key.*'event'",
        ),
        (
            f"{HEAD}cassette: a\nfaults:\n- repeat_first: {{tims: 3}}\n",
            r"s.yaml:5: faults\[0\].repeat_first.tims: unknown par.*'times'",
        ),
        (
            f"{HEAD}cassette: a\nfaults:\n- repeat_first: {{times: two}}\n",
            r"faults\[0\].repeat_first.times: expected a whole number.*got 'two'",
        ),
        (
            f"{HEAD}cassette: a\nfaults:\n- close_at: {{how: fin}}\n",
            r"s.yaml:5: faults\[0\].close_at: the parameter 'at' is missing",
        ),
        (
            f"{HEAD}cassette: a\nfaults:\n- repeat_first: 3\n",
            r"s.yaml:5: faults\[0\].repeat_first: expected a mapping or null",
        ),
        (
            f"{HEAD}cassette: a\nfaults:\n- {{sse_bom: {{}}, stall: {{}}}}\n",
            r"s.yaml:5: faults\[0\]: expected at most 1 key.*the keys sse_bom, stall",
        ),
        (
            f"{HEAD}cassette: a\nfaults:\n- sse_bom\n",
            r"faults\[0\]: expected a mapping such as {.repeat_first.*got 'sse_bom'",
        ),
        (
            f"{HEAD}cassette: a\nclient: {{abort: {{how: rst}}}}\n",
            "s.yaml:4: client.abort: expected one of after_events, after_ms.*got none",
        ),
        (
            f"{HEAD}cassette: a\nclient: {{abort: {{after_event: 1}}}}\n",
            "s.yaml:4: client.abort.after_event: unknown key.*'after_events'",
        ),
        (
            f"{HEAD}cassette: a\nexpect: {{ending: complet}}\n",
            "s.yaml:4: expect.ending: .*'complete'",
        ),
        (
            f"{HEAD}cassette: a\nexpect: {{log: '('}}\n",
            "s.yaml:4: expect.log: not a regular expression",
        ),
        (
            f"{HEAD}{WAIVER}  level: event\n  expires: 2027-01-01\n",
            r"s.yaml:7: allow\[0\].level: .*'events'",
        ),
        (
            f"{HEAD}{WAIVER}  level: events\n  expires: 2026-12-31\n",
            r"s.yaml:8: allow\[0\].expires: the waiver expired on 2026-12-31",
        ),
        (
            f"{HEAD}{WAIVER}  level: events\n  expires: 2027-02-30\n",
            r"s.yaml:8: allow\[0\].expires: not a day",
        ),
        (
            f"{HEAD}cassette: a\nmodes: [life]\n",
            r"s.yaml:4: modes\[0\]: expected one of live, virtual.*'live'",
        ),
        (
            f"{HEAD}cassette: a\nrequest: {{body: 3}}\n",
            "s.yaml:4: request.body: expected a mapping or text, got 3",
        ),
    ],
)
def test_a_wrong_scenario_is_refused(text, message):
    """With file, line, key, what was expected, and the nearest valid name."""
    with pytest.raises(InputError, match=message):
        _parse(text)


ATTEMPTS = """\
cassette: a
attempts:
- faults: [{close_before_head: {how: rst}}]
- {cassette: b, interaction: 1}
- stream: ["[DONE]"]
"""


def test_every_attempt_has_an_answer_of_its_own():
    """What an entry leaves out is the scenario's."""
    scenario = _parse(f"{HEAD}{ATTEMPTS}")
    answers = scenario.exchange.answers
    first, second, third = answers

    assert first.response is CASSETTE.interactions[0].response
    assert second.response is CASSETTE.interactions[1].response
    assert (True, True, False) == tuple(answer.recorded for answer in answers)
    assert ["close_before_head"] == [call.name for call in scenario.all_faults]
    assert b"data: [DONE]\n\n" == third.response.body


def test_client_reads_and_leaves_as_it_says():
    """Every key of the client becomes a value."""

    def client(text):
        return _parse(f"{HEAD}cassette: a\nclient: {text}\n").exchange.client

    assert ReadPlan(bytes_per_s=500) == client("{read: {bytes_per_s: 500}}").read
    never = client(
        "{read: {pause: {after_bytes: 9, for_ms: null}}, deadline_ms: 5, "
        "receive_buffer: 4096}"
    )
    assert never.read is not None
    assert never.read.stops
    assert 4096 == never.receive_buffer
    assert Abort(before_head=True) == client("{abort: {before: head}}").abort
    assert Abort(after_bytes=7) == client("{abort: {after_bytes: 7}}").abort


def test_half_closed_socket_is_live_alone():
    """Virtual time has no socket."""
    text = f"{HEAD}cassette: a\nclient: {{abort: {{after_ms: 1, how: half_close}}}}\n"
    assert (Mode.LIVE,) == _parse(text).modes
    with pytest.raises(InputError, match=r"half-closed socket: expected \[live\]"):
        _parse(f"{text}modes: [virtual]\n")


@pytest.mark.parametrize(
    "faults",
    [
        "faults: [{content_encoding: {}}]\n",
        "attempts:\n- {}\n- faults: [{framing: {mode: dup_te}}]\n",
    ],
)
def test_what_virtual_time_cannot_show_is_live_alone(faults):
    """Asking for more is an error, in whichever attempt it is."""
    text = f"{HEAD}cassette: a\n{faults}"
    assert (Mode.LIVE,) == _parse(text).modes
    assert (Mode.LIVE,) == _parse(f"{text}modes: [live]\n").modes
    with pytest.raises(InputError, match=r"cannot show .*: expected \[live\]"):
        _parse(f"{text}modes: [live, virtual]\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("attempts: [{}]", "expected one of cassette and stream, got none"),
        (
            "cassette: a\nattempts: [{}]\nfaults: []",
            "faults: where there are attempts, each has faults of its own",
        ),
        (
            "cassette: a\nattempts: [{fault: []}]",
            r"attempts\[0\].fault: unknown key.*'faults'",
        ),
        (
            "cassette: a\nattempts: [{faults: [{repeat_frist: {}}]}]",
            r"attempts\[0\].faults\[0\].repeat_frist: unknown fault.*'repeat_first'",
        ),
        (
            "cassette: a\nattempts: [{interaction: 7}]",
            r"attempts\[0\].interaction: the cassette has 2",
        ),
        (
            "cassette: a\nclient: {abort: {after_ms: 1, before: head}}",
            "client.abort: expected one of .* got after_ms and before",
        ),
        (
            "cassette: a\nclient: {read: {}}",
            "client.read: expected one of bytes_per_s and pause, got none",
        ),
        (
            "cassette: a\nclient: {read: {pause: {after_bytes: 1, for_ms: null}}}",
            "client.read.pause: .*leaves at client.deadline_ms",
        ),
        (
            "cassette: a\nexpect: {upstream_requests: {at_least: 3, at_most: 1}}",
            "expect.upstream_requests: at_most is below at_least",
        ),
    ],
)
def test_a_wrong_part_is_refused(text, message):
    """With line, key and what was expected."""
    with pytest.raises(InputError, match=message):
        _parse(f"{HEAD}{text}\n")


GROUP = """\
cassette: a
streams: {count: 8, start: {every_ms: 20}, canary: true, abort_ratio: 0.25}
outage:
- {from_ms: 0, answer: 503, upstream_requests: {at_most: 9}}
- {from_ms: 100, answer: refuse}
- {from_ms: 200, answer: ok}
settings: {STREAMING_MAX_ERRORS: "3"}
expect: {status: [200, 503], max_probes: 1, recovers_within_ms: 50}
"""


def test_group_says_everything_that_its_model_holds():
    """Streams, outage, settings, and what is demanded of them."""
    scenario = _parse(f"{HEAD}{GROUP}")

    assert scenario.streams == Streams(
        count=8, every_ms=20, canary=True, abort_ratio=0.25
    )
    assert [503, "refuse", "ok"] == [phase.answer for phase in scenario.outage]
    assert Bounds(at_most=9) == scenario.outage[0].upstream_requests
    assert {"STREAMING_MAX_ERRORS": "3"} == scenario.settings
    assert (200, 503) == scenario.exchange.expect.status
    assert scenario.needs_fresh_target


def test_sequence_is_a_list_of_exchanges():
    """Each has an answer, a client and demands of its own."""
    scenario = _parse(
        f"{HEAD}sequence:\n- {{cassette: a}}\n"
        "- {cassette: b, interaction: 1, faults: [{close_at: {at: {frac: 0.5}}}], "
        "client: {abort: {after_events: 1}}, expect: {ending: error}}\n"
    )
    first, second = scenario.sequence

    assert first.answers[0].response is CASSETTE.interactions[0].response
    assert second.answers[0].response is CASSETTE.interactions[1].response
    assert b"second" == second.request.body
    assert Abort(after_events=1) == second.client.abort
    assert ExpectedEnding.ERROR is second.expect.ending
    assert ["close_at"] == [call.name for call in scenario.all_faults]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cassette: a\nstreams: {}", "streams: .*count"),
        ("cassette: a\nstreams: {count: 1}", "streams.count: .*2"),
        (
            "cassette: a\nstreams: {count: 2, start: now}",
            "streams.start: expected together, or .*got now",
        ),
        (
            "cassette: a\nstreams: {count: 2, one_connection: true, start: together}",
            "streams.start: on one connection they follow one another",
        ),
        (
            (
                "cassette: a\nstreams: {count: 2, abort_ratio: 1}\n"
                "client: {abort: {after_ms: 1}}"
            ),
            "streams.abort_ratio: the client leaves anyway",
        ),
        (
            "sequence: [{cassette: a}, {cassette: a}]\nclient: {}",
            "client: where there is a sequence, each exchange has its own",
        ),
        ("sequence: [{cassette: a}, {}]", "expected one of cassette and stream"),
        (
            "cassette: a\noutage: [{from_ms: 0, answer: refused}]",
            r"outage\[0\].answer: expected ok, .*'refuse'",
        ),
        (
            "cassette: a\noutage: [{from_ms: 5, answer: ok}, {from_ms: 5, answer: ok}]",
            r"outage\[1\].from_ms: expected more than 5",
        ),
        (
            "cassette: a\nexpect: {max_probes: 1}",
            "expect.max_probes: belongs to an outage",
        ),
        ("cassette: a\nsettings: {A: 3}", "settings.A: expected text, got 3"),
    ],
)
def test_a_wrong_group_is_refused(text, message):
    """With line, key, what was expected, and the nearest valid name."""
    with pytest.raises(InputError, match=message):
        _parse(f"{HEAD}{text}\n")


WHOLE = f"""\
{GOOD}streams: {{count: 3, start: {{every_ms: 4}}}}
outage: [{{from_ms: 0, answer: 503, upstream_requests: {{at_most: 4}}}}]
attempts: [{{stream: [x, {{json: 1, at_ms: 50}}], itl_ms: 4}}, {{}}]
sequence: [{{cassette: a, client: {{read: {{bytes_per_s: 50}}}}, expect: {{log: x}}}}]
"""
JUNK = (None, 5, -1, "x", "", [], {}, [1], {"a": 1}, True, 1.5, [[]], [{}])


def places(value, path=()):
    """Yield the path of every value inside another."""
    steps = value if isinstance(value, dict) else range(len(value))
    for step in steps:
        yield (*path, step)
        if isinstance(value[step], dict | list):
            yield from places(value[step], (*path, step))


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_damaged_is_a_mistake(seed):
    """No reader stumbles over what the schema, or another reader, has refused."""
    rng = Random(seed)
    for _ in range(20):
        value = load(WHOLE, source="s.yaml").value
        for _ in range(rng.randint(1, 4)):
            *path, last = rng.choice(list(places(value)))
            inside = reduce(getitem, path, value)
            if rng.random() < 0.5:
                inside[last] = deepcopy(rng.choice(JUNK))
            elif isinstance(inside, dict):
                inside[last[:-1]] = inside.pop(last)
            else:
                del inside[last]
        with pytest.raises(InputError) as caught:
            _parse(json.dumps(value))
        lines = str(caught.value).splitlines()
        assert len(lines) == len(set(lines)) == len(caught.value.all)
