"""What the faults of the finish, of usage and of names put on the wire."""

from __future__ import annotations

from tests.e2e.faults.case import (
    body,
    case,
    usual,
    whole,
)
from tests.e2e.faults.raw import Seen
from tests.e2e.faults.reading import values
from tests.e2e.faults.stream import (
    T1,
    T2,
    TEXT,
    TEXT_WITH_USAGE,
    THINKS,
    THINKS_ALOUD,
    USED,
    B,
    C,
    D,
    F,
    H,
    R,
    U,
    W,
    chunk,
    text,
)


def _azure(seen: Seen) -> None:
    first, *rest = values(seen)
    assert first["choices"] == []
    assert {"prompt_index", "content_filter_results"} == set(
        first["prompt_filter_results"][0]
    )
    assert seen.body.endswith(b"".join(TEXT))
    assert len(rest) == 7
    whole(seen)


ENDINGS = [
    case("finish", {"mode": "omit"}, body(R, H, C, W, B, U, D), usual()),
    case(
        "finish",
        {"mode": "empty_string"},
        body(R, H, C, W, B, chunk({}, finish=""), U, D),
    ),
    case("finish", {"mode": "twice"}, body(R, H, C, W, B, F, F, U, D)),
    case(
        "finish",
        {"mode": "merged_with_content"},
        body(R, H, C, W, text("!", finish="stop"), U, D),
    ),
    case("finish", {"mode": "then_late_content"}, body(R, H, C, W, F, B, U, D)),
    case("usage", {"mode": "omit"}, body(R, H, C, W, B, F, D)),
    case("usage", {"mode": "omit"}, body(R, H, C, W, B, F, D), stream=TEXT_WITH_USAGE),
    *(
        case(
            "usage",
            {"mode": mode},
            body(R, H, C, W, B, F, U, D),
            stream=TEXT_WITH_USAGE,
        )
        for mode in ("tail", "tail_empty_choices")
    ),
    case("usage", {"mode": "before_finish"}, body(R, H, C, W, B, U, F, D)),
    case("usage", {"mode": "first_empty_choices"}, _azure),
    case(
        "usage",
        {"mode": "every_chunk_cumulative"},
        body(
            *(
                chunk(delta, finish, usage={**USED, "completion_tokens": count})
                for delta, finish, count in (
                    ({"role": "assistant", "content": ""}, None, 0),
                    ({"content": "Hello"}, None, 1),
                    ({"content": ", "}, None, 2),
                    ({"content": "世界"}, None, 2),
                    ({"content": "!"}, None, 3),
                    ({}, "stop", 4),
                )
            ),
            U,
            D,
        ),
    ),
]


def _choices(order: str):
    def check(seen: Seen) -> None:
        found = {0: [], 1: []}
        turns = []
        for value in values(seen):
            for choice in value["choices"]:
                turns.append(choice["index"])
                said = choice["delta"].get("content") or choice["finish_reason"]
                if said:
                    found[choice["index"]].append(said)
        assert ["Hello", ", ", "世界", "!", "stop"] == found[0]
        assert [", ", "世界", "Hello", "stop"] == found[1]
        if order == "round_robin":
            assert [0, 1] * 5 + [0] == turns
        else:
            assert turns != sorted(turns)
        whole(seen)

    return check


def _name(field: str, *expected):
    def check(seen: Seen) -> None:
        assert list(expected) == [value.get(field) for value in values(seen)]
        whole(seen)

    return check


def _ids(seen: Seen) -> None:
    names = [value["id"] for value in values(seen)]
    assert (7, "chatcmpl-1") == (len(set(names)), names[0])
    whole(seen)


DETAILS = [{"type": "reasoning.text", "text": "Let", "index": 0}]
ITEMS = [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Let"}]}]

NAMES = [
    *(
        case("choices_interleave", {"n": 2, "order": order}, _choices(order))
        for order in ("round_robin", "random")
    ),
    case("identity", {"id": "per_chunk"}, _ids),
    case("identity", {"created": "per_chunk"}, _name("created", *range(7, 14))),
    case("identity", {"model": "per_chunk"}, lambda seen: _all_differ(seen, "model")),
    case(
        "identity", {"created": {"change_at": 3}}, _name("created", 7, 7, 7, *[8] * 4)
    ),
    case(
        "identity",
        {"system_fingerprint": "per_chunk"},
        lambda seen: _all_differ(seen, "system_fingerprint"),
    ),
    *(
        case(
            "reasoning",
            {"field": name},
            lambda seen, says=says: _thinks(seen, says),
            stream=THINKS_ALOUD if name == "reasoning_content" else THINKS,
        )
        for name, says in {
            "reasoning_content": {"reasoning_content": "Let"},
            "reasoning": {"reasoning": "Let"},
            "both": {"reasoning_content": "Let", "reasoning": "Let"},
            "reasoning_details": {"reasoning_details": DETAILS},
            "reasoning_items": {"reasoning_items": ITEMS},
        }.items()
    ),
    case(
        "reasoning",
        {"field": "reasoning_content", "empty_after_switch": True},
        body(
            R,
            T1,
            T2,
            chunk({"content": "Hello", "reasoning_content": ""}),
            chunk({"content": "!", "reasoning_content": ""}),
            F,
            D,
        ),
        stream=THINKS,
    ),
]


def _all_differ(seen: Seen, field: str) -> None:
    names = [value.get(field) for value in values(seen)]
    assert len(set(names)) == 7
    whole(seen)


def _thinks(seen: Seen, says: dict) -> None:
    deltas = [value["choices"][0]["delta"] for value in values(seen)]
    assert says == deltas[1]
    assert ["Hello", "!"] == [d["content"] for d in deltas if d.get("content")]
    whole(seen)
