from __future__ import annotations

import json

import pytest

from harness.dialects.openai_chat.grammar import RULES, check
from harness.dialects.openai_chat.payload import parse_payload

DONE = "[DONE]"


def chunk(delta=None, finish=None, index=0, **more):
    """Return the data of a right chunk with one choice, changed by ``more``."""
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    fields = {"id": "c1", "object": "chat.completion.chunk", "choices": [choice]}
    return json.dumps({**fields, **more})


def call(arguments="", **more):
    """Return a delta with one fragment of a tool call."""
    return {"tool_calls": [{"function": {"arguments": arguments}, **more}]}


TEXT = chunk({"content": "a"})
FINISH = chunk(finish="stop")
CALLS = chunk(finish="tool_calls")
NAMED = {"function": {"name": "f", "arguments": ""}}
CALL = chunk({"tool_calls": [{"index": 0, "id": "a", **NAMED}]})
ERROR = '{"error":{"message":"boom"}}'

RIGHT = {
    "text": [chunk({"role": "assistant", "content": ""}), TEXT, TEXT, FINISH, DONE],
    "finish-with-text": [chunk({"content": "a"}, finish="stop"), DONE],
    "usage-after-finish": [TEXT, FINISH, chunk(choices=[], usage={}), DONE],
    "azure-filter-first": [chunk(id="", object="", choices=[]), TEXT, FINISH, DONE],
    "object-absent": ['{"choices":[]}', TEXT, FINISH, DONE],
    "empty-text-after-finish": [TEXT, FINISH, chunk({"content": ""}), DONE],
    "two-choices": [
        *[TEXT, chunk({"content": "b"}, index=1), FINISH],
        *[chunk({"content": "b"}, index=1, finish="stop"), DONE],
    ],
    "tool-call": [CALL, chunk(call("{}", index=0)), CALLS, DONE],
    "tool-id-repeated": [CALL, chunk(call("{}", index=0, id="a")), CALLS, DONE],
    "function-call": [
        chunk({"function_call": {"name": "f"}}),
        chunk({"function_call": {"arguments": "{}"}}, finish="function_call"),
        DONE,
    ],
    "choice-that-never-began": [chunk({"content": None}), TEXT, FINISH, DONE],
}

WRONG = [
    ("done-missing", 2, [TEXT, FINISH]),
    ("done-missing", 0, []),
    ("done-twice", 3, [TEXT, FINISH, DONE, DONE]),
    ("after-done", 3, [TEXT, FINISH, DONE, TEXT]),
    ("after-done", 3, [TEXT, FINISH, DONE, ""]),
    ("after-done", 3, [TEXT, FINISH, DONE, ERROR]),
    ("empty-data", 1, [TEXT, "", FINISH, DONE]),
    ("empty-data", 1, [TEXT, " \n", FINISH, DONE]),
    ("malformed-json", 1, [TEXT, '{"choices":[', FINISH, DONE]),
    ("error-in-band", 1, [TEXT, ERROR]),
    ("error-in-band", 1, [TEXT, ERROR, DONE]),
    ("object-unexpected", 1, [TEXT, chunk(object="x", choices=[]), FINISH, DONE]),
    ("object-unexpected", 1, [TEXT, "[1]", FINISH, DONE]),
    ("choices-missing", 1, [TEXT, chunk(choices=None, usage={}), FINISH, DONE]),
    ("choices-missing", 1, [TEXT, '{"usage":null}', FINISH, DONE]),
    (
        "id-changes",
        1,
        [TEXT, chunk(id="c2", choices=[]), chunk(id="c3", finish="stop"), DONE],
    ),
    ("finish-missing", 2, [TEXT, DONE]),
    (
        "finish-missing",
        4,
        [TEXT, chunk({"role": "assistant"}, index=1), FINISH, DONE],
    ),
    ("finish-twice", 2, [TEXT, FINISH, FINISH, DONE]),
    ("text-after-finish", 2, [TEXT, FINISH, TEXT, DONE]),
    ("text-after-finish", 2, [CALL, CALLS, chunk(call("{}", index=0)), DONE]),
    ("tool-index-missing", 1, [CALL, chunk(call("{}")), CALLS, DONE]),
    (
        "tool-id-missing",
        0,
        [chunk({"tool_calls": [{"index": 0, **NAMED}]}), CALLS, DONE],
    ),
    ("tool-name-missing", 0, [chunk(call("{}", index=0, id="a")), CALLS, DONE]),
    ("tool-id-changes", 1, [CALL, chunk(call("{}", index=0, id="b")), CALLS, DONE]),
]


def violations(stream):
    """Return the rule and the index of each violation."""
    found = check([(data, parse_payload(data)) for data in stream])
    return [(violation.rule, violation.index) for violation in found]


class TestCheck:
    @pytest.mark.parametrize("stream", RIGHT.values(), ids=RIGHT)
    def test_right_stream_breaks_no_rule(self, stream):
        """What the provider describes passes."""
        assert violations(stream) == []

    @pytest.mark.parametrize(
        ("rule", "index", "stream"), WRONG, ids=[rule for rule, _, _ in WRONG]
    )
    def test_wrong_stream_breaks_one_rule_at_one_event(self, rule, index, stream):
        """A defect breaks its own rule, once, where it is, and no other."""
        assert [(rule, index)] == violations(stream)

    def test_every_rule_is_broken_by_an_example(self):
        """No rule goes without a stream that breaks it."""
        assert set(RULES) == {rule for rule, _, _ in WRONG}

    def test_violations_come_in_the_order_of_the_events(self):
        """Several defects are reported from the first event to the last."""
        found = violations([TEXT, FINISH, TEXT, "", chunk(finish="stop")])

        assert found == [
            ("text-after-finish", 2),
            ("empty-data", 3),
            ("finish-twice", 4),
            ("done-missing", 5),
        ]


class TestRules:
    @pytest.mark.parametrize("rule_id", RULES)
    def test_each_rule_says_what_is_right(self, rule_id):
        """A rule carries its own id and a sentence for the reader of a report."""
        assert rule_id == RULES[rule_id].id
        assert RULES[rule_id].prose.endswith(".")
