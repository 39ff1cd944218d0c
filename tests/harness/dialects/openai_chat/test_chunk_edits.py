from __future__ import annotations

import copy

import pytest

from harness.dialects.openai_chat import chunk_edits as edits


def chunk(delta=None, **more):
    """Return a chunk with one choice."""
    return {"choices": [{"index": 0, "delta": delta or {}, **more}]}


def test_choices_get_an_index():
    """All of them the same."""
    value = {"choices": [{"index": 0}, None, {}]}
    edits.set_choice(value, 2)

    assert {"choices": [{"index": 2}, None, {"index": 2}]} == value


def test_finish_reasons_are_replaced_where_there_are_some():
    """A choice that goes on goes on."""
    value = {"choices": [{"finish_reason": "stop"}, {"finish_reason": None}]}
    edits.replace_finish(value, "")

    assert ["", None] == [choice["finish_reason"] for choice in value["choices"]]


def test_choices_are_finished_by_their_index():
    """A position counts where there is none."""
    value = {"choices": [{"index": 1}, {}]}
    edits.finish_choices(value, {1: "length"})

    assert ["length", "length"] == [
        one.get("finish_reason") for one in value["choices"]
    ]


def test_usage_is_put_in_and_taken_out():
    """Where there is none nothing is taken out."""
    value = chunk()
    edits.drop_usage(value)
    edits.set_usage(value, {"prompt_tokens": 1})

    assert {**chunk(), "usage": {"prompt_tokens": 1}} == value
    edits.drop_usage(value)
    assert chunk() == value


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        (
            {"prompt_tokens": 2, "completion_tokens": 9, "total_tokens": 11, "x": 1},
            {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5, "x": 1},
        ),
        (
            {"completion_tokens": 9, "total_tokens": 9},
            {"completion_tokens": 3} | {"total_tokens": 9},
        ),
        ({"completion_tokens": None}, None),
        ("9", None),
    ],
)
def test_usage_of_a_part_counts_the_answer_in_proportion(whole, expected):
    """The prompt is counted whole from the beginning on."""
    assert expected == edits.partial_usage(whole, 1, 3)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (True, False, chunk({"role": "a", "content": "b"}, finish_reason=None)),
        (False, False, chunk({"content": "b"}, finish_reason=None)),
        (
            False,
            True,
            {**chunk({"content": "b"}, finish_reason="stop"), "usage": {}},
        ),
    ],
)
def test_shares_have_role_and_finish_once(first, last, expected):
    """What belongs to the whole chunk is sent with one of its shares."""
    value = chunk({"role": "a", "content": "b"}, finish_reason="stop")
    value["usage"] = {}
    edits.keep_share(value, first=first, last=last)

    assert expected == value


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        ({"id": "a"}, "id", "a-2"),
        ({}, "model", "model-2"),
        ({"created": 5}, "created", 7),
        ({"created": None}, "created", 2),
    ],
)
def test_names_are_changed_by_a_number(value, name, expected):
    """A time counts on."""
    edits.rename(value, name, 2)

    assert expected == value[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reasoning_content", {"reasoning_content": "a"}),
        ("reasoning", {"reasoning": "a"}),
        ("both", {"reasoning_content": "a", "reasoning": "a"}),
        (
            "reasoning_details",
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "a", "index": 0}
                ]
            },
        ),
        (
            "reasoning_items",
            {
                "reasoning_items": [
                    {
                        "type": "reasoning",
                        "summary": [{"type": "summary_text", "text": "a"}],
                    }
                ]
            },
        ),
    ],
)
def test_reasoning_has_another_name(name, expected):
    """Whatever it was called before."""
    value = chunk({"role": "x", "reasoning": "a"})
    edits.name_reasoning(value, name, empty=False)

    assert chunk({"role": "x", **expected}) == value


@pytest.mark.parametrize(
    ("empty", "name", "expected"),
    [
        (False, "reasoning", {"content": "a"}),
        (True, "reasoning", {"content": "a", "reasoning": ""}),
        (True, "reasoning_details", {"content": "a", "reasoning_details": []}),
    ],
)
def test_reasoning_is_empty_beside_content_where_it_is_to(empty, name, expected):
    """Some providers send the key in every chunk."""
    value = chunk({"content": "a"})
    edits.name_reasoning(value, name, empty=empty)

    assert chunk(expected) == value


def test_keys_belong_to_the_chunk_or_to_its_choices():
    """What stands in every choice is changed in each of them."""
    value = {"choices": [{"index": 0}, {"index": 1}], "usage": {}}

    assert value["choices"] == list(edits.objects_with(value, "delta"))
    assert [value] == list(edits.objects_with(value, "usage"))


def test_no_choice_is_left():
    """The rest of the chunk stays."""
    value = {**chunk(), "id": "a"}
    before = copy.deepcopy(value)
    edits.drop_choices(value)

    assert {**before, "choices": []} == value


def test_an_empty_text_is_all_that_is_left():
    """As servers send that keep a connection alive by it."""
    value = {"id": "a", **chunk({"content": "b"}), "usage": {}}
    edits.leave_empty_text(value)

    assert {"id": "a", **chunk({"content": ""}, finish_reason=None)} == value
