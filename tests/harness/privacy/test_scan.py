"""A cassette that still holds a secret is refused, and the secret is never shown."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zlib
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.cassette import content_coding
from harness.cassette.content_coding import CodingError, codings_of, decode_body
from harness.cassette.files import read_cassette
from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Interaction,
    Recorded,
    Request,
    Response,
    Segment,
)
from harness.privacy.redact import RedactionRules, redact_interaction
from harness.privacy.scan import find_secrets

ROOT = Path(__file__).parents[3]
CORPUS = Path(os.environ.get("STREAM_CORPUS") or ROOT.parent / "shared" / "corpus")

# Put together here, so that no scanner takes this file for a leak.
OPENAI = "sk-" + "proj-Ab3dEfGh1jKlMnOpQrStUvWx"
# Known to detect-secrets alone.
MAILCHIMP = "0123456789abcdef" * 2 + "-us" + "12"
OURS = sorted((ROOT / "cassettes").rglob("*.yaml"))
STREAM = ("content-type", "text/event-stream")


SECRETS = {
    "openai": "sk-" + "proj-" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z" * 2,
    "github": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "aws": "AKIA" + "IOSFODNN7EXAMPLQ",
}


def cassette(
    *segments: bytes,
    headers=(STREAM,),
    body: bytes = b"",
    asked=(),
    path: str = "/v1",
    upstream: str | None = None,
) -> Cassette:
    """A cassette of one interaction."""
    return Cassette(
        recorded=Recorded(at=None, by="test", upstream=upstream),
        tags=(),
        interactions=(
            Interaction(
                request=Request(
                    method="POST", path=path, headers=tuple(asked), body=body
                ),
                response=Response(
                    status=200,
                    http_version="HTTP/1.1",
                    headers=tuple(headers),
                    segments=tuple(
                        Segment(at_ns=at, data=data) for at, data in enumerate(segments)
                    ),
                    ending=Ending(at_ns=10**9, kind=EndingKind.COMPLETE),
                ),
            ),
        ),
    )


def event(text: str) -> bytes:
    """One chunk that says a text."""
    chunk = {"choices": [{"index": 0, "delta": {"content": text}}]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


def told(*segments: bytes, **more) -> list[str]:
    """What is found, in words."""
    return [str(finding) for finding in find_secrets(cassette(*segments, **more))]


def plain() -> Cassette:
    """A cassette without secrets."""
    return read_cassette(ROOT / "cassettes" / "llama.cpp" / "plain.yaml")


def holding(secret: str, place: str) -> Cassette:
    """The same with a secret in that place."""
    cassette = plain()
    [one] = cassette.interactions
    request, response = one.request, one.response
    if place == "request header":
        request = replace(request, headers=(*request.headers, ("x-note", secret)))
    elif place == "query":
        request = replace(request, path=f"{request.path}?note={secret}")
    elif place == "request body":
        request = replace(request, body=b'{"prompt": "use %s"}' % secret.encode())
    else:
        # Cut between two segments, where no line of the file shows it whole.
        data = b": note %s\n\n" % secret.encode()
        first, *rest = response.segments
        cut = len(data) - 12
        pieces = [
            Segment(at_ns=first.at_ns, data=data[:cut]),
            Segment(at_ns=first.at_ns, data=data[cut:]),
        ]
        response = replace(response, segments=(*pieces, first, *rest))
    return replace(
        cassette, interactions=(replace(one, request=request, response=response),)
    )


PLACES = ["request header", "query", "request body", "segments"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_found_where_it_stands(name, place):
    """Every place of a cassette is looked at; the finding never holds the secret."""
    found = find_secrets(holding(SECRETS[name], place))

    assert found
    assert SECRETS[name] not in repr(found)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SECRETS)
def test_redacted_cassette_passes(name, place):
    """What redaction leaves, the scan has nothing to say about."""
    cassette = holding(SECRETS[name], place)
    redacted = tuple(redact_interaction(one) for one in cassette.interactions)

    assert [] == find_secrets(replace(cassette, interactions=redacted))


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_our_recordings_hold_none(path):
    """Random ids, times and fingerprints are no secrets."""
    assert [] == find_secrets(read_cassette(path))


@pytest.mark.parametrize(
    ("more", "where", "path"),
    [
        (
            {"asked": [("a", "b"), ("Authorization", "Bearer opaque")]},
            "request, header 'Authorization'",
            ("request", "headers", 1),
        ),
        (
            {"headers": [("Set-Cookie", "sid=abcdef")]},
            "response, header 'Set-Cookie'",
            ("response", "headers", 0),
        ),
        ({"path": "/v1?key=abc"}, "request, path", ("request", "path")),
        (
            {"body": b'{"a":1,"api_key":"abc"}'},
            "request, body, byte 18",
            ("request", "body"),
        ),
    ],
)
def test_heads_and_requests(more, where, path):
    """Each place is told in words and by its path in the document."""
    [found] = find_secrets(cassette(**more))
    assert f"interaction 1, {where}" == found.where
    assert ("interactions", 0, *path) == found.path


def test_segments_are_told_by_number():
    """A secret that deltas and segments cut is told where its parts stand."""
    first, second = OPENAI[:12], OPENAI[12:]
    found = find_secrets(cassette(b": hi\n\n", event(first), event(second)))
    byte = event("").index(b'""') + 1
    expected = [
        (f"interaction 1, response, segment {number}, byte {byte}", "API key")
        for number in (2, 3)
    ]
    assert expected == [(finding.where, finding.kind) for finding in found]
    assert ("interactions", 0, "response", "segments", 1) == found[0].path


def test_the_upstream_is_searched():
    """A password in the recorded upstream's URL is told."""
    [found, *_] = find_secrets(cassette(upstream="https://me:pw@llm.example"))
    assert ("recorded upstream", ("recorded", "upstream")) == (found.where, found.path)
    assert [] == find_secrets(cassette(upstream="https://llm.example:8443/v1"))


@pytest.mark.parametrize("cut", [9, 1000])
def test_detect_secrets_looks_too(cut):
    """What only detect-secrets knows is found, also where deltas cut it."""
    parts = [MAILCHIMP[at : at + cut] for at in range(0, len(MAILCHIMP), cut)]
    found = find_secrets(cassette(*map(event, parts)))
    assert {"Mailchimp Access Key"} == {finding.kind for finding in found}
    assert len(parts) == len(found)
    assert ["Mailchimp Access Key"] == [
        finding.kind for finding in find_secrets(cassette(headers=[("x", MAILCHIMP)]))
    ]


def test_detect_secrets_reads_what_is_no_data():
    """A comment of a stream is searched by it as well."""
    assert ["interaction 1, response, segment 1, byte 2: Mailchimp Access Key"] == told(
        f": {MAILCHIMP}\n\n".encode()
    )


def test_a_finding_does_not_say_the_secret():
    """Neither the words nor the value of a finding hold what was found."""
    found = find_secrets(
        cassette(
            event(OPENAI),
            event(MAILCHIMP),
            body=json.dumps({"password": "hunter2"}).encode(),
            asked=[("cookie", "sid=tasty")],
            upstream="https://me:pw-1234@llm.example",
        )
    )
    words = repr(found) + "".join(map(str, found))
    assert [] == [
        secret
        for secret in (OPENAI, MAILCHIMP, "hunter2", "tasty", "pw-1234")
        if secret in words
    ]


def test_what_was_redacted_passes():
    """The scan takes no stand-in for a secret."""
    whole = cassette(
        event(f"{OPENAI} at postgres://me:pw@db.example/x"),
        body=b'{"password":"x1","secret":12345,"a":"Bearer a1b2c3d4e5f6a7b8"}',
        asked=[("cookie", "a=b1; c=d2"), ("authorization", "Basic dTpw")],
        path="/v1?key=abc&u=https://me:pw@h",
    )
    assert find_secrets(whole)
    [interaction] = whole.interactions
    clean = replace(whole, interactions=(redact_interaction(interaction),))
    assert [] == find_secrets(clean)


def test_rules_of_the_user():
    """What a user added to the rules counts here as well."""
    rules = RedactionRules(patterns=(r"cust-\d+",))
    whole = cassette(event("for cust-12"))
    assert [] == find_secrets(whole)
    assert 1 == len(find_secrets(whole, rules))


def deflate(data: bytes) -> bytes:
    """Deflate without the zlib wrapper, as some servers send it."""
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(data) + coder.flush()


@pytest.mark.parametrize(
    ("coding", "code"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", deflate),
        ("gzip, identity", gzip.compress),
        ("deflate, gzip", lambda data: gzip.compress(zlib.compress(data))),
        ("gzip", lambda data: gzip.compress(b": hi\n\n") + gzip.compress(data)),
    ],
)
@pytest.mark.parametrize("cut", [0, 4])
def test_coded_bodies_are_decoded(coding, code, cut):
    """A secret behind a content coding is found, also where the stream was cut."""
    body = code(event(OPENAI))
    headers = [STREAM, ("Content-Encoding", coding)]
    [found] = told(body[: len(body) - cut], headers=headers)
    assert "segment 1, byte" in found
    assert "of the decoded body: API key" in found
    assert [] == told(code(event("Hello")), headers=headers)


@pytest.mark.parametrize(
    ("coding", "body", "why"),
    [
        ("compress", b"x", "content coding 'compress' is not known"),
        ("gzip", b"no gzip at all", "its bytes are not what its coding says"),
    ],
)
def test_what_cannot_be_searched_is_told(coding, body, why):
    """A body that nobody can read is not taken for one without a secret."""
    [found] = told(body, headers=[("content-encoding", coding)])
    assert f"cannot be searched: {why}" in found
    assert [] == told(headers=[("content-encoding", coding)])


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_codings_that_take_a_package(coding, monkeypatch):
    """Without the package that decodes it, a body says which one is missing."""
    package = {"br": "brotli", "zstd": "zstandard"}[coding]
    monkeypatch.setitem(sys.modules, package, None)
    [found] = told(b"x", headers=[("content-encoding", coding)])
    assert f"to decode it takes the package {package!r}" in found


CODERS = {
    "br": ("brotli", lambda package: package.compress),
    "zstd": ("zstandard", lambda package: package.ZstdCompressor().compress),
}


def test_codings_with_their_package():
    """With it they are decoded, and bytes that are not of the coding are told."""
    for coding, (name, coder) in CODERS.items():
        if find_spec(name) is None:  # it comes with mitmproxy
            continue
        coded = coder(import_module(name))(event(OPENAI))
        assert event(OPENAI) == decode_body(coded, (coding,))
        with pytest.raises(CodingError, match="not what its coding says"):
            decode_body(b"no such bytes at all", (coding,))


def test_a_few_bytes_cannot_say_too_many(monkeypatch):
    """Decoding stops at a limit, and the body counts as not searched."""
    monkeypatch.setattr(content_coding, "DECODED_MAX", 1 << 20)
    body = gzip.compress(bytes(1 << 23))
    with pytest.raises(CodingError, match="says more than 1048576 bytes"):
        decode_body(body, ("gzip",))


def test_codings_in_the_order_they_were_applied():
    """Several headers and several codings in one are one list (RFC 9110, 8.4)."""
    headers = (
        ("Content-Encoding", "A, identity"),
        ("x", "y"),
        ("content-encoding", "b"),
    )
    assert ("a", "b") == codings_of(headers)


def test_the_detector_is_loaded_when_it_is_needed():
    """Importing the scan does not import detect-secrets: it takes 0.1 s."""
    code = (
        "import sys, harness.privacy.scan, harness.cli;"
        "print('detect_secrets' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "False" == done.stdout.strip()


def test_nothing_is_verified(monkeypatch):
    """What is found is never sent anywhere: no plugin's verification is called."""
    find_secrets(cassette(event("warm up")))
    sent = []
    monkeypatch.setattr("socket.socket.connect", lambda *args: sent.append(args))
    slack = "xox" + "b-123456789012-abcdefABCDEF"
    assert told(event(f"{slack} and {MAILCHIMP}"))
    assert [] == sent


@pytest.mark.corpus
@pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"no recorded streams in {CORPUS}; set STREAM_CORPUS"
)
def test_recorded_streams_of_others():
    """Random ids and base64 are no secrets: three of 730 streams pass a password."""
    kinds = set()
    files = set()
    for file in sorted(CORPUS.rglob("*.sse")):
        found = find_secrets(cassette(file.read_bytes()))
        kinds |= {finding.kind for finding in found}
        files |= {file.name} if found else set()
    assert {"value of 'password'"} == kinds
    assert 3 == len(files)
