"""Classes of failure on the wire, through both real architectures.

Raw sockets on both sides. The classes are those of docs/design/failure-classes.md:
1 (cuts), 20 (content coding), 33 (headers of one connection), 34 (framings and
lengths), 35 (bad chunks), 43 (header injection, in ``test_proxy_attacks``). For v1 the
tests pin the behaviour of the legacy; for v2 they demand that of a correct proxy.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any, NamedTuple

import h11
import pytest

from proxy import v1, v2
from tests.e2e.proxy_bench import (
    CHUNKED,
    CLOSE_DELIMITED,
    FIN,
    HOLD,
    ONCE,
    RST,
    STREAM,
    TERMINATOR,
    Bench,
    Upstream,
    bench,
    chunk,
    exchange,
    post,
    referee,
    split,
    text,
)

pytestmark = pytest.mark.e2e

REAL = {"v1": v1.make_relay, "v2": v2.make_relay}
SWITCH = {
    "v1": {"NEW_STREAMING_ROLLOUT_PERCENTAGE": "0"},
    "v2": {"NEW_STREAMING_ROLLOUT_PERCENTAGE": "100"},
}


def event(words: str | None, finish: str | None = None) -> bytes:
    """One event with one delta."""
    delta = {} if words is None else {"content": words}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


ONE, TWO, STOP, DONE = (
    event("one"),
    event(" two"),
    event(None, "stop"),
    b"data: [DONE]\n\n",
)
WHOLE = ONE + TWO + STOP + DONE


class Seen(NamedTuple):
    """A client's view of an answer.

    Attributes:
        status: Of the answer.
        words: The deltas that came, joined.
        done: Whether ``[DONE]`` came.
        told: Whether an error event or an error body came.
        framed: Whether the framing says that the answer is whole.
    """

    status: int
    words: str
    done: bool
    told: bool
    framed: bool


def see(version: str, script: list[Any]) -> tuple[Seen, list[bytes]]:
    """Play a script through one architecture; return the outcome and the head."""
    answer, _ = exchange(
        [script], post(STREAM, extra=ONCE), environ=SWITCH[version], relay=REAL
    )
    lines, _ = split(answer)
    assert b"x-streaming-architecture: " + version.encode() in lines
    try:
        framed = isinstance(referee(answer)[-1], h11.EndOfMessage)
    except h11.RemoteProtocolError:
        framed = False
    body = text(referee(answer, eof=False))
    words, told = "", body.startswith(b'{"error"')
    for block in body.split(b"\n\n"):
        payload = block.partition(b"data: ")[2]
        if payload.startswith(b"{"):
            value = json.loads(payload)
            told = told or "error" in value
            for choice in value.get("choices", []):
                words += choice["delta"].get("content", "")
    done = b"data: [DONE]" in body
    return Seen(int(lines[0][9:12]), words, done, told, framed), lines


def chunks(*parts: bytes) -> list[Any]:
    """A chunked answer without its terminator."""
    return [CHUNKED, *map(chunk, parts)]


def sized(length: int) -> bytes:
    """A head with a length."""
    return CLOSE_DELIMITED[:-2] + b"Content-Length: %d\r\n\r\n" % length


def coded(coding: bytes) -> bytes:
    """The head of a chunked answer in a content coding."""
    return CHUNKED[:-2] + b"Content-Encoding: %b\r\n\r\n" % coding


TOLD = Seen(200, "one two", done=False, told=True, framed=False)
GOOD = Seen(200, "one two", done=True, told=False, framed=True)
CLEAN = Seen(200, "one two", done=False, told=False, framed=True)
"""v1 turns a cut into a clean end (C12)."""
LOST = Seen(200, "", done=False, told=False, framed=True)
"""And what it makes of one in the opening: what it held is lost (C11)."""
SHORT = Seen(200, "one two", done=False, told=False, framed=False)
"""It copies a length; only the close before it shows the cut (C13)."""

CUTS = {
    # name: script, what v1 does, what v2 does
    "fin-at-border": ([*chunks(ONE, TWO), 0.05, FIN], CLEAN, TOLD),
    "rst-at-border": ([*chunks(ONE, TWO), RST], CLEAN, TOLD),
    "fin-in-event": ([*chunks(ONE, TWO, STOP[:30]), FIN], CLEAN, TOLD),
    "fin-in-chunk": ([*chunks(ONE, TWO), chunk(STOP)[:25], FIN], CLEAN, TOLD),
    "fin-in-opening": (
        [*chunks(ONE, TWO[:20]), FIN],
        LOST,
        TOLD._replace(words="one"),
    ),
    "fin-after-head": ([CHUNKED, FIN], LOST, TOLD._replace(words="")),
    "fin-before-terminator": ([*chunks(ONE, TWO, STOP, DONE), FIN], GOOD, GOOD),
    "half-a-terminator": ([*chunks(ONE, TWO, STOP, DONE), b"0\r\n", FIN], GOOD, GOOD),
    "fin-short-of-length": ([sized(999) + ONE + TWO, FIN], SHORT, TOLD),
    "rst-short-of-length": ([sized(999) + ONE + TWO, RST], SHORT, TOLD),
    "rst-close-delimited": ([CLOSE_DELIMITED + ONE + TWO, RST], CLEAN, TOLD),
    "bad-chunk-size": ([*chunks(ONE, TWO), b"zz\r\n" + STOP, HOLD], CLEAN, TOLD),
    "chunk-size-too-small": ([*chunks(ONE, TWO), b"5\r\n" + STOP, HOLD], CLEAN, TOLD),
    "chunk-size-of-17-digits": (
        [*chunks(ONE, TWO), b"f" * 17 + b"\r\n" + STOP, HOLD],
        CLEAN,
        TOLD,
    ),
    "gzip-cut": (
        [coded(b"gzip"), chunk(gzip.compress(ONE + TWO + STOP)[:-8]), TERMINATOR, HOLD],
        CLEAN,
        TOLD,
    ),
    "gzip-lie": (
        [coded(b"gzip"), chunk(WHOLE), TERMINATOR, HOLD],
        LOST,
        TOLD._replace(words=""),
    ),
}


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("case", CUTS)
def test_a_cut_is_told_by_v2_and_hidden_by_v1(case, version):
    """Classes 1, 20, 34 and 35: the bytes before it arrive; nothing looks finished."""
    script, legacy, right = CUTS[case]
    seen, _ = see(version, script)
    assert seen == (legacy if version == "v1" else right)


def deflated(*, wbits: int) -> bytes:
    """The whole answer in deflate."""
    coder = zlib.compressobj(wbits=wbits)
    return coder.compress(WHOLE) + coder.flush()


WHOLES = {
    "chunked": [*chunks(ONE, TWO, STOP, DONE), TERMINATOR, HOLD],
    "length": [sized(len(WHOLE)) + WHOLE, HOLD],
    "close": [CLOSE_DELIMITED + WHOLE, FIN],
    "http-1.0": [CLOSE_DELIMITED.replace(b"1.1", b"1.0") + WHOLE, FIN],
    "one-chunk-per-byte": [
        CHUNKED,
        *(chunk(WHOLE[n : n + 1]) for n in range(len(WHOLE))),
        TERMINATOR,
        HOLD,
    ],
    "extensions-and-trailers": [
        CHUNKED,
        b'%x;a=b;c="d"\r\n%b\r\n' % (len(WHOLE), WHOLE),
        b"0\r\nX-Late: 1\r\n\r\n",
        HOLD,
    ],
    "bytes-behind-the-terminator": [
        *chunks(ONE, TWO, STOP, DONE),
        TERMINATOR + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nGHOST",
        HOLD,
    ],
    "coding-named-twice": [
        CHUNKED[:-2] + b"Transfer-Encoding: chunked\r\n\r\n",
        chunk(WHOLE),
        TERMINATOR,
        HOLD,
    ],
    "gzip": [coded(b"gzip"), chunk(gzip.compress(WHOLE)), TERMINATOR, HOLD],
    "gzip-length": [
        sized(len(gzip.compress(WHOLE, mtime=0)))[:-2]
        + b"Content-Encoding: x-gzip\r\n\r\n"
        + gzip.compress(WHOLE, mtime=0),
        HOLD,
    ],
    "gzip-close": [
        CLOSE_DELIMITED[:-2] + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(WHOLE),
        FIN,
    ],
    "deflate": [coded(b"deflate"), chunk(deflated(wbits=15)), TERMINATOR, HOLD],
    "raw-deflate": [coded(b"deflate"), chunk(deflated(wbits=-15)), TERMINATOR, HOLD],
}


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("case", WHOLES)
def test_a_whole_answer_is_whole_in_every_framing_and_coding(case, version):
    """Framing is written anew, a coding is taken off, and no stale header is left."""
    seen, lines = see(version, WHOLES[case])
    assert seen == GOOD
    names = [line.partition(b":")[0].lower() for line in lines]
    framings = [n for n in names if n in (b"transfer-encoding", b"content-length")]
    assert len(framings) == 1
    assert b"content-encoding" not in names
    assert not any(b"GHOST" in line for line in lines)


def test_a_coded_event_does_not_wait_for_the_next_one():
    """Each flush of the upstream is an event at the client, before the next is sent."""
    coder = zlib.compressobj(wbits=31)
    parts = [
        coder.compress(e) + coder.flush(zlib.Z_SYNC_FLUSH) for e in (ONE, TWO, DONE)
    ]

    async def scene(b: Bench, upstream: Upstream) -> None:
        reader, writer = await b.open()
        writer.write(post(STREAM))
        await asyncio.wait_for(reader.readuntil(b'"one"'), 2)
        await asyncio.wait_for(reader.readuntil(b'" two"'), 2)
        assert upstream.written < len(b"".join(parts)) + len(coded(b"gzip")) + 20
        writer.close()

    steps = [coded(b"gzip"), chunk(parts[0]), 0.2, chunk(parts[1]), 0.2, HOLD]
    bench([steps], scene, environ=SWITCH["v2"], relay=REAL)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_headers_of_one_connection(version):
    """Class 33: v2 drops them and what ``Connection`` lists; v1 copies (C13)."""
    hop = [
        b"X-Hop: 1",
        b"Keep-Alive: timeout=5",
        b"Proxy-Authenticate: x",
        b"Trailer: x",
    ]
    kept = [b"X-Request-Id: r-1", b"Retry-After: 7", b"X-A: 1", b"X-A: 2"]
    head = CHUNKED[:-2] + b"Connection: keep-alive, x-hop\r\n"
    head += b"".join(line + b"\r\n" for line in hop + kept) + b"\r\n"
    seen, lines = see(version, [head, chunk(WHOLE), TERMINATOR, HOLD])
    assert seen == GOOD
    assert [line for line in lines if line in kept] == kept
    assert [line for line in lines if line in hop] == (hop if version == "v1" else [])


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503, 529])
def test_an_error_answer_passes_byte_for_byte(status):
    """Class 17: status, ``Retry-After``, ids, compressed body and all, through v2."""
    body = gzip.compress(b'{"error": {"message": "no"}}')
    head = (
        b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nRetry-After: 7777\r\n"
        b"Content-Encoding: gzip\r\nx-request-id: r-1\r\nretry-after-ms: 7777000\r\n"
        b"Content-Length: %d\r\n\r\n" % (status, len(body))
    )
    answer, _ = exchange(
        [[head + body, HOLD]],
        post(STREAM, extra=ONCE),
        environ=SWITCH["v2"],
        relay=REAL,
    )
    lines, got = split(answer)
    assert int(lines[0][9:12]) == status
    assert got == body
    assert lines[1:7] == head.split(b"\r\n")[1:7]


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"zstd"])
@pytest.mark.parametrize("kind", [b"text/event-stream", b"application/octet-stream"])
def test_what_passes_through_keeps_its_coding(coding, kind):
    """Outside of streams nothing is decoded, event streams neither (class 20)."""
    body = gzip.compress(WHOLE)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Encoding: %b\r\n" % (
        kind,
        coding,
    )
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    answer, _ = exchange([[head + body, HOLD]], post({"model": "m"}, extra=ONCE))
    lines, got = split(answer)
    assert got == body
    assert b"Content-Encoding: " + coding in lines


def test_a_connection_in_doubt_never_serves_the_next_client():
    """Classes 18 and 35: bytes after an answer reach nobody."""
    ghost = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nGHOST"
    scripts: list[list[Any]] = [
        [*chunks(WHOLE), TERMINATOR + ghost, HOLD],
        [*chunks(WHOLE), TERMINATOR, 0.02, ghost, HOLD],
        [sized(3) + b"abcGHOST", HOLD],
        [*chunks(WHOLE), b"zz\r\n", HOLD],
        [*chunks(WHOLE), TERMINATOR, HOLD],
    ]

    async def scene(b: Bench, upstream: Upstream) -> None:
        for number in range(len(scripts)):
            answer, _ = await b.ask(post(STREAM, extra=ONCE))
            assert b"GHOST" not in answer
            await asyncio.sleep(0.05)
            assert len(upstream.writers) == number + 1
        await b.ask(post(STREAM, extra=ONCE))
        # The last answer ended exactly, so its connection served again.
        assert len(upstream.writers) == len(scripts)

    bench([*scripts], scene, environ=SWITCH["v2"], relay=REAL)
