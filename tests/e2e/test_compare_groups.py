"""Many streams, sequences, outages and slow readers through real processes."""

from __future__ import annotations

import json

import pytest

from tests.e2e.test_compare import ROOT, Desk, planted, proxy

pytestmark = pytest.mark.e2e

MANY = """\
scenario: groups/many
why: Streams side by side stay apart.
cassette: count.yaml
streams: {count: 16, canary: true, abort_ratio: 0.25}
"""
ONE_LINE = """\
scenario: groups/one-line
why: A healthy request after a broken one, on one connection where it is allowed.
sequence:
- {cassette: count.yaml}
- {cassette: story.yaml}
- {cassette: count.yaml, faults: [{close_at: {at: {frac: 0.5}, how: rst}}]}
- {cassette: story.yaml}
"""
OUTAGE = """\
scenario: groups/outage
why: The circuit opens, and closes again.
cassette: story.yaml
streams: {count: 40, start: {every_ms: 50}}
settings: {STREAMING_MAX_ERRORS: "3", STREAMING_TIMEOUT_SECONDS: "30"}
outage:
- {from_ms: 0, answer: refuse}
- {from_ms: 500, answer: reset}
- {from_ms: 1000, answer: ok}
expect: {max_probes: 1}
"""
SLOW = """\
scenario: groups/slow
why: A client that stops reading gets everything in the end.
cassette: story.yaml
faults: [{giant_event: {size: 3000000, at: {event: 2}}}]
client: {read: {pause: {after_bytes: 20000, for_ms: 300}}, receive_buffer: 8192}
"""


@pytest.fixture
def desk(tmp_path):
    """A user's folder with scenarios about more than one stream."""
    desk = Desk(tmp_path)
    # Both are v2: what v1 makes of its own streams is not the question here.
    desk.configure(v1=proxy("v2"))
    folder = tmp_path / "scenarios" / "groups"
    folder.mkdir(parents=True)
    for number, text in enumerate((MANY, ONE_LINE, OUTAGE, SLOW)):
        (folder / f"{number}.yaml").write_text(text)
    return desk


def compare(desk, *names):
    """Compare over the scenarios of this folder."""
    return desk.run(
        "compare", *names, "--suite", "full", "--cassettes", "tapes", "--seed", "3"
    )


def test_right_proxy_is_right_in_all_of_them(desk):
    """Live and virtual; the connection is kept where the target allows it."""
    done = compare(desk)
    assert 0 == done.returncode, done.stdout + done.stderr
    report = desk.report()
    found = {(one["id"], one["mode"]): one for one in report["scenarios"]}

    assert 8 == len(found)
    for one in found.values():
        assert one["verdict"] in {"IDENTICAL", "EQUIVALENT", "EXPECTED_DIVERGENCE"}, one
    [line] = found["groups/one-line", "live"]["candidate"]["answers"]
    kept = {
        name: group["kept_connection"]
        for group in line["streams"]
        for name in group["streams"]
    }
    # The second goes on with the first one's; what was cut cannot be gone on with.
    assert [False, True, True, False] == [
        kept[f"exchange {number}"] for number in (1, 2, 3, 4)
    ]
    assert any(
        "16 clients together" in note for note in found["groups/many", "live"]["notes"]
    )


def test_text_of_another_stream_is_found_live(desk):
    """A planted proxy whose streams leak into each other ends in NO-GO."""
    desk.configure(v1=proxy("v2"), v2=planted("cross_talk"))
    done = compare(desk, "groups/many")

    assert 1 == done.returncode, done.stdout + done.stderr
    assert "cross_talk" in done.stdout
    modes = {
        one["mode"]
        for one in desk.report()["scenarios"]
        for answer in one["candidate"]["answers"]
        for wrong in answer["violations"]
        if wrong["kind"] == "cross_talk"
    }
    assert {"live", "virtual"} == modes


PIPE = """
    command: [python, {program}, {kind}, "{{upstream_host}}", "{{upstream_port}}"]
    ready: {{stdout: 'listening on (?P<url>http://\\S+)'}}
    contract: transparent
"""


def pipe(kind):
    """A target that carries bytes."""
    return PIPE.format(program=ROOT / "tests/planted/pipe_proxy.py", kind=kind)


def test_proxy_that_takes_all_there_is_is_found(desk):
    """24 MB for a client that reads nothing for a second: who takes them is named."""
    text = "x" * 500_000
    events = [{"choices": [{"index": 0, "delta": {"content": text}}]}] * 48
    whole = {
        "scenario": "groups/greedy",
        "why": "A client that does not read must hold up the upstream.",
        "stream": [{"json": event} for event in events] + ["[DONE]"],
        "itl_ms": 1,
        "client": {
            "read": {"pause": {"after_bytes": 20_000, "for_ms": 1000}},
            "receive_buffer": 8192,
        },
    }
    file = desk.folder / "scenarios" / "groups" / "greedy.yaml"
    file.write_text(json.dumps(whole))
    desk.configure(v1=pipe("careful"), v2=pipe("greedy"))
    done = desk.run("compare", "groups/greedy", "--live", "--cassettes", "tapes")

    [one] = desk.report()["scenarios"]
    assert 1 == done.returncode, done.stdout + done.stderr
    assert one["baseline"]["answers"][0]["correct"], one["baseline"]
    assert ["unbounded_buffer"] == [
        wrong["kind"] for wrong in one["candidate"]["answers"][0]["violations"]
    ]
