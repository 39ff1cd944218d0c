"""The bytes of requests, as a real socket gets them: not one may change unnoticed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpcore
import httpx
import pytest

from harness.cassette.model import Request
from harness.errors import InputError
from harness.judge.evidence.observation import ClientEnd
from harness.play.client.fetch import fetch
from harness.play.client.httpx_backend import refusal
from harness.play.client.kept_connection import KeptConnection
from harness.scenario.model import Abort, ClientPlan, ReadPlan

pytestmark = pytest.mark.e2e

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
JSON = b'{"model":"m","stream":true}'


@dataclass
class Asked:
    """What is asked, in which way, and the bytes that must come of it."""

    expected: bytes
    method: str = "POST"
    path: str = "/v1/x"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = JSON
    base: str = "http://127.0.0.1:PORT"
    options: dict = field(default_factory=dict)

    @property
    def request(self) -> Request:
        return Request(
            method=self.method, path=self.path, headers=self.headers, body=self.body
        )


def wire(first: bytes, *lines: bytes, body: bytes = JSON, host=b"127.0.0.1:PORT"):
    """Return the bytes of a request: its first line, Host, header lines, body."""
    head = [first + b" HTTP/1.1", b"Host: " + host, *lines, b"", b""]
    return b"\r\n".join(head) + body


def post(*lines: bytes, body: bytes = JSON, path=b"/v1/x", host=b"127.0.0.1:PORT"):
    """Return the bytes of a POST whose length is after the other headers."""
    length = b"Content-Length: %d" % len(body)
    return wire(b"POST " + path, *lines, length, body=body, host=host)


def send(*asked: Asked) -> tuple[list[bytes], list]:
    """Send requests one after another; return the bytes of each, and the exchanges.

    All go to one connection, where a kept one is among their options.
    """
    seen: list[bytes] = []
    ends: list = []

    async def serve(reader, writer):
        serving.append(asyncio.current_task())
        while data := await reader.read(1 << 16):
            wanted = at_port(asked[len(seen)].expected)
            while len(data) < len(wanted) and (more := await reader.read(1 << 16)):
                data += more
            seen.append(data)
            writer.write(ANSWER + (b"" if data.startswith(b"HEAD ") else b"ok"))
        writer.close()

    def at_port(data: bytes) -> bytes:
        return data.replace(b":PORT", b":%d" % port)

    async def main():
        nonlocal port
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, asyncio.timeout(10):
            for one in asked:
                url = one.base.replace("PORT", str(port))
                options = {"deadline_s": 3, **one.options}
                ends.append(await fetch(url, one.request, **options))
            for one in asked:
                if "kept" in one.options:
                    one.options["kept"].close()
            await asyncio.gather(*serving)

    port = 0
    serving: list = []
    asyncio.run(main())
    return [data.replace(b":%d" % port, b":PORT") for data in seen], ends


def check(*asked: Asked) -> list:
    """Compare byte for byte; return the exchanges."""
    seen, exchanges = send(*asked)
    assert [one.expected for one in asked] == seen
    return exchanges


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PURGE"])
def test_a_method_without_a_body_has_no_length(method):
    """Method and target come first, then the host."""
    (exchange,) = check(
        Asked(wire(f"{method} /v1/x".encode(), body=b""), method=method, body=b"")
    )
    assert (ClientEnd.COMPLETE, 200) == (exchange.end, exchange.status)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "post"])
def test_a_method_that_may_have_a_body_has_a_length_without_one(method):
    """The method is written in capitals."""
    first = f"{method.upper()} /v1/x".encode()
    expected = wire(first, b"Content-Length: 0", body=b"")
    check(Asked(expected, method=method, body=b""))


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PURGE"])
def test_every_method_may_have_a_body(method):
    """Its length follows the headers."""
    first = f"{method} /v1/x".encode()
    check(Asked(wire(first, b"Content-Length: 27"), method=method))


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(
            Asked(
                post(b"X-ODD-case: 1", b"x-odd-CASE: 2", b"aCCept: */*", b"ACCEPT: b"),
                headers=(
                    ("X-ODD-case", "1"),
                    ("x-odd-CASE", "2"),
                    ("aCCept", "*/*"),
                    ("ACCEPT", "b"),
                ),
            ),
            id="odd case",
        ),
        pytest.param(
            Asked(
                post(b"Cookie: a=1", b"X: 1", b"Cookie: b=2", b"X: 1"),
                headers=(
                    ("Cookie", "a=1"),
                    ("X", "1"),
                    ("Cookie", "b=2"),
                    ("X", "1"),
                ),
            ),
            id="repeats",
        ),
        pytest.param(
            Asked(
                post(b"X-L: caf\xe9 \xff", b"T: a\tb"),
                headers=(("X-L", "caf\xe9 \xff"), ("T", "a\tb")),
            ),
            id="latin-1",
        ),
        pytest.param(
            Asked(
                wire(b"POST /v1/x", b"Content-Length: 0", b"E: ", b"UA: x", body=b""),
                headers=(("E", ""), ("UA", "x")),
                body=b"",
            ),
            id="an empty value; without a body the length is first",
        ),
        pytest.param(
            Asked(
                post(b"TE: trailers"),
                headers=(
                    ("Host", "other"),
                    ("Content-Length", "999"),
                    ("Connection", "close"),
                    ("TE", "trailers"),
                    ("Keep-Alive", "x"),
                    ("Transfer-Encoding", "chunked"),
                ),
            ),
            id="headers of a connection are written again",
        ),
        pytest.param(
            Asked(
                post(b"User-Agent: x/1", b"Accept-Encoding: br"),
                headers=(("User-Agent", "x/1"), ("Accept-Encoding", "br")),
            ),
            id="what a library would add is what was asked",
        ),
        pytest.param(
            Asked(
                post(b"X: 1", b"Authorization: Bearer x", b"New: n"),
                headers=(("authorization", "a"), ("X", "1")),
                options={"headers": (("Authorization", "Bearer x"), ("New", "n"))},
            ),
            id="headers of the target",
        ),
        pytest.param(
            Asked(
                post(host=b"example.com"),
                options={"headers": (("Host", "example.com"),)},
            ),
            id="a host of the target",
        ),
        pytest.param(
            Asked(
                wire(
                    b"POST /v1/x",
                    b"Transfer-Encoding: chunked",
                    b"Content-Length: 27",
                    body=b"1b\r\n" + JSON + b"\r\n0\r\n\r\n",
                ),
                options={"headers": (("Transfer-Encoding", "chunked"),)},
            ),
            id="a transfer coding of the target",
        ),
    ],
)
def test_headers_keep_their_bytes_and_their_order(asked):
    """Names, case, repeats and bytes above ASCII pass; Host is first, length last."""
    check(asked)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "*", "/a?b=c&d=%20e", "/a?", "/a%2Fb", "/%C3%A9", "//x//y"),
        *("/..//b/./c", "/a#frag", "/a[1]|\\^`{}"),
    ],
)
def test_a_path_is_not_normalised(path):
    """The request target is the path of the request as it is."""
    first = b"GET " + path.encode()
    check(Asked(wire(first, body=b""), method="GET", path=path, body=b""))


@pytest.mark.parametrize(
    ("base", "path", "host"),
    [
        ("http://127.0.0.1:PORT/", b"/v1/x", b"127.0.0.1:PORT"),
        ("http://127.0.0.1:PORT/base/", b"/base/v1/x", b"127.0.0.1:PORT"),
        ("http://127.0.0.1:PORT/b%20c", b"/b%20c/v1/x", b"127.0.0.1:PORT"),
        ("http://127.0.0.1:PORT/\xe9", b"/%C3%A9/v1/x", b"127.0.0.1:PORT"),
        ("http://LOCALHOST:PORT", b"/v1/x", b"localhost:PORT"),
    ],
)
def test_the_path_follows_that_of_the_base_url(base, path, host):
    """What the base URL says of the host is the Host header."""
    check(Asked(post(path=path, host=host), base=base))


def test_a_user_of_the_base_url_becomes_credentials():
    """They are after the length."""
    expected = wire(
        b"POST /v1/x", b"Content-Length: 27", b"Authorization: Basic dXM6cEB3"
    )
    check(Asked(expected, base="http://us:p%40w@127.0.0.1:PORT"))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"a":"\xe9\U0001f600"}'.encode(), id="utf-8"),
        pytest.param(bytes(range(256)), id="every byte"),
        pytest.param(b"x" * 300_000, id="more than a buffer"),
    ],
)
def test_a_body_passes_as_it_is(body):
    """Nothing is coded, and nothing is split into chunks."""
    check(Asked(post(body=body), body=body))


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (JSON, b'{"model":"m","stream":true,"user":"t1"}'),
        (
            b'{ "user": "me", "z": 1.0, "a": "\\ud83d\\ude00 \\u00e9 \\ud800" }',
            b'{"user":"t1","z":1.0,"a":"\xf0\x9f\x98\x80 \xc3\xa9 \xed\xa0\x80"}',
        ),
        (b"[1, 2]", b"[1, 2]"),
        (b"\xff", b"\xff"),
    ],
)
def test_a_token_stands_last_of_the_headers_and_in_the_body(body, sent):
    """It replaces one that was there, whatever its case."""
    expected = post(b"X: 1", b"x-harness-stream: t1", body=sent)
    headers = (("X-Harness-Stream", "old"), ("X", "1"))
    check(Asked(expected, headers=headers, body=body, options={"token": "t1"}))


def test_the_environment_changes_nothing(monkeypatch, tmp_path):
    """No proxy and no credentials of it are used."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    check(Asked(post()))


@pytest.mark.parametrize(
    "plan",
    [
        ClientPlan(read=ReadPlan(bytes_per_s=100_000), receive_buffer=4096),
        ClientPlan(abort=Abort(after_bytes=1)),
        ClientPlan(deadline_ms=2_000),
    ],
)
def test_what_a_client_does_later_changes_nothing(plan):
    """A slow client, and one that will leave, ask as any other."""
    check(Asked(post(), options={"plan": plan}))


def test_a_kept_connection_carries_the_same_bytes_again():
    """Nothing says that it is kept: that is HTTP/1.1's default."""
    kept = KeptConnection()

    def asked(token: str) -> Asked:
        body = b'{"model":"m","stream":true,"user":"%b"}' % token.encode()
        expected = post(b"x-harness-stream: " + token.encode(), body=body)
        return Asked(expected, options={"kept": kept, "token": token})

    bare = Asked(
        wire(b"HEAD /v1/x", body=b""), method="HEAD", body=b"", options={"kept": kept}
    )
    slowly = ClientPlan(read=ReadPlan(bytes_per_s=100_000))
    slow = Asked(post(), options={"kept": kept, "plan": slowly})
    last = Asked(post())
    exchanges = check(asked("t1"), asked("t2"), bare, slow, last)
    assert [False, True, True, True, False] == [one.reused for one in exchanges]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(Asked(b"", headers=(("X", "a\nb"),)), id="line end in a value"),
        pytest.param(Asked(b"", headers=(("X Y", "a"),)), id="space in a name"),
        pytest.param(Asked(b"", headers=(("X", " a "),)), id="spaces round a value"),
        pytest.param(Asked(b"", headers=(("X", "\u20ac"),)), id="not latin-1"),
        pytest.param(Asked(b"", path="/a b"), id="space in a path"),
        pytest.param(Asked(b"", path="/\xe9"), id="a path that is not ASCII"),
        pytest.param(Asked(b"", base="ftp://127.0.0.1:PORT"), id="no HTTP"),
        pytest.param(Asked(b"", base="127.0.0.1:PORT"), id="no scheme"),
    ],
)
def test_what_cannot_be_sent_is_an_error_of_ours_and_sends_nothing(asked):
    """It is no failure of a target, and not a byte of it arrives."""
    with pytest.raises(InputError, match="cannot be sent"):
        send(asked)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, None),
        (httpcore.ConnectError("nobody there"), "nobody there"),
        (httpcore.RemoteProtocolError("no HTTP"), None),
        (httpcore.ReadError("the connection was reset"), None),
        (httpcore.WriteError("the connection is closed"), None),
    ],
)
def test_only_a_connection_that_was_not_made_is_a_refusal(error, expected):
    """What is wrong with an answer is judged from its bytes."""
    assert expected == refusal(error)


@pytest.mark.parametrize(
    "error",
    [httpx.InvalidURL("no URL"), httpcore.LocalProtocolError("x"), ValueError("x")],
)
def test_every_other_error_is_one_of_ours(error):
    """The URL or the request is wrong, and that is said."""
    with pytest.raises(InputError, match="the request cannot be sent"):
        refusal(error)


def test_a_client_that_reads_slowly_cannot_use_tls():
    """The exchange says so, as for a port without a listener."""
    plan = ClientPlan(read=ReadPlan(bytes_per_s=100))
    asked = Asked(b"", base="https://127.0.0.1:PORT", options={"plan": plan})
    _, (exchange,) = send(asked)
    assert (ClientEnd.REFUSED, "a client that reads slowly cannot use TLS") == (
        exchange.end,
        exchange.why,
    )
