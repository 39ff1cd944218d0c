"""The judge is tested by planted defects: each must be found, and named."""

from __future__ import annotations

import json

import pytest

from harness.judge.verdict import Decision, Verdict, decide, verdict_of
from harness.scenario.model import Abort, ClientPlan


def _call(index: int, name: str) -> str:
    """A whole tool call in one event."""
    function = {"name": name, "arguments": '{"x":1}'}
    call = {"index": index, "id": name, "type": "function", "function": function}
    return json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})


TOOLS = [
    '{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}',
    _call(0, "f"),
    _call(1, "g"),
    '{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}',
    "[DONE]",
]

WORDS = ("Once", " upon", " a", " time", " there", " was", " an", " end", ".")
CUT = ("close_at", {"at": {"frac": 0.6}, "how": "fin"})
ERROR = ("inject_error", {"at": {"event": 4}, "shape": "openai", "then": "end"})
COMMENTS = ("sse_comment", {"every": 2})
LEAVES = ClientPlan(abort=Abort(after_events=3))

PLANTED = [
    ("drop_last_delta", [], None, "text_lost"),
    ("swallow_error", [ERROR], None, "error_lost"),
    ("hold_to_end", [], None, "held"),
    ("clean_cut", [CUT], None, "silent_truncation"),
    ("clean_cut_silent", [CUT], None, "cut_not_told"),
    ("double_delta", [], None, "text_added"),
    ("lose_usage", [], None, "usage_changed"),
    ("strip_comments", [COMMENTS], None, "comment_lost"),
    ("keep_upstream", [], LEAVES, "upstream_not_closed"),
    ("crash_late", [], None, "crash"),
    ("after_done", [], None, "after_done"),
    ("two_requests", [], None, "upstream_requests"),
]


@pytest.mark.parametrize(("defect", "faults", "client", "kind"), PLANTED)
def test_planted_defect_turns_the_gate_red_and_is_named(
    bench, defect, faults, client, kind
):
    """A candidate with one defect is a regression, and the defect is named."""
    wanted = bench.scenario(bench.answer(*WORDS), *faults, client=client)
    right = bench.play("proxy.v2:make_relay", wanted)
    wrong = bench.play(f"tests.planted.relays:{defect}", wanted)

    result = verdict_of([right], [wrong])

    assert [] == bench.kinds(right)
    assert kind in bench.kinds(wrong)
    assert Verdict.REGRESSION is result.verdict
    assert Decision.NO_GO is decide([result])
    assert kind in result.reason


def test_swapped_tool_index_is_found(bench):
    """Two tool calls that were given one index are a regression."""
    wanted = bench.scenario(TOOLS)
    right = bench.play("proxy.v2:make_relay", wanted)
    wrong = bench.play("tests.planted.relays:swap_tool_index", wanted)

    assert [] == bench.kinds(right)
    assert "tool_calls_changed" in bench.kinds(wrong)


def test_unchanged_candidate_stays_green(bench):
    """A wrapper that changes nothing is identical to what it wraps."""
    wanted = bench.scenario(bench.answer(*WORDS))
    result = verdict_of(
        [bench.play("proxy.v2:make_relay", wanted)],
        [bench.play("tests.planted.relays:unchanged", wanted)],
    )

    assert Verdict.IDENTICAL is result.verdict
    assert Decision.GO is decide([result])
