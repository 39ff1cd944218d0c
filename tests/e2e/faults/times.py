"""What the faults of time and of the connection do on the wire."""

from __future__ import annotations

from itertools import pairwise

from tests.e2e.faults.case import (
    LATE_MS,
    at,
    before,
    body,
    case,
    equal,
    head_at,
    pause,
    sizes,
)
from tests.e2e.faults.raw import Asked, Seen
from tests.e2e.faults.stream import TEXT, C, D, F, H, R, U, W, due, text

ALL = b"".join(TEXT)
KEPT = Asked(keep=True, open_ms=500)
FIRST = due(0)
LAST = due(len(TEXT) - 1)


def _even(gap: float, least: float, most: float):
    """Every event comes within its window, counted from the first."""

    def check(seen: Seen) -> None:
        for number, block in enumerate(TEXT):
            came = seen.ms(block)
            assert FIRST + least * number <= came <= FIRST + most * number + LATE_MS
            assert gap

    return check


def _accepted_once(seen: list[Seen]) -> None:
    first, second = seen
    assert 400 + FIRST <= first.ms(b"\r\n\r\n") <= 400 + FIRST + LATE_MS
    assert FIRST <= second.ms(b"\r\n\r\n") < 400


def _idle(seen: list[Seen]) -> None:
    (one,) = seen
    assert (ALL, True, "fin") == (one.body, one.terminated, one.end)
    assert one.end_ms >= one.ms(b"0\r\n\r\n") + 150 - 25


def _second_is_last(seen: list[Seen]) -> None:
    first, second = seen
    assert ("open", "fin") == (first.end, second.end)
    for one in seen:
        assert (ALL, True, b"") == (one.body, one.terminated, one.tail)
        assert one.header(b"connection") == []


def _nagled(seen: Seen) -> None:
    """Behind the first small send the next wait for its late acknowledgement."""
    times = [at_ns / 1e6 for at_ns, _ in seen.reads]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(seen.reads) < len(TEXT) + 2
    assert max(gaps) > 25
    assert ALL == seen.body


def _beats(said: bytes, every_ms: float, watched_ms: float):
    def check(seen: Seen) -> None:
        assert (False, "open") == (seen.terminated, seen.end)
        rest = seen.body.removeprefix(R + H + C)
        count = rest.count(said)
        assert rest == said * count
        assert 2 <= count <= (watched_ms - due(2)) / every_ms
        assert seen.ms(said) >= due(2) + every_ms

    return check


def _silent(seen: Seen) -> None:
    assert (R + H + C, False, "open") == (seen.body, seen.terminated, seen.end)


COMMENT, COLON, EMPTY = b": keepalive\n\n", b":\n\n", text("")
SAID = {"comment": COMMENT, "bare_colon": COLON, "empty_delta": EMPTY}
WATCHED = Asked(open_ms=700)

TIMES = [
    case("pace", {"itl_ms": 40}, body(ALL), _even(40, 40, 40)),
    case("pace", {"itl_ms": 30, "jitter_ms": 10}, body(ALL), _even(30, 20, 40)),
    case(
        "pace",
        {"itl_ms": 25, "burst": 3},
        body(ALL),
        at((C, FIRST), (W, FIRST + 75), (F, FIRST + 75), (U, FIRST + 150)),
        before(C, FIRST + 75),
        before(F, FIRST + 150),
    ),
    case(
        "head_delay",
        {"ms": 200},
        body(ALL),
        head_at(FIRST + 200),
        at((R, FIRST + 200), (D, LAST + 200)),
    ),
    case(
        "first_token_delay",
        {"ms": 300},
        body(ALL),
        head_at(FIRST),
        at((H, due(1) + 300), (D, LAST + 300)),
        before(R, due(1) + 300),
    ),
    *(
        case(
            "first_token_delay",
            {"ms": 300, "keepalive_ms": 100, "form": form},
            body(R, said * 3, *TEXT[1:]),
            at((said, FIRST + 100), (H, due(1) + 300)),
            pause(R, H, 300),
        )
        for form, said in SAID.items()
    ),
    case(
        "stall",
        {"at": {"event": 3}, "for_ms": 300},
        body(ALL),
        at((W, due(3) + 300), (D, LAST + 300)),
        before(C, due(3) + 300),
        pause(C, W, 300),
    ),
    case("stall", {"at": {"event": 3}}, _silent, asked=WATCHED),
    case(
        "stall",
        {"at": {"after": "accept"}},
        lambda seen: equal((b"", "open"), (seen.wire, seen.end)),
        asked=WATCHED,
    ),
    case(
        "stall",
        {"at": {"after": "accept"}, "for_ms": 200},
        body(ALL),
        head_at(FIRST + 200),
    ),
    case(
        "stall",
        {"at": {"after": "headers"}, "for_ms": 200},
        body(ALL),
        head_at(FIRST),
        at((R, FIRST + 200)),
    ),
    case("stall", {"at": {"event": 3}, "for_ms": "forever"}, _silent, asked=WATCHED),
    *(
        case(
            "stall",
            {"at": {"event": 3}, "for_ms": 250, "keepalive_ms": 100, "form": form},
            body(R, H, C, said * 2, *TEXT[3:]),
            at((said, due(2) + 100), (W, due(3) + 250)),
        )
        for form, said in SAID.items()
    ),
    *(
        case(
            "stall",
            {"at": {"event": 3}, "keepalive_ms": 100, "form": form},
            _beats(said, 100, 700),
            asked=WATCHED,
        )
        for form, said in SAID.items()
    ),
    case(
        "trickle",
        {"at": {"event": 2, "offset": 4}, "count": 5, "gap_ms": 60},
        body(ALL),
        sizes(len(R), len(H), 4, 1, 1, 1, 1, 1, len(C) - 9, *map(len, TEXT[3:])),
        at((R + b"\r\n", FIRST), (C[9:], due(2) + 300), (D, due(2) + 300)),
        pause(H, C[9:], 300),
    ),
    case(
        "accept_delay",
        {"ms": 400},
        asked=Asked(keep=True, requests=2, open_ms=900),
        every=_accepted_once,
    ),
    case("keepalive_close", {"idle_ms": 150}, asked=KEPT, every=_idle),
    case(
        "keepalive_close",
        {"after_requests": 2},
        asked=Asked(keep=True, requests=2, open_ms=400),
        every=_second_is_last,
    ),
    case(
        "nodelay",
        {"on": False},
        _nagled,
        before=({"pace": {"itl_ms": 6}},),
        asked=Asked(quick_ack=False),
    ),
]
