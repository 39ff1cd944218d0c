"""What the faults of whole events and of their texts put on the wire."""

from __future__ import annotations

from tests.e2e.faults.case import (
    at,
    body,
    case,
    usual,
)
from tests.e2e.faults.reading import data_of
from tests.e2e.faults.stream import (
    N1,
    REFUSES,
    T1,
    T2,
    TEXT,
    THINKS,
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

REPEATED = [
    case("repeat_first", {"times": 3}, body(R, H, H, H, C, W, B, F, U, D), usual(C, W)),
    case("repeat_first", {"which": "role"}, body(R, R, H, C, W, B, F, U, D)),
    case("repeat_first", {"which": "first_content"}, body(R, H, H, C, W, B, F, U, D)),
    case("event_dup", {"index": 3}, body(R, H, C, W, W, B, F, U, D)),
    case("event_dup", {"index": -1, "times": 3}, body(*TEXT, D, D)),
    case("event_dup", {"index": 3, "gap_events": 1}, body(R, H, C, W, B, W, F, U, D)),
    case("replay_window", {"from": 1, "len": 2}, body(R, H, C, H, C, W, B, F, U, D)),
    case(
        "replay_window",
        {"from": 3, "len": 1, "times": 3},
        body(R, H, C, W, W, W, B, F, U, D),
    ),
    case("event_drop", {"index": 2}, body(R, H, W, B, F, U, D), usual()),
    case("event_drop", {"index": 3, "count": 2}, body(R, H, C, F, U, D), usual()),
    case(
        "event_swap",
        {"i": 1, "j": 3},
        body(R, W, C, H, B, F, U, D),
        at((W, due(1)), (H, due(3))),
    ),
    case("event_swap", {"i": 1, "j": 3, "count": 2}, body(R, W, B, H, C, F, U, D)),
]

# Texts that carry what was said, or that are cut or merged.

CUMULATIVE = [
    case(
        "cumulative",
        {"mode": "prefix"},
        body(R, H, text("Hello, "), text("Hello, 世界"), text("Hello, 世界!"), F, U, D),
    ),
    case(
        "cumulative",
        {"mode": "drift"},
        body(
            R, H, text(" Hello, "), text("Hello, 世界"), text(" Hello, 世界!"), F, U, D
        ),
    ),
    case(
        "cumulative",
        {"mode": "final_full"},
        body(R, H, C, W, text("Hello, 世界!"), F, U, D),
    ),
    case(
        "cumulative",
        {"mode": "intermittent_full"},
        body(R, H, C, W, text("Hello, 世界!"), F, U, D),
    ),
    case(
        "cumulative",
        {"start": 3},
        body(R, H, C, text("Hello, 世界"), text("Hello, 世界!"), F, U, D),
    ),
    case(
        "cumulative",
        {"fields": ["content"]},
        body(R, T1, T2, H, text("Hello!"), F, D),
        stream=THINKS,
    ),
    *(
        case(
            "cumulative",
            {"fields": [name]},
            body(R, T1, chunk({"reasoning_content": "Let me"}), H, B, F, D),
            stream=THINKS,
        )
        for name in ("reasoning", "reasoning_content")
    ),
    case(
        "cumulative",
        {"fields": ["refusal"]},
        body(R, N1, chunk({"refusal": "No way"}), F, D),
        stream=REFUSES,
    ),
    case(
        "growing_first",
        {"count": 3},
        body(R, H, text("Hello, "), text("Hello, 世界"), B, F, U, D),
    ),
    case(
        "shrinking_first",
        {"count": 3},
        body(R, text("Hello, 世界"), text("Hello, "), H, B, F, U, D),
    ),
    case(
        "event_truncate",
        {"index": 1, "keep_bytes": 40},
        body(R, b"data: " + data_of(H)[:40] + b"\n\n", C, W, B, F, U, D),
    ),
    case(
        "event_truncate",
        {"index": 1, "keep_bytes": 40, "rest": "drop"},
        body(R, b"data: " + data_of(H)[:40] + b"\n\n", C, W, B, F, U, D),
    ),
    case(
        "event_truncate",
        {"index": 1, "keep_bytes": 40, "rest": "next_event"},
        body(
            R,
            b"data: " + data_of(H)[:40] + b"\n\n",
            b"data: " + data_of(H)[40:] + b"\n\n",
            *TEXT[2:],
        ),
    ),
    case(
        "event_merge",
        {"index": 1, "n": 2, "join": "\n"},
        body(R, b"data: " + data_of(H) + b"\ndata: " + data_of(C) + b"\n\n", *TEXT[3:]),
    ),
    case(
        "event_merge",
        {"index": 1, "n": 3, "join": ""},
        body(
            R,
            b"data: " + data_of(H) + data_of(C) + data_of(W) + b"\n\n",
            *TEXT[4:],
        ),
    ),
    case(
        "event_split_text",
        {"index": 3, "cuts": [3]},
        body(R, H, C, text("世"), text("界"), *TEXT[4:]),
    ),
    case(
        "event_split_text",
        {"index": 3, "cuts": [1]},
        body(
            R,
            H,
            C,
            text("@").replace(b"@", "世".encode()[:1]),
            text("@").replace(b"@", "世界".encode()[1:]),
            *TEXT[4:],
        ),
    ),
    *(
        case(
            "legit_repeats",
            {"text": name, "count": len(pieces), "where": "middle"},
            body(R, H, C, *map(text, pieces), *TEXT[3:]),
        )
        for name, pieces in {
            "digits": "666",
            "laugh": ["ha"] * 4,
            "line_breaks": "\n\n\n",
            "indent": ["    ", "x", "\n", "    "],
            "table": ["|", "---", "|", "---", "|", "\n", "|"],
            "growing": ["1", "11", "111", "1111", "1"],
        }.items()
    ),
    case(
        "legit_repeats",
        {"deltas": ["a", "b"], "count": 3, "where": "opening"},
        body(R, text("a"), text("b"), text("a"), *TEXT[1:]),
    ),
    case(
        "legit_repeats",
        {"count": 2, "where": "end"},
        body(*TEXT[:5], text("6"), text("6"), *TEXT[5:]),
    ),
]
