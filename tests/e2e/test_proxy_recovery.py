"""v2 on real sockets: attempts, the circuit breaker, timeouts, openings held back."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from proxy.v2 import make_relay
from tests.e2e.proxy_bench import (
    ALL,
    CHUNKED,
    FIN,
    HOLD,
    ONCE,
    RST,
    STREAM,
    TERMINATOR,
    bench,
    chunk,
    exchange,
    post,
    referee,
    split,
    text,
)

pytestmark = pytest.mark.e2e

DONE = b"data: [DONE]\n\n"
BUSY = b"HTTP/1.1 503 Busy\r\nX-Id: 7\r\nContent-Length: 5\r\n\r\nsorry"
SLOW_DOWN = b"HTTP/1.1 429 Slow\r\nRetry-After: %d\r\nContent-Length: 4\r\n\r\nwait"
BAD = b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno"


def event(words):
    """Return an event with a text."""
    value = {"choices": [{"index": 0, "delta": {"content": words}}]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


GOOD = [CHUNKED, chunk(event("Hello")), chunk(DONE), TERMINATOR, FIN]
CUT = [CHUNKED, chunk(event("Hello")), 0.05, FIN]


def ask(scripts, *, request=None, **settings):
    """Return status, body and end of an answer, and its duration."""
    environ = ALL | {f"STREAMING_{k.upper()}": str(v) for k, v in settings.items()}
    began = time.monotonic()
    answer, how = exchange(
        scripts,
        request or post(STREAM, extra=ONCE),
        relay=make_relay,
        environ=environ,
    )
    lines, _ = split(answer)
    return lines, text(referee(answer, eof=False)), how, time.monotonic() - began


class TestRetry:
    @pytest.mark.parametrize("first", [[BUSY, FIN], [RST], [FIN]])
    def test_answer_of_a_later_attempt_reaches_the_client(self, first):
        """Nothing of the first is seen."""
        lines, body, _, took_s = ask([first, first, GOOD], retry_backoff_ms=50)

        assert lines[0] == b"HTTP/1.1 200 OK"
        assert body == event("Hello") + DONE
        assert took_s >= 0.9 * (0.05 + 0.1)

    def test_last_answer_passes(self):
        """The upstream's own words."""
        lines, body, *_ = ask([[BUSY, FIN]], retry_backoff_ms=1)

        assert lines[0].startswith(b"HTTP/1.1 503 ")
        assert body == b"sorry"
        assert b"X-Id: 7" in lines

    def test_time_that_the_upstream_names_is_kept(self):
        """If it is short; else the answer passes immediately."""
        *_, body, _, took_s = ask([[SLOW_DOWN % 1, FIN], GOOD])
        assert body == event("Hello") + DONE
        assert took_s >= 1

        lines, body, _, took_s = ask([[SLOW_DOWN % 60, FIN], GOOD])
        assert (b"Retry-After: 60" in lines, body) == (True, b"wait")
        assert took_s < 10

    def test_answer_that_began_is_never_asked_for_again(self):
        """It is cut, and the client gets an error event."""
        asked = []

        async def scene(client, upstream):
            answer, _ = await client.ask(post(STREAM, extra=ONCE))
            asked.append((answer, len(upstream.requests)))

        bench([CUT, GOOD], scene, relay=make_relay)
        ((answer, requests),) = asked
        assert requests == 1
        assert b"upstream_truncated" in answer
        assert not answer.endswith(TERMINATOR)


class TestBreaker:
    def test_circuit_opens_refuses_probes_and_closes(self):
        """A whole outage: failures, refusals, one probe of many, all well again."""
        environ = ALL | {
            "STREAMING_MAX_ERRORS": "3",
            "STREAMING_RETRIES": "0",
            "STREAMING_BREAKER_OPEN_SECONDS": "0.5",
        }
        seen = {}

        async def scene(client, upstream):
            async def status():
                answer, _ = await client.ask(post(STREAM, extra=ONCE))
                return split(answer)

            seen["failing"] = [(await status())[0][0] for _ in range(3)]
            seen["refused"] = await status()
            seen["asked"] = len(upstream.requests)
            await asyncio.sleep(0.6)
            herd = await asyncio.gather(*(status() for _ in range(20)))
            seen["herd"] = [lines[0] for lines, _ in herd]
            seen["probes"] = len(upstream.requests) - seen["asked"]
            seen["after"] = (await status())[0][0]

        slow = [0.3, *GOOD]
        bench(
            [[RST], [RST], [RST], slow, GOOD], scene, relay=make_relay, environ=environ
        )
        lines, body = seen["refused"]
        assert seen["failing"] == [b"HTTP/1.1 502 Bad Gateway"] * 3
        assert lines[0] == b"HTTP/1.1 503 Service Unavailable"
        assert b"retry-after: 1" in lines
        assert json.loads(body)["error"]["code"] == "circuit_open"
        assert seen["asked"] == 3
        assert seen["probes"] == 1
        assert seen["herd"].count(b"HTTP/1.1 200 OK") == 1
        assert seen["herd"].count(b"HTTP/1.1 503 Service Unavailable") == 19
        assert seen["after"] == b"HTTP/1.1 200 OK"

    def test_clients_that_leave_and_bad_requests_open_nothing(self):
        """Thirty of each, and the upstream is still asked."""
        environ = ALL | {"STREAMING_MAX_ERRORS": "3"}
        seen = []

        async def scene(client, upstream):
            for _ in range(30):
                upstream.asked.clear()
                _, writer = await client.open()
                writer.write(post(STREAM))
                await asyncio.wait_for(upstream.asked.wait(), 5)
                writer.transport.abort()
            upstream.scripts[:] = [[BAD, FIN]]
            for _ in range(30):
                await client.ask(post(STREAM, extra=ONCE))
            upstream.scripts[:] = [GOOD]
            answer, _ = await client.ask(post(STREAM, extra=ONCE))
            seen.append(split(answer)[0][0])

        bench(
            [[CHUNKED, chunk(event("Hello")), HOLD]],
            scene,
            relay=make_relay,
            environ=environ,
        )
        assert seen == [b"HTTP/1.1 200 OK"]


class TestTimeouts:
    @pytest.mark.parametrize(
        ("script", "setting", "code"),
        [
            ([HOLD], "first_byte_timeout_seconds", "upstream_first_byte_timeout"),
            ([CHUNKED, HOLD], "first_byte_timeout_seconds", None),
            (
                [CHUNKED, chunk(event("Hello")), HOLD],
                "idle_timeout_seconds",
                "upstream_idle_timeout",
            ),
            ([CHUNKED, chunk(event("Hello")), HOLD], "timeout_seconds", None),
            ([HOLD], "timeout_seconds", "stream_timeout"),
        ],
    )
    def test_each_limit_ends_the_stream_in_its_time(self, script, setting, code):
        """With an error of its own, and the upstream freed."""
        lines, body, _, took_s = ask([script], **{setting: 0.3})

        assert 0.3 <= took_s < 10
        if script == [HOLD]:
            assert lines[0].startswith(b"HTTP/1.1 504 ")
        expected = (
            code
            or {
                "first_byte_timeout_seconds": "upstream_first_byte_timeout",
                "timeout_seconds": "stream_timeout",
            }[setting]
        )
        assert expected.encode() in body

    def test_comments_keep_an_upstream_from_being_idle(self):
        """They are bytes too."""
        pinging = [CHUNKED, chunk(event("Hello"))]
        for _ in range(6):
            pinging += [0.15, chunk(b": ping\n\n")]

        *_, body, _, took_s = ask(
            [[*pinging, chunk(DONE), TERMINATOR, FIN]], idle_timeout_seconds=0.3
        )

        assert took_s > 0.8
        assert body == event("Hello") + b": ping\n\n" * 6 + DONE


class TestHold:
    def test_opening_that_is_taken_back_is_replaced(self):
        """While it is held; without holding it was sent already."""
        script = [CHUNKED]
        for words in ("Hello wor", "Hello", " you"):
            script += [chunk(event(words)), 0.05]
        script += [chunk(DONE), TERMINATOR, FIN]

        _, held, *_ = ask([script], hold_ms=1000)
        _, sent, *_ = ask([script])

        assert held == event("Hello") + event(" you") + DONE
        assert sent == event("Hello wor") + event(" you") + DONE

    def test_first_text_waits_no_longer_than_allowed(self):
        """Then it is sent, even if nothing follows."""
        arrived = []

        async def scene(client, _):
            reader, writer = await client.open()
            began = time.monotonic()
            writer.write(post(STREAM))
            await reader.readuntil(b"Hello")
            arrived.append(time.monotonic() - began)
            writer.close()

        bench(
            [[CHUNKED, chunk(event("Hello")), HOLD]],
            scene,
            relay=make_relay,
            environ=ALL | {"STREAMING_HOLD_MS": "200"},
        )
        assert 0.2 <= arrived[0] < 5
