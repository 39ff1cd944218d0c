"""HTTP/2 over TLS, on both sides of the recorder."""

from __future__ import annotations

import datetime as dt
import ipaddress
import itertools
import socket
import ssl
import struct
import threading
import time

import pytest

from harness.cassette.model import EndingKind

pytest.importorskip("mitmproxy", reason="the extra `record` is not installed")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes

pytestmark = pytest.mark.e2e

EVENTS = [b"data: one\n\n", b"data: two\n\n", b"data: [DONE]\n\n"]
GAP_S = 0.03
PATHS = itertools.count()


class Http2Upstream:
    """Answers each path of HTTP/2 with steps; one connection a thread.

    Steps are bytes (a DATA frame), ``"end"`` (an empty frame that ends the stream),
    ``"reset"`` (RST_STREAM), ``"goaway"``, ``"fin"``, ``"rst"``, ``"until-left"``.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.plans: dict[str, list] = {}
        self.left = threading.Event()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as sock:
                assert "h2" == sock.selected_alpn_protocol()
                self._talk(sock)
        except OSError:
            plain.close()

    def _talk(self, sock: ssl.SSLSocket) -> None:
        config = H2Configuration(client_side=False, header_encoding="utf-8")
        connection = H2Connection(config)
        connection.initiate_connection()
        sock.sendall(connection.data_to_send())
        asked: dict[int, str] = {}
        while data := sock.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, events.RequestReceived):
                    asked[event.stream_id] = dict(event.headers)[":path"]
                elif isinstance(event, events.StreamEnded):
                    path = asked.pop(event.stream_id)
                    self._answer(sock, connection, event.stream_id, path)
                elif isinstance(event, events.StreamReset):
                    self.left.set()
            sock.sendall(connection.data_to_send())

    def _answer(self, sock, connection, stream: int, path: str) -> None:
        head = [(":status", "200"), ("content-type", "text/event-stream")]
        connection.send_headers(stream, head)
        for step in self.plans[path]:
            if isinstance(step, bytes):
                connection.send_data(stream, step)
            elif isinstance(step, float):
                time.sleep(step)
            elif step == "end":
                connection.end_stream(stream)
            elif step == "reset":
                connection.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
            elif step == "goaway":
                connection.close_connection(ErrorCodes.INTERNAL_ERROR)
            elif step == "rst":
                linger = struct.pack("ii", 1, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                # TLS would say goodbye; the socket itself is closed beneath it.
                socket.socket(fileno=sock.detach()).close()
                raise OSError
            elif step == "fin":
                sock.close()
                raise OSError
            sock.sendall(connection.data_to_send())


def make_certificate(folder):
    """Write a certificate for 127.0.0.1 and its key; return both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "upstream")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "upstream.pem", folder / "upstream.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder for certificates and cassettes."""
    return tmp_path_factory.mktemp("http2")


@pytest.fixture(scope="module")
def upstream(folder):
    """Start a server that speaks HTTP/2 only."""
    certificate, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    server = Http2Upstream(context)
    yield server
    server.close()


@pytest.fixture(scope="module")
def recorder(upstream, folder, record):
    """Run a recorder that trusts that server."""
    arguments = ("--upstream", upstream.url, "--upstream-ca", folder / "upstream.pem")
    with record(folder, *arguments, "--idle-timeout", "2") as running:
        yield running


class Client:
    """A connection of HTTP/2 to the recorder."""

    def __init__(self, recorder) -> None:
        authority = recorder.folder / ".mitmproxy" / "mitmproxy-ca-cert.pem"
        context = ssl.create_default_context(cafile=authority)
        context.set_alpn_protocols(["h2"])
        # mitmproxy's certificate names the upstream, which has the same address.
        self.sock = context.wrap_socket(recorder.connect(), server_hostname="127.0.0.1")
        assert "h2" == self.sock.selected_alpn_protocol()
        self.connection = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.data: dict[int, bytes] = {}
        self.over: dict[int, str] = {}

    def ask(self, path: str) -> int:
        stream = self.connection.get_next_available_stream_id()
        head = [(":method", "POST"), (":scheme", "https"), (":path", path)]
        head += [
            (":authority", "127.0.0.1"),
            ("authorization", "Bearer abcdef123456789"),
        ]
        self.connection.send_headers(stream, head)
        self.connection.send_data(stream, b'{"model": "m"}', end_stream=True)
        self.data[stream] = b""
        self._flush()
        return stream

    def read_until(self, stream: int, wanted: bytes | None = None) -> bytes:
        """Read until some bytes arrived, or until the stream is over."""
        while stream not in self.over and (
            wanted is None or wanted not in self.data[stream]
        ):
            received = self.sock.recv(65536)
            if not received:
                break
            for event in self.connection.receive_data(received):
                self._take(event)
            self._flush()
        return self.data[stream]

    def _take(self, event) -> None:
        if isinstance(event, events.DataReceived):
            self.data[event.stream_id] += event.data
            size = event.flow_controlled_length
            self.connection.acknowledge_received_data(size, event.stream_id)
        elif isinstance(event, events.StreamEnded):
            self.over[event.stream_id] = "ended"
        elif isinstance(event, events.StreamReset):
            self.over[event.stream_id] = "reset"

    def cancel(self, stream: int) -> None:
        self.connection.reset_stream(stream, ErrorCodes.CANCEL)
        self._flush()

    def _flush(self) -> None:
        self.sock.sendall(self.connection.data_to_send())


@pytest.fixture
def client(recorder):
    """Connect to the recorder."""
    client = Client(recorder)
    with client.sock:
        yield client


def plan(upstream, *last):
    """Give a fresh path the two first events and these steps."""
    path = f"/h2/{next(PATHS)}"
    upstream.plans[path] = [GAP_S, EVENTS[0], GAP_S, EVENTS[1], GAP_S, *last]
    return path


def check_pieces(interaction, expected):
    """Check version, borders and pace."""
    response = interaction.response
    assert "HTTP/2" == response.http_version
    assert expected == [segment.data for segment in response.segments]
    times = [segment.at_ns for segment in response.segments]
    assert all(b - a >= GAP_S * 0.5e9 for a, b in itertools.pairwise(times))


def test_a_complete_stream(upstream, recorder, client):
    """DATA frames are the segments, and an empty one at the end is none."""
    path = plan(upstream, EVENTS[2], "end")
    assert b"".join(EVENTS) == client.read_until(client.ask(path))
    interaction = recorder.interaction(f"POST {path} ")
    check_pieces(interaction, EVENTS)
    assert EndingKind.COMPLETE is interaction.response.ending.kind
    assert ("authorization", "Bearer REDACTED") in interaction.request.headers


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ("reset", EndingKind.RESET),
        ("rst", EndingKind.RESET),
        ("goaway", EndingKind.TRUNCATED),
        ("fin", EndingKind.TRUNCATED),
        ("until-left", EndingKind.TIMEOUT),
    ],
)
def test_an_upstream_that_breaks_off(upstream, recorder, client, last, kind):
    """An end by the upstream is not blamed on the client, whatever the error says."""
    path = plan(upstream, last)
    client.read_until(client.ask(path))
    interaction = recorder.interaction(f"POST {path} ")
    check_pieces(interaction, EVENTS[:2])
    assert kind is interaction.response.ending.kind


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_a_client_that_leaves(upstream, recorder, client, how):
    """A client leaves with its connection, or takes back one stream and stays."""
    path = plan(upstream, "until-left")
    stream = client.ask(path)
    client.read_until(stream, EVENTS[1])
    if how == "cancel":
        client.cancel(stream)
    else:
        client.sock.close()
    interaction = recorder.interaction(f"POST {path} ")
    check_pieces(interaction, EVENTS[:2])
    assert EndingKind.CLIENT_CLOSED is interaction.response.ending.kind


def test_streams_side_by_side(upstream, recorder, client):
    """Streams of one connection do not mix."""
    paths = [plan(upstream, EVENTS[2], "end") for _ in range(3)]
    streams = [client.ask(path) for path in paths]
    for stream in streams:
        assert b"".join(EVENTS) == client.read_until(stream)
    for path in paths:
        response = recorder.interaction(f"POST {path} ").response
        assert EVENTS == [segment.data for segment in response.segments]
