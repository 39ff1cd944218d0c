from __future__ import annotations

import pytest

from harness.dialects.openai_chat import tool_edits as edits


def chunk(*calls, **more):
    """Return a chunk whose only choice has these fragments."""
    return {"choices": [{"index": 0, "delta": {"tool_calls": list(calls)}, **more}]}


def fragment(arguments="{", **more):
    """Return a fragment."""
    return {"function": {"arguments": arguments}, **more}


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        (chunk(fragment(), None, fragment(index=7)), [(0, 0), (0, 7)]),
        (chunk(fragment(index=None)), [(0, None)]),
        ({"choices": [{"delta": {"function_call": {}}}]}, []),
        ({"choices": [{"delta": {"tool_calls": {}}}]}, []),
        (None, []),
    ],
)
def test_fragments_are_known_by_choice_and_index(value, keys):
    """An index is as it was sent; a position stands for one that is absent."""
    assert keys == [key for key, _ in edits.calls_in(value)]


@pytest.mark.parametrize(
    ("call", "expected"), [(fragment("a"), "a"), ({"function": None}, ""), ({}, "")]
)
def test_arguments_are_text_or_nothing(call, expected):
    """What has no function has no arguments, and gets none."""
    assert expected == edits.arguments_of(call)
    edits.put_arguments(call, "b")
    assert ("b" if expected else "") == edits.arguments_of(call)


def test_a_whole_call_is_a_copy():
    """The fragment that it is modelled on stays."""
    first = {"id": "a", "index": 0}

    assert {**first, **fragment("{}")} == edits.whole_call(first, "{}")
    assert {"id": "a", "index": 0} == first


def test_calls_are_put_into_their_choices():
    """Other choices keep theirs."""
    value = chunk(fragment())
    edits.put_calls(value, {0: [{"id": "b"}], 1: []})

    assert chunk({"id": "b"}) == value


def test_one_call_is_all_that_is_left():
    """Usage would count twice."""
    value = {**chunk(fragment()), "id": "c", "usage": {}}
    edits.put_only_call(value, 3, id_="a", name="f", arguments="{}")

    assert {
        "id": "c",
        "choices": [
            {
                "index": 0,
                "delta": {
                    "tool_calls": [
                        {
                            "index": 3,
                            "id": "a",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ]
                },
                "finish_reason": None,
            }
        ],
    } == value


def test_fragments_are_taken_out():
    """The rest of the delta stays."""
    value = {"choices": [{"delta": {"content": "a", "tool_calls": []}}]}
    edits.without_calls(value)

    assert {"choices": [{"delta": {"content": "a"}}]} == value


def test_one_fragment_is_kept_with_other_arguments():
    """Nothing that comes once is sent with it."""
    value = chunk(
        fragment(index=0, id="a"), fragment(index=1, id="b"), finish_reason="stop"
    )
    value["usage"] = {}
    edits.keep_call(value, (0, 1), "}")

    assert chunk({"index": 1, **fragment("}")}, finish_reason=None) == value


def test_every_call_has_one_number():
    """So they cannot be told apart."""
    value = chunk(fragment(index=1), fragment())
    edits.number_all(value, 0)

    assert [(0, 0), (0, 0)] == [key for key, _ in edits.calls_in(value)]


def test_a_head_is_repeated():
    """What a fragment names itself is what later ones repeat."""
    head = {}
    first = {"id": "a", "type": "function", "function": {"name": "f"}}
    second = fragment(id=None)
    edits.repeat_head(first, head)
    edits.repeat_head(second, head)

    assert {**first, "function": {"name": "f", "arguments": "{"}} == second


@pytest.mark.parametrize(
    ("call", "expected"),
    [({"id": "a"}, {"id": "a"}), ({}, {"id": None, "type": None})],
)
def test_an_id_that_is_absent_is_null(call, expected):
    """One that is there stays."""
    edits.null_id(call)

    assert expected == call
    assert edits.has_id(call) is bool(expected["id"])


def test_every_id_is_null():
    """Also one that is there."""
    value = chunk(fragment(id="a"), fragment())
    edits.drop_ids(value)

    assert [None, None] == [call["id"] for _, call in edits.calls_in(value)]


@pytest.mark.parametrize(
    ("call", "expected"),
    [({"function": {"name": "f"}}, "f"), ({}, None), (fragment(), None)],
)
def test_a_name_that_is_absent_is_null(call, expected):
    """One that is there stays."""
    edits.null_name(call)

    assert expected == call["function"]["name"]


def test_empty_content_is_put_beside_what_is_there():
    """Content that is there stays."""
    value = {"choices": [{"delta": {"content": "a"}}, {"delta": {"role": "b"}}]}
    edits.add_empty_content(value)

    assert ["a", ""] == [choice["delta"]["content"] for choice in value["choices"]]
