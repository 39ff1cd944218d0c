"""What the faults of the answer as a whole and of its head put on the wire."""

from __future__ import annotations

import json

from tests.e2e.faults.case import (
    body,
    case,
    equal,
    usual,
    whole,
)
from tests.e2e.faults.raw import Asked, Seen
from tests.e2e.faults.stream import TEXT, D, due

ALL = b"".join(TEXT)
KEPT = Asked(keep=True, open_ms=500)
FIRST = due(0)
LAST = due(len(TEXT) - 1)


def answer(line: bytes, *tests, length: bool = True):
    """A status line, and a body of a known length that comes whole."""

    def check(seen: Seen) -> None:
        assert line == seen.head[0]
        assert seen.header(b"transfer-encoding") == []
        wanted = [b"%d" % len(seen.body)] if length else []
        assert wanted == seen.header(b"content-length")
        assert seen.end == "fin"
        assert seen.ms(b"\r\n\r\n") >= FIRST
        for test in tests:
            test(seen)

    return check


def has(name: bytes, *wanted: bytes):
    """A header has these values, in this order."""
    return lambda seen: equal(list(wanted), seen.header(name))


def _html(seen: Seen) -> None:
    assert [b"text/html"] == seen.header(b"content-type")
    assert seen.body.startswith(b"<html>")
    assert seen.body.rstrip().endswith(b"</html>")


def _json_error(seen: Seen) -> None:
    assert [b"application/json"] == seen.header(b"content-type")
    assert {"message", "type", "param", "code"} == set(json.loads(seen.body)["error"])


def _empty(seen: Seen) -> None:
    assert seen.body == b""


DAY = "Wed, 21 Oct 2026 07:28:00 GMT"
PHRASES = {
    201: "Created",
    301: "Moved Permanently",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    418: "I'm a Teapot",
    500: "Internal Server Error",
    502: "Bad Gateway",
    504: "Gateway Timeout",
    529: "",
    599: "",
}
ANSWERS = [
    *(
        case(
            "status",
            {"code": code},
            answer(f"HTTP/1.1 {code} {phrase}".encode(), _json_error),
        )
        for code, phrase in PHRASES.items()
    ),
    case(
        "status",
        {"code": 429, "retry_after": 7, "headers": {"x-a": "b"}},
        answer(
            b"HTTP/1.1 429 Too Many Requests",
            has(b"retry-after", b"7"),
            has(b"x-a", b"b"),
            has(b"x-request-id", b"req-9"),
            _json_error,
        ),
    ),
    case(
        "status",
        {"code": 503, "body": "html", "retry_after": DAY},
        answer(
            b"HTTP/1.1 503 Service Unavailable",
            has(b"retry-after", DAY.encode()),
            _html,
        ),
    ),
    case(
        "status",
        {"code": 503, "body": "empty"},
        answer(b"HTTP/1.1 503 Service Unavailable", _empty),
    ),
    case(
        "status",
        {"code": 400, "body": "json_error"},
        answer(b"HTTP/1.1 400 Bad Request", _json_error),
    ),
    case(
        "status",
        {"code": 204},
        answer(b"HTTP/1.1 204 No Content", _empty, length=False),
    ),
    case("body", {"kind": "html"}, answer(b"HTTP/1.1 200 OK", _html)),
    case("body", {"kind": "json_error"}, answer(b"HTTP/1.1 200 OK", _json_error)),
    case("body", {"kind": "empty"}, body(), has(b"content-type", b"text/event-stream")),
    case(
        "body",
        {"kind": "done_only"},
        body(D),
        has(b"content-type", b"text/event-stream"),
    ),
    case(
        "body",
        {"kind": "html", "content_type": "text/event-stream"},
        has(b"content-type", b"text/event-stream"),
        lambda seen: equal(True, seen.body.startswith(b"<html>")),
        whole,
    ),
]

# Framing and head.


def sized(count: int, data: bytes = ALL):
    """A content-length, this body, and how it ended is for others to say."""

    def check(seen: Seen) -> None:
        assert [b"%d" % count] == seen.header(b"content-length")
        assert seen.header(b"transfer-encoding") == []
        assert data == seen.body

    return check


def to_the_close(version: bytes, *connection: bytes):
    """Nothing tells the end but FIN."""

    def check(seen: Seen) -> None:
        assert seen.head[0] == version + b" 200 OK"
        assert seen.header(b"content-length") == seen.header(b"transfer-encoding") == []
        assert list(connection) == seen.header(b"connection")
        assert (ALL, "fin") == (seen.body, seen.end)

    return check


def _dirty(seen: list[Seen]) -> None:
    """What was left lies before the next answer, which is whole."""
    first, second = seen
    assert first.end == "open"
    assert b"HTTP/1.1 200 OK\r\n" in second.wire
    assert second.wire.endswith(first.wire[-20:])


def lines(*wanted: bytes):
    """The head has these lines, exactly, in this order."""

    def check(seen: Seen) -> None:
        assert list(wanted) == [line for line in seen.head if line in wanted]

    return check


def _raw_line(line: bytes):
    def check(seen: Seen) -> None:
        head = seen.wire.partition(b"\r\n\r\n")[0]
        assert b"\r\n" + line + b"\r\n" in head + b"\r\n"

    return check


def _kept_with_rest(seen: list[Seen]) -> None:
    first, second = seen
    assert (ALL, "open", "open") == (first.body, first.end, second.end)
    sized(len(ALL) - 30)(second)


HEADS = [
    case(
        "framing", {"mode": "chunked"}, body(ALL), has(b"transfer-encoding", b"chunked")
    ),
    case(
        "framing",
        {"mode": "content_length"},
        sized(len(ALL)),
        lambda seen: equal("fin", seen.end),
    ),
    case("framing", {"mode": "close"}, to_the_close(b"HTTP/1.1", b"close"), usual()),
    case("framing", {"mode": "http10"}, to_the_close(b"HTTP/1.0")),
    case(
        "framing",
        {"mode": "cl_and_te"},
        body(ALL),
        lines(b"content-length: %d" % len(ALL), b"transfer-encoding: chunked"),
    ),
    case(
        "framing",
        {"mode": "dup_te"},
        body(ALL),
        lambda seen: equal(2, seen.head.count(b"transfer-encoding: chunked")),
    ),
    case(
        "framing",
        {"mode": "content_length", "cl_delta": 30},
        sized(len(ALL) + 30),
        lambda seen: equal("fin", seen.end),
    ),
    case(
        "framing",
        {"mode": "content_length", "cl_delta": -30},
        sized(len(ALL) - 30),
        lambda seen: equal("fin", seen.end),
        asked=KEPT,
    ),
    case(
        "framing",
        {"mode": "content_length", "cl_delta": -30, "keep_open": True},
        asked=Asked(keep=True, requests=2, open_ms=400),
        every=_kept_with_rest,
    ),
    case(
        "headers",
        {"set": {"Content-Type": "text/plain", "x-new": "1"}},
        lines(b"Content-Type: text/plain", b"x-new: 1"),
        has(b"content-type", b"text/plain"),
        body(ALL),
    ),
    case("headers", {"remove": ["content-type"]}, has(b"content-type"), body(ALL)),
    case(
        "headers",
        {"duplicate": ["x-request-id"]},
        has(b"x-request-id", b"req-9", b"req-9"),
        body(ALL),
    ),
    case(
        "headers",
        {"oversized_bytes": 70_000},
        has(b"x-oversized", b"o" * 70_000),
        body(ALL),
    ),
    *(
        case(
            "headers",
            {"raw_lines": [line]},
            _raw_line(line.encode("latin-1")),
            body(ALL),
        )
        for line in (
            "x-a: 1\nx-b: 2",
            "x-a: 1\rx-b: 2",
            "x-a: 1\0x-b: 2",
            "x-a: 1\r\n folded",
            "no colon at all",
            ": no name",
            "x-\xe9: latin",
        )
    ),
]
