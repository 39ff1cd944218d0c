"""What the faults of lines put on the wire, written out by hand."""

from __future__ import annotations

import re

from tests.e2e.faults.case import (
    Case,
    at,
    before,
    body,
    case,
    starts,
    unfinished,
    usual,
    whole,
)
from tests.e2e.faults.raw import Asked, Seen
from tests.e2e.faults.stream import (
    NAMED,
    TEXT,
    TOOLS,
    B,
    C,
    D,
    F,
    H,
    R,
    U,
    W,
    due,
    text,
)

ALL = b"".join(TEXT)
OPEN = Asked(open_ms=400)


def _mixed(seen: Seen) -> None:
    ends = set(re.findall(rb"\r\n|\r|\n", seen.body))
    assert ends == {b"\r\n", b"\r", b"\n"}
    lines = re.split(rb"\r\n|\r|\n", seen.body)
    assert re.split(rb"\n", ALL) == lines
    whole(seen)


def _crlf_split(seen: Seen) -> None:
    assert ALL.replace(b"\n", b"\r\n") == seen.body
    datas = [data for _, data in seen.chunks]
    assert sum(data.endswith(b"\r") for data in datas) == 2 * len(TEXT)
    assert not any(b"\r\n" in data for data in datas)


def _doubled(seen: Seen, count: int, stream=TEXT) -> None:
    """So many events have two data lines; put together they are what they were."""
    blocks = seen.body.split(b"\n\n")
    assert count == sum(block.count(b"\ndata: ") == 1 for block in blocks)
    assert b"".join(stream) == re.sub(rb"(?<!\n)\ndata: ", b"", seen.body)
    whole(seen)


def _multiline(count: int):
    return lambda seen: _doubled(seen, count)


def _bom_alone(seen: Seen) -> None:
    assert b"\xef\xbb\xbf" + ALL == seen.body
    assert seen.sizes[0] < 3
    whole(seen)


def _field(line: bytes, *places: int):
    blocks = [line + block if n in places else block for n, block in enumerate(TEXT)]
    return body(*blocks)


def _no_more_than(seen: Seen) -> None:
    assert seen.end == "open"
    assert not seen.terminated


def _comments(seen: Seen, comment: bytes, least: int) -> None:
    assert ALL == seen.body.replace(comment, b"")
    assert seen.body.count(comment) >= least
    whole(seen)


def _unknown(seen: Seen) -> None:
    line = seen.body.removeprefix(b"".join(TEXT[:-1])).removesuffix(D)
    assert re.fullmatch(rb"[a-z]+: x\n", line)
    assert not line.startswith((b"data", b"event", b"id", b"retry"))
    whole(seen)


COMMENT = b": ping\n\n"
BEAT = b": keepalive\n\n"

LINE_CASES: list[Case] = [
    case(
        "sse_eol",
        {"eol": "lf"},
        body(ALL),
        usual(),
        before=({"sse_eol": {"eol": "cr"}},),
    ),
    case("sse_eol", {"eol": "crlf"}, body(ALL.replace(b"\n", b"\r\n"))),
    case("sse_eol", {"eol": "cr"}, body(ALL.replace(b"\n", b"\r"))),
    case("sse_eol", {"eol": "mixed"}, _mixed),
    case("sse_eol", {"eol": "crlf", "split_crlf": True}, _crlf_split, whole),
    *(
        case(
            "sse_space",
            {"spaces": count},
            body(ALL.replace(b"data: ", b"data:" + b" " * count)),
            before=({"sse_space": {"spaces": 0}},) if count == 1 else (),
        )
        for count in (0, 1, 2)
    ),
    case("sse_multiline", {}, _multiline(7)),
    case("sse_multiline", {"index": 2, "at": "json_token"}, _multiline(1)),
    *(
        case("sse_multiline", {"select": select}, _multiline(count))
        for select, count in {
            "role": 1,
            "first_content": 1,
            "last_content": 1,
            "content": 4,
            "finish": 1,
            "usage": 1,
            "empty_choices": 1,
            "all": 7,
        }.items()
    ),
    case(
        "sse_multiline",
        {"select": "tool"},
        lambda seen: _doubled(seen, 6, TOOLS),
        stream=TOOLS,
    ),
    case(
        "keepalive",
        {"at": {"event": 3}, "for_ms": 50, "every_ms": 50, "text": "still here"},
        body(R, H, C, b": still here\n\n", *TEXT[3:]),
    ),
    case("sse_multiline", {"index": 1, "at": "in_text"}, _multiline(1)),
    case("sse_bom", {}, body(b"\xef\xbb\xbf", ALL)),
    case("sse_bom", {"split": True}, _bom_alone),
    case("sse_field", {"field": "id", "value": "7", "index": 2}, _field(b"id: 7\n", 2)),
    case(
        "sse_field",
        {"field": "event", "value": "message"},
        _field(b"event: message\n", *range(8)),
    ),
    case(
        "sse_field",
        {"field": "retry", "value": 3000, "form": "alone", "index": 1},
        body(R, b"retry: 3000\n\n", *TEXT[1:]),
    ),
    case(
        "sse_field",
        {"field": "unknown", "value": "x", "form": "with_data", "index": -1},
        _unknown,
    ),
    case(
        "sse_strip_event_lines",
        {},
        body(*(block.partition(b"\n")[2] for block in NAMED)),
        stream=NAMED,
    ),
    case("sse_blank", {"mode": "drop", "index": 1}, body(R, H[:-1], *TEXT[2:])),
    case("sse_blank", {"mode": "double", "index": 1}, body(R, H, b"\n", *TEXT[2:])),
    case("sse_blank", {"mode": "leading"}, body(b"\n", ALL)),
    case("sse_comment", {"every": 4}, lambda seen: _comments(seen, COMMENT, 2)),
    case("sse_comment", {"at": {"event": 2}}, body(R, H, COMMENT, *TEXT[2:])),
    case(
        "sse_comment",
        {"at": {"event": 2}, "form": "block", "text": "hi"},
        body(R, H, b": hi\n\n", *TEXT[2:]),
    ),
    case(
        "sse_comment",
        {"at": {"event": 2}, "form": "bare_colon"},
        body(R, H, b":\n\n", *TEXT[2:]),
    ),
    case(
        "sse_comment",
        {"at": {"event": 2}, "form": "line"},
        body(R, H, b": ping\n", *TEXT[2:]),
    ),
    case(
        "sse_comment",
        {"at": {"event": 2}, "form": "as_data"},
        body(R, H, b"data: : ping\n\n", *TEXT[2:]),
    ),
    case(
        "sse_comment",
        {"at": {"event": 2}, "form": "empty_data"},
        body(R, H, b"data:\n\n", *TEXT[2:]),
    ),
    case("sse_comment", {"every_ms": 50}, lambda seen: _comments(seen, COMMENT, 2)),
    *(
        case(
            "keepalive",
            {"at": {"event": 3}, "for_ms": 120, "every_ms": 40, "form": form},
            body(R, H, C, said * 3, *TEXT[3:]),
            at((said, due(2) + 40), (W, due(3) + 120)),
            before(C, due(2) + 120),
        )
        for form, said in {
            "block": BEAT,
            "bare_colon": b":\n\n",
            "as_data": b"data: : keepalive\n\n",
            "empty_data": b"data:\n\n",
        }.items()
    ),
    case("done", {"mode": "omit"}, body(*TEXT[:-1])),
    case("done", {"mode": "no_blank"}, body(*TEXT[:-1], b"data: [DONE]\n")),
    case("done", {"mode": "no_newline"}, body(*TEXT[:-1], b"data: [DONE]")),
    case("done", {"mode": "twice"}, body(*TEXT, D)),
    case("done", {"mode": "trailing_space"}, body(*TEXT[:-1], b"data: [DONE] \n\n")),
    case("done", {"mode": "early"}, body(R, H, C, W, B, D, F, U)),
    case("done", {"mode": "hang"}, starts(ALL), _no_more_than, asked=OPEN),
    case("done", {"mode": "no_terminator"}, starts(ALL), unfinished("fin")),
    case("after_done", {"text": "BOO"}, body(ALL, text("BOO"))),
    case(
        "after_done",
        {"events": ["late", {"a": 1}]},
        body(ALL, b'data: late\n\ndata: {"a":1}\n\n'),
    ),
    case("raw", {"at": {"event": 2}, "text": "zz\r"}, body(R, H, b"zz\r", *TEXT[2:])),
    case(
        "raw",
        {"at": {"event": 2, "offset": 3}, "base64": "AP8="},
        body(R, H, C[:3], b"\x00\xff", C[3:], *TEXT[3:]),
    ),
]
