"""What the faults of borders and of the close put on the wire."""

from __future__ import annotations

from itertools import cycle

from tests.e2e.faults.case import (
    LATE_MS,
    at,
    body,
    case,
    equal,
    random_chunks,
    sizes,
    starts,
    unfinished,
    usual,
    whole,
)
from tests.e2e.faults.raw import Asked, Seen
from tests.e2e.faults.stream import TEXT, B, C, D, F, H, R, U, W, due

ALL = b"".join(TEXT)
KEPT = Asked(keep=True, open_ms=500)
FIRST = due(0)
LAST = due(len(TEXT) - 1)


def _cut_over_and_over(pattern: tuple[int, ...]) -> list[int]:
    found = []
    pieces = cycle(pattern)
    for block in TEXT:
        left = len(block)
        while left:
            size = min(next(pieces), left)
            found.append(size)
            left -= size
    return found


def _wire_in(pattern: tuple[int, ...]):
    """Every read ends where a piece does: head, chunk sizes and terminator too.

    A piece ends with its pattern, or with what is one send otherwise.
    """

    def check(seen: Seen) -> None:
        sends = [seen.wire.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"]
        sends += [b"%x\r\n%b\r\n" % (len(block), block) for block in TEXT]
        sends.append(b"0\r\n\r\n")
        assert b"".join(sends) == seen.wire
        ends, total, pieces = set(), 0, cycle(pattern)
        for send in sends:
            left = len(send)
            while left:
                size = min(next(pieces), left)
                left -= size
                total += size
                ends.add(total)
        total = 0
        for _, read in seen.reads:
            total += len(read)
            assert total in ends
        assert len(seen.reads) >= len(ends) / 3
        whole(seen)

    return check


def _tiny_reads(seen: Seen) -> None:
    lengths = [len(read) for _, read in seen.reads]
    assert len(lengths) > 12
    assert sorted(lengths)[len(lengths) // 2] <= 128
    assert len(set(lengths)) > 6


PLAIN_CLOSE = Asked(poke=True)
BORDERS = [
    case("segment", {"size": 50}, body(ALL), sizes(*_cut_over_and_over((50,)))),
    case(
        "segment",
        {"size": [3, 50, 7]},
        body(ALL),
        sizes(*_cut_over_and_over((3, 50, 7))),
    ),
    case("segment", {"size": "random", "of": "body"}, body(ALL), random_chunks),
    case(
        "segment",
        {"size": 20, "gap_ms": 30},
        starts(R),
        at(*((R[20 * n : 20 * n + 20], FIRST + 30 * n) for n in range(5))),
        stream=(R,),
    ),
    case(
        "segment",
        {"size": 60, "gap_ms": 120, "of": "wire"},
        # Head 2 pieces, the first event 3, the second and the terminator 1 each.
        at((b"\r\n\r\n", FIRST + 120), (R[-20:], FIRST + 480), (D, FIRST + 600)),
        at((b"0\r\n\r\n", FIRST + 720)),
        stream=(R, D),
    ),
    case("segment", {"size": 40, "gap_ms": 3, "of": "wire"}, _wire_in((40,)), usual()),
    case("segment", {"size": [1, 60], "gap_ms": 3, "of": "wire"}, _wire_in((1, 60))),
    case(
        "segment", {"size": "random", "gap_ms": 3, "of": "wire"}, _tiny_reads, body(ALL)
    ),
    case(
        "coalesce",
        {"n": 3},
        body(ALL),
        sizes(*(len(b"".join(part)) for part in ((R, H, C), (W, B, F), (U, D)))),
        at((H, due(2)), (B, due(5))),
    ),
    *(
        case(
            "close_at",
            {"at": place, "how": "fin"},
            starts(ALL[:size]),
            unfinished("fin"),
            lambda seen: equal(b"", seen.tail),
        )
        for place, size in (
            ({"event": 3}, len(R + H + C)),
            ({"event": -1}, len(ALL) - len(D)),
            ({"event": 3, "offset": 9}, len(R + H + C) + 9),
            ({"byte": 100}, 100),
            ({"frac": 0.5}, len(ALL) // 2),
            ({"after": "headers"}, 0),
            ({"after": "role"}, len(R)),
            ({"after": "first_content"}, len(R + H)),
            ({"after": "finish"}, len(ALL) - len(U + D)),
            ({"after": "usage"}, len(ALL) - len(D)),
            ({"after": "done"}, len(ALL)),
        )
    ),
    case(
        "close_at",
        {"at": {"event": 2}, "how": "rst", "grace_ms": 120},
        starts(R + H),
        unfinished("rst"),
        lambda seen: equal(True, due(1) + 120 <= seen.end_ms <= due(1) + 120 + LATE_MS),
    ),
    case(
        "close_at",
        {"at": {"event": 2}, "how": "fin"},
        starts(R + H),
        unfinished("fin, then rst"),
        asked=PLAIN_CLOSE,
    ),
    case("end_at", {"at": {"event": 3}}, body(R, H, C)),
    case("end_at", {"at": {"event": 3, "offset": 9}}, body(R, H, C, W[:9])),
    case(
        "border_at",
        {"at": {"event": 3, "offset": 40}, "gap_ms": 60},
        body(ALL),
        sizes(*map(len, (R, H, C, W[:40], W[40:], B, F, U, D))),
        at((W[40:], due(3) + 60), (D, LAST)),
    ),
    *(
        case("border_at", {"at": {"byte": 9}, "writes": way}, body(ALL), sizes(*wanted))
        for way, wanted in {
            "recorded": (9, *map(len, (R[9:], *TEXT[1:]))),
            "two": (9, len(ALL) - 9),
        }.items()
    ),
    *(
        case(
            "close_at",
            {"at": {"after": "accept"}, "how": how, "grace_ms": 60},
            lambda seen, how=how: equal((b"", how), (seen.wire, seen.end)),
            lambda seen, least=least: equal(True, seen.end_ms >= least),
        )
        for how, least in (("fin", 0), ("rst", 60))
    ),
    case(
        "close_at",
        {"at": {"event": 2}, "how": "half_close"},
        starts(R + H),
        unfinished("fin"),
        asked=PLAIN_CLOSE,
    ),
    *(
        case(
            "close_before_head",
            {"how": how},
            lambda seen, end=end: equal((b"", end), (seen.wire, seen.end)),
            lambda seen, least=least: equal(True, seen.end_ms >= least),
        )
        for how, end, least in (
            ("fin", "fin", FIRST),
            ("rst", "rst", FIRST),
            ("refuse", "rst", 0),
        )
    ),
]
