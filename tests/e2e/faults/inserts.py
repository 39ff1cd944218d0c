"""What the faults that put something in, or change fields, put on the wire."""

from __future__ import annotations

import json

from tests.e2e.faults.case import (
    at,
    body,
    case,
    unfinished,
    whole,
)
from tests.e2e.faults.raw import Seen
from tests.e2e.faults.reading import tool_fragments, values
from tests.e2e.faults.stream import (
    TEXT,
    TEXT_WITH_USAGE,
    TOOLS,
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
    due,
    text,
)


def _error(then: str, name: bytes, *tests):
    """The error stands where it must, looks as it must, and what follows does."""

    def check(seen: Seen) -> None:
        rest = seen.body.removeprefix(R + H + C)
        block, _, rest = rest.partition(b"\n\n")
        assert block.startswith(name + b"data: {")
        value = json.loads(block.removeprefix(name).removeprefix(b"data: "))
        assert all(test(value) for test in tests)
        assert {"continue": b"".join(TEXT[3:]), "done": D}.get(then, b"") == rest
        if then in {"fin", "rst"}:
            unfinished(then)(seen)
        else:
            whole(seen)

    return check


OBJECT = {"error": "openai", "string": "string"}
SHAPES = {
    "openai": (b"", lambda v: {"message", "type", "param", "code"} == set(v["error"])),
    "string": (b"", lambda v: isinstance(v["error"], str)),
    "choices_empty": (b"", lambda v: v["choices"] == [] and v["error"]["message"]),
    "anthropic_event": (b"event: error\n", lambda v: v["type"] == "error"),
    "anthropic_no_event_line": (b"", lambda v: v["type"] == "error"),
    "event_error": (b"event: error\n", lambda v: "message" in v["error"]),
}
INJECTED = [
    *(
        case(
            "inject_error",
            {"at": {"event": 3}, "shape": shape},
            _error("end", name, test),
        )
        for shape, (name, test) in SHAPES.items()
    ),
    *(
        case("inject_error", {"at": {"event": 3}, "then": then}, _error(then, b""))
        for then in ("continue", "done", "end", "fin", "rst")
    ),
    case(
        "insert",
        {"at": {"event": 4}, "data": "upstream\nbusy"},
        body(R, H, C, W, b"data: upstream\ndata: busy\n\n", B, F, U, D),
    ),
    *(
        case(
            "insert",
            {"at": {"event": 1}, "raw": "<html>\r\n", "meaning": meaning},
            body(R, b"<html>\r\n", *TEXT[1:]),
        )
        for meaning in ("nothing", "lost", "as_sent")
    ),
    case(
        "insert",
        {"at": {"event": 1, "offset": 9}, "data": "{}"},
        body(R, H[:9], b"data: {}\n\n", H[9:], *TEXT[2:]),
    ),
    case(
        "giant_event",
        {"size": 70_000, "at": {"event": 2}},
        lambda seen: _giant(seen, "content"),
    ),
    case(
        "giant_event",
        {"size": 70_000, "at": {"event": 2}, "kind": "content"},
        lambda seen: _giant(seen, "content"),
    ),
    case(
        "giant_event",
        {"size": 3000, "at": {"event": 2}, "kind": "tool_args"},
        lambda seen: _giant_call(seen, 3000),
    ),
    case(
        "giant_event",
        {"size": 5000, "at": {"event": 2}, "kind": "no_newline_ever"},
        lambda seen: _endless(seen, 5000),
    ),
    case("tiny_events", {"n": 50, "bytes_each": 2}, lambda seen: _tiny(seen, 50, 2)),
    case(
        "tiny_events",
        {"n": 5, "bytes_each": 1, "at": {"event": 2}, "gap_ms": 20},
        lambda seen: _tiny(seen, 5, 1),
        lambda seen: _placed(seen, R + H, C),
        at((C, due(2) + 80)),
    ),
]


def _giant(seen: Seen, field: str) -> None:
    value = values(seen)[2]
    assert len(value["choices"][0]["delta"][field]) == 70_000
    head, _, _ = seen.body.partition(b"\n\n" + C)
    assert head.startswith(R + H)
    assert seen.body.endswith(C + W + B + F + U + D)
    whole(seen)


def _giant_call(seen: Seen, size: int) -> None:
    (fragment,) = tool_fragments(seen)
    assert size <= len(fragment["function"]["arguments"]) <= size + 20
    json.loads(fragment["function"]["arguments"])
    whole(seen)


def _endless(seen: Seen, size: int) -> None:
    assert seen.body.startswith(R + H + b"data:")
    line = seen.body.removeprefix(R + H)
    assert size <= len(line) <= size + 200
    assert b"\n" not in line
    whole(seen)


def _placed(seen: Seen, first: bytes, last: bytes) -> None:
    """What was put in stands between the two."""
    assert seen.body.startswith(first)
    assert not seen.body.removeprefix(first).startswith(last)
    assert seen.body.endswith(C + W + B + F + U + D)


def _tiny(seen: Seen, count: int, size: int) -> None:
    texts = [
        value["choices"][0]["delta"].get("content", "")
        for value in values(seen)
        if value["choices"]
    ]
    tiny = [part for part in texts if part not in {"", "Hello", ", ", "世界", "!"}]
    assert ([size] * count) == [len(part.encode()) for part in tiny]
    whole(seen)


def _patched(place: int, block: bytes, stream=TEXT):
    return body(*stream[:place], block, *stream[place + 1 :])


FIELDS = [
    case(
        "json_patch",
        {"select": "finish", "set": {"delta.content": ""}},
        _patched(5, chunk({"content": ""}, finish="stop")),
    ),
    case("json_patch", {"select": "role", "null": ["delta"]}, _patched(0, chunk(None))),
    case(
        "json_patch",
        {"select": "first_content", "rename": {"delta.content": "text"}},
        _patched(1, chunk({"text": "Hello"})),
    ),
    case(
        "json_patch",
        {"select": "last_content", "set": {"x": 1}},
        _patched(4, text("!", x=1)),
    ),
    case(
        "json_patch",
        {"select": "content", "set": {"x": 1}},
        body(R, *(text(word, x=1) for word in ("Hello", ", ", "世界", "!")), F, U, D),
    ),
    case(
        "json_patch",
        {"select": "tool", "set": {"x": 1}},
        lambda seen: _marked(seen, [False, *[True] * 6, False]),
        stream=TOOLS,
    ),
    case(
        "json_patch",
        {"select": "usage", "set": {"usage.prompt_tokens": 9}},
        _patched(
            5,
            chunk({}, finish="stop", usage={**USED, "prompt_tokens": 9}),
            TEXT_WITH_USAGE,
        ),
        stream=TEXT_WITH_USAGE,
    ),
    case(
        "json_patch",
        {"select": "empty_choices", "set": {"x": 1}},
        lambda seen: _marked(seen, [*[False] * 6, True]),
    ),
    case(
        "json_patch",
        {"select": "all", "set": {"x": 1}},
        lambda seen: _marked(seen, [True] * 7),
    ),
    case(
        "json_patch",
        {"select": [1, -2], "remove": ["id"]},
        lambda seen: _without_id(seen, {1, 6}),
    ),
    *(
        case("unicode", {"mode": mode}, _patched(2, text(", @").replace(b"@", more)))
        for mode, more in {
            "raw_u2028_u2029_u0085": b"a\xe2\x80\xa8b\xe2\x80\xa9c\xc2\x85d",
            "invalid_byte": b"\xff",
            "truncated_tail": b"\xe4\xb8",
            "lone_surrogate": b"\\ud83d",
            "nul": b"\\u0000",
        }.items()
    ),
    case(
        "unicode",
        {"mode": "pair_split_over_events"},
        body(
            R,
            H,
            text(", @").replace(b"@", b"\\ud83d"),
            text("@").replace(b"@", b"\\ude00"),
            *TEXT[3:],
        ),
    ),
    case(
        "unicode",
        {"mode": "escaped_ascii"},
        _patched(3, text("@").replace(b"@", b"\\u4e16\\u754c")),
    ),
    case(
        "unicode",
        {"mode": "nul", "index": 4},
        _patched(4, text("!@").replace(b"@", b"\\u0000")),
    ),
]


def _marked(seen: Seen, marks: list[bool]) -> None:
    assert marks == ["x" in value for value in values(seen)]
    whole(seen)


def _without_id(seen: Seen, places: set[int]) -> None:
    missing = {n for n, value in enumerate(values(seen)) if "id" not in value}
    assert places == missing
    whole(seen)
