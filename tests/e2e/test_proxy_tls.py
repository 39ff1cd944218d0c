"""TLS to the upstream: certificate and name are checked; the log says what failed."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.cli import _tls
from tests.e2e.proxy_bench import (
    ALL,
    CHUNKED,
    FIN,
    HOLD,
    ONCE,
    RST,
    SSE,
    STREAM,
    TERMINATOR,
    Bench,
    Upstream,
    bench,
    chunk,
    post,
    referee,
    text,
)

pytestmark = pytest.mark.e2e

WHOLE: list[Any] = [CHUNKED, chunk(SSE[0]), 0.02, chunk(SSE[1]), TERMINATOR, HOLD]
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Somebody who may vouch for upstreams."""
    return trustme.CA()


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """The server's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def trusting(authority: trustme.CA, tmp_path: Path) -> ssl.SSLContext:
    """The proxy's side, as ``--upstream-ca`` makes it."""
    path = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(path))
    context = _tls(path)
    assert context is not None
    return context


def ask(
    script: list[Any],
    server: ssl.SSLContext,
    tls: ssl.SSLContext | None,
    times: int = 1,
) -> tuple[list[bytes], int]:
    """Return the answers, and how many connections the upstream saw."""
    answers: list[bytes] = []
    connections: list[int] = []

    async def scene(b: Bench, upstream: Upstream) -> None:
        asked = [await b.ask(post(STREAM, extra=ONCE)) for _ in range(times)]
        answers.extend(answer for answer, _ in asked)
        connections.append(len(upstream.writers))

    bench([script], scene, environ=ALL, tls=tls, server_tls=server)
    return answers, connections[0]


def test_a_trusted_upstream_streams_and_its_connection_is_used_again(
    authority, tmp_path
):
    """Three exchanges, one handshake."""
    server = serving(authority.issue_cert("127.0.0.1"))
    answers, connections = ask(WHOLE, server, trusting(authority, tmp_path), times=3)
    assert [text(referee(answer)) for answer in answers] == [b"".join(SSE)] * 3
    assert connections == 1


@pytest.mark.parametrize("how", [FIN, RST])
def test_a_cut_over_tls_is_a_cut(authority, tmp_path, how):
    """No terminator, however the connection ends."""
    server = serving(authority.issue_cert("127.0.0.1"))
    script = [CHUNKED, chunk(SSE[0]), 0.02, how]
    (answer,), _ = ask(script, server, trusting(authority, tmp_path))
    assert chunk(SSE[0]) in answer
    assert not answer.endswith(TERMINATOR)


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ("name", "IP address mismatch"),
        ("expired", "certificate has expired"),
        ("untrusted", "unable to get local issuer certificate"),
        ("system", "unable to get local issuer certificate"),
    ],
)
def test_what_cannot_be_trusted_is_a_502_and_the_log_says_why(
    authority, tmp_path, caplog, flaw, reason
):
    """A wrong name, an old certificate, a stranger; nothing of the request is sent."""
    certificate = {
        "name": lambda: authority.issue_cert("other.example"),
        "expired": lambda: authority.issue_cert("127.0.0.1", not_after=PAST),
        "untrusted": lambda: trustme.CA().issue_cert("127.0.0.1"),
        "system": lambda: authority.issue_cert("127.0.0.1"),
    }[flaw]()
    tls = None if flaw == "system" else trusting(authority, tmp_path)
    with caplog.at_level(logging.WARNING, logger="proxy"):
        (answer,), connections = ask(WHOLE, serving(certificate), tls)
    assert int(answer[9:12]) == 502
    assert connections == 0
    facts = [r.fields for r in caplog.records if "connection failed" in r.message]
    assert reason in facts[0]["reason"]
    assert facts[0]["reason"].startswith("certificate refused: ")


def test_an_authority_of_the_environment_is_trusted(authority, tmp_path, monkeypatch):
    """``SSL_CERT_FILE`` as OpenSSL reads it, where no option says otherwise."""
    path = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    server = serving(authority.issue_cert("127.0.0.1"))
    (answer,), _ = ask(WHOLE, server, None)
    assert text(referee(answer)) == b"".join(SSE)


def test_a_plain_server_where_tls_is_expected_is_a_502(caplog):
    """The handshake fails, and the log says so."""
    answers: list[bytes] = []
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]

    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def scene(b: Bench, _: Upstream) -> None:
        async with await asyncio.start_server(plain, sock=sock):
            answers.append((await b.ask(post(STREAM, extra=ONCE)))[0])

    with caplog.at_level(logging.WARNING, logger="proxy"):
        bench([[]], scene, upstream_url=f"https://127.0.0.1:{port}")
    assert int(answers[0][9:12]) == 502
    facts = [r.fields for r in caplog.records if "connection failed" in r.message]
    assert "SSL" in facts[0]["reason"]


@pytest.mark.parametrize("content", ["", "no certificate\n"])
def test_a_file_without_authorities_stops_the_start(tmp_path, content):
    """One message with the option and the file, exit status 2."""
    path = tmp_path / "authorities.pem"
    path.write_text(content)
    command = [sys.executable, "-m", "proxy", "--upstream", "https://h"]
    done = subprocess.run(
        [*command, "--upstream-ca", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"--upstream-ca: expected certificates in PEM in {path}" in done.stderr
    assert "Traceback" not in done.stderr
