from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette.model import (
    Ending,
    EndingKind,
    Interaction,
    Request,
    Response,
    Segment,
)
from harness.privacy.redact import (
    RedactionRules,
    redact_interaction,
    redact_target,
)

CORPUS = Path(
    os.environ.get("STREAM_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus"
)
# Tool calls that pass a password on: what the rules are there for.
TRULY_SECRET = {
    "Mirascope+mirascope-0268b2688c.sse",
    "Mirascope+mirascope-fe0176f5eb.sse",
    "Mirascope+mirascope-ff977e9150.sse",
}

# Put together here, so that no scanner takes this file for a leak.
OPENAI = "sk-" + "proj-Ab3dEfGh1jKlMnOpQrStUvWx"
SECRETS = {
    "openai": OPENAI,
    "anthropic": "sk-" + "ant-api03-" + "aB3" * 12,
    "deepseek": "sk-" + "0123456789abcdef" * 2,
    "github": "gh" + "p_" + "aB3" * 12,
    "slack": "xox" + "b-123456789012-abcdefABCDEF",
    "aws": "AKI" + "A2E0A8F3B1C4D5E6F"[:17],
    "google": "AIz" + "a" + "Sy0123456789-_abcdefghijklmnopqrstu"[:35],
    "huggingface": "hf" + "_" + "aBcD" * 9,
    "jwt": "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0In0.c2ln-bmF0dXJl",
    "bearer": "abcdef0123456789abcdef",
}


def interaction(  # noqa: D103
    *segments: bytes,
    body: bytes = b"",
    headers=(),
    answer_headers=(("content-type", "text/event-stream"),),
    path: str = "/v1/chat/completions",
) -> Interaction:
    return Interaction(
        request=Request(method="POST", path=path, headers=tuple(headers), body=body),
        response=Response(
            status=200,
            http_version="HTTP/1.1",
            headers=tuple(answer_headers),
            segments=tuple(
                Segment(at_ns=at, data=data) for at, data in enumerate(segments)
            ),
            ending=Ending(at_ns=10**9, kind=EndingKind.COMPLETE),
        ),
        notes=("a note",),
    )


def event(text: str, *, index: int = 0, field: str = "content") -> bytes:
    """One chunk that says a text."""
    chunk = {
        "id": "chatcmpl-AbC123dEf456gHi789",
        "created": 1700000000,
        "choices": [{"index": index, "delta": {field: text}}],
    }
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def said(found: Interaction, index: int = 0) -> str:
    """What the deltas of one choice say together."""
    texts = []
    for line in found.response.body.splitlines():
        if line.startswith(b"data: {"):
            choice = json.loads(line[6:])["choices"][0]
            if choice["index"] == index:
                texts.append(choice["delta"]["content"])
    return "".join(texts)


def answer(body: bytes, kind: str = "text/event-stream") -> bytes:
    """What is left of an answer."""
    whole = interaction(body, answer_headers=[("content-type", kind)])
    return redact_interaction(whole).response.body


def asked(body: bytes, kind: str = "application/json") -> bytes:
    """What is left of a request's body."""
    whole = interaction(body=body, headers=[("content-type", kind)])
    return redact_interaction(whole).request.body


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Authorization", "Bearer abc", "Bearer REDACTED"),
        ("authorization", "Basic dTpw", "Basic REDACTED"),
        ("AUTHORIZATION", "opaque", "REDACTED"),
        ("Proxy-Authorization", "Bearer x1", "Bearer REDACTED"),
        ("x-api-key", "k1", "REDACTED"),
        ("api-key", "k1", "REDACTED"),
        ("x-goog-api-key", "k1", "REDACTED"),
        ("xi-api-key", "k1", "REDACTED"),
        ("X-ApiKey", "k1", "REDACTED"),
        ("X-Amz-Security-Token", "k1", "REDACTED"),
        ("mcp-session-id", "s1x", "REDACTED"),
        ("x-client-secret", "s1x", "REDACTED"),
        ("cookie", "a=1; b=two=2", "a=REDACTED; b=REDACTED"),
        ("cookie", "bare", "REDACTED"),
        ("set-cookie", "sid=x; Path=/; HttpOnly", "sid=REDACTED; Path=/; HttpOnly"),
        ("location", "https://h/?token=t1x#x", "https://h/?token=REDACTED#x"),
        ("x-echo", f"got {OPENAI}!", "got REDACTED!"),
        ("x-ratelimit-remaining-tokens", "149984", "149984"),
        ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:00Z", None),
        ("x-litellm-key-spend", "0.00021", None),
        ("idempotency-key", "stainless-python-retry-1b2c", None),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", None),
        ("x-request-id", "req_0123456789abcdef0123456789abcdef", None),
        ("x-monkey", "banana", None),
        ("www-authenticate", "Bearer realm=x", None),
        ("content-type", "application/json", None),
        ("authorization", "", None),
    ],
)
def test_headers(name, value, expected):
    """A header loses its value where its name or the value says that it is a secret."""
    redacted = redact_interaction(interaction(headers=[(name, value)]))
    assert ((name, value if expected is None else expected),) == (
        redacted.request.headers
    )


def test_headers_of_the_answer_too():
    """A cookie that the upstream sets is as secret as one that the client sends."""
    headers = [("content-type", "text/event-stream"), ("Set-Cookie", "__cf=abc; a")]
    redacted = redact_interaction(interaction(answer_headers=headers))
    assert ("Set-Cookie", "__cf=REDACTED; a") == redacted.response.headers[1]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1/m:stream?alt=sse&key=abc", "/v1/m:stream?alt=sse&key=REDACTED"),
        ("/x?api_key=a&API-KEY=b&q=1", "/x?api_key=REDACTED&API-KEY=REDACTED&q=1"),
        ("/x?X-Amz-Signature=ab12", "/x?X-Amz-Signature=REDACTED"),
        ("/x?access%5Ftoken=ab", "/x?access%5Ftoken=REDACTED"),
        ("/x?api-version=2024-06-01&page_token=abc", None),
        ("/x?max_tokens=50&key=", None),
        ("https://me:pw@host/x?q=1", "https://me:REDACTED@host/x?q=1"),
        ("https://host:8080/x@y", None),
    ],
)
def test_queries(target, expected):
    """A query parameter and a password in a URL are redacted, and nothing else."""
    assert (target if expected is None else expected) == redact_target(target)
    path = interaction(path=target)
    assert (expected or target) == redact_interaction(path).request.path


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_known_shapes_go_wherever_deltas_and_segments_cut_them(secret, cut):
    """A secret goes also where it is cut between deltas, and those between segments."""
    text = f"Bearer {secret}" if secret == SECRETS["bearer"] else secret
    text = f"Überschlüssel: {text}."
    deltas = [text[at : at + cut] for at in range(0, len(text), cut)]
    body = b"".join(event(delta) + event("zwei", index=1) for delta in deltas)
    segments = [body[at : at + 31] for at in range(0, len(body), 31)]
    redacted = redact_interaction(interaction(*segments))
    assert text.replace(secret, "*" * len(secret)) == said(redacted)
    assert "zwei" * len(deltas) == said(redacted, 1)
    sizes = [len(segment.data) for segment in redacted.response.segments]
    assert [len(segment) for segment in segments] == sizes


def test_private_keys_go_whole():
    """A PEM key goes with its line breaks, which JSON writes as two characters."""
    lines = "MIIEowIBAAKCAQEA1234567/\n+abcdef=="
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"
    body = json.dumps({"messages": [{"content": f"mine: {key} end"}]}).encode()
    left = json.loads(asked(body))["messages"][0]["content"]
    assert "mine: " == left[:6]
    assert " end" == left[-4:]
    assert set("*") == set(left[6:-4])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"api_key":"abc"}', b'{"api_key":"***"}'),
        (b'{"OPENAI_API_KEY": "a\\"b"}', b'{"OPENAI_API_KEY": "****"}'),
        (b'{"a":{"clientSecret":"x1"}}', b'{"a":{"clientSecret":"**"}}'),
        (b'{"Authorization":"Bearer x"}', b'{"Authorization":"********"}'),
        (b'{"api_keys":["ab","cd"]}', b'{"api_keys":["**","**"]}'),
        (b'{"password":"\xc3\xa9\xf0\x9f\x98\x80"}', b'{"password":"******"}'),
        (b'{"password":12345}', b'{"password":11111}'),
        (b'{"password":"never en', b'{"password":"********'),
        (
            b'{"text":"{\\"password\\": \\"ab\\"}"}',
            b'{"text":"{\\"password\\": \\"**\\"}"}',
        ),
        (b'{"max_tokens":1000,"token":"Hello"}', None),
        (b'{"created":1700000000,"id":"chatcmpl-9x8y7z6w5v4u3t2s1r0q"}', None),
        (b'{"system_fingerprint":"fp_0123456789abcdef"}', None),
        (b'{"tool_call_id":"call_AbCdEfGhIjKlMnOpQrStUvWx"}', None),
        (b'{"properties":{"password":{"type":"string"}}}', None),
        (b'{"password":null,"secret":true,"api_key":""}', None),
        (b'{"api_key":"${OPENAI_API_KEY}","password":"<your password>"}', None),
        (b'{"text":"the risk-averse desk-top, ask-me-anything-1234567"}', None),
        (b'{"text":"Use Bearer authentication with a token."}', None),
        (b'{"text":"class sk-circle-fade-dot-animation"}', None),
        (b'{"completion_tokens_details":{"reasoning_tokens":1234}}', None),
    ],
)
def test_json_bodies(body, expected):
    """The value of a key that says so goes, in as many bytes; nothing else changes."""
    assert (body if expected is None else expected) == asked(body)


def test_a_body_that_is_no_json():
    """Forms, plain text and bytes are searched too."""
    form = asked(
        b"grant=x&client_secret=s3cr3t&a=b", "application/x-www-form-urlencoded"
    )
    assert b"grant=x&client_secret=******&a=b" == form
    text = answer(f"No such key: {OPENAI}\n".encode(), "text/plain")
    assert b"No such key: " + b"*" * len(OPENAI) + b"\n" == text
    noise = bytes(range(256)) * 4
    assert noise == answer(noise, "application/octet-stream")


def test_comments_and_unknown_lines_of_a_stream():
    """What is no data in a stream may hold a secret as well."""
    body = f": debug {OPENAI}\nid: {OPENAI}\ndata: [DONE]\n\n".encode()
    stars = "*" * len(OPENAI)
    assert f": debug {stars}\nid: {stars}\ndata: [DONE]\n\n".encode() == answer(body)


@pytest.mark.parametrize("name", ["index", "output_index", "content_index"])
def test_blocks_that_come_by_turns(name):
    """Where the whole event says its block, the blocks do not run into each other."""
    half = len(OPENAI) // 2
    texts = [(0, OPENAI[:half]), (1, "and so "), (0, OPENAI[half:]), (1, "on")]
    lines = [
        json.dumps({"type": "delta", name: index, "text": text})
        for index, text in texts
    ]
    left = answer("".join(f"data: {line}\n\n" for line in lines).encode()).decode()
    assert [("*" * len(text), text)[index] for index, text in texts] == [
        json.loads(line[6:])["text"] for line in left.splitlines() if line
    ]


def test_arguments_of_a_tool_call_that_come_in_pieces():
    """A password in tool arguments goes, though key and value are cut."""
    pieces = ['{"pass', 'word": "hun', 'ter2", "n', '": 1}']
    body = b"".join(event(piece) for piece in pieces)
    assert '{"password": "*******", "n": 1}' == said(
        redact_interaction(interaction(body))
    )


def test_cumulative_streams_lose_parts_of_a_secret_too():
    """A stream that says its whole text again says parts of the secret before."""
    text = f"It is {OPENAI}, I think"
    body = b"".join(event(text[:size]) for size in (4, 18, 25, len(text)))
    stars = text.replace(OPENAI, "*" * len(OPENAI))
    expected = "".join(stars[:size] for size in (4, 18, 25, len(text)))
    assert expected == said(redact_interaction(interaction(body)))


def test_a_known_secret_goes_wherever_it_stands():
    """A server that repeats the key it was sent does not leak it."""
    secret = "not-of-any-known-shape"
    whole = interaction(
        event(f"Wrong key {secret}"),
        headers=[("authorization", f"Bearer {secret}")],
        answer_headers=[("content-type", "text/event-stream"), ("x-key-was", secret)],
        body=json.dumps({"user": secret}).encode(),
    )
    assert secret not in repr(redact_interaction(whole))


def test_what_holds_no_secret_is_the_very_same():
    """Nothing is copied, cut or changed without a reason, and notes stay."""
    plain = interaction(event("Hello"), body=b'{"a":1}', headers=[("accept", "*/*")])
    assert redact_interaction(plain) is plain
    redacted = redact_interaction(
        replace(plain, request=replace(plain.request, path="/?key=ab1"))
    )
    assert plain.response is redacted.response
    assert ("a note",) == redacted.notes


def test_coded_bodies_stay():
    """A body with a content coding is never changed in place."""
    body = f'"{OPENAI}"'.encode()  # as good as any bytes
    whole = interaction(body, answer_headers=[("Content-Encoding", "gzip")])
    assert redact_interaction(whole) is whole


def test_rules_of_the_user():
    """Headers, parameters, keys and shapes can be added; a group is the secret."""
    rules = RedactionRules(
        headers=frozenset({"X-Tenant"}),
        parameters=frozenset({"who"}),
        keys=frozenset({"Iban"}),
        patterns=(r"cust-\d+", r"card (\d{4})"),
    )
    whole = interaction(
        event("for cust-"),
        event("123 with card 4444"),
        headers=[("x-tenant", "acme"), ("x-for", "cust-9")],
        path="/x?who=me1",
        body=b'{"iban":"DE1"}',
    )
    redacted = redact_interaction(whole, rules)
    assert (("x-tenant", "REDACTED"), ("x-for", "REDACTED")) == redacted.request.headers
    assert "/x?who=REDACTED" == redacted.request.path
    assert b'{"iban":"***"}' == redacted.request.body
    assert "for ******** with card ****" == said(redacted)
    assert redact_interaction(whole).response is whole.response


@pytest.mark.parametrize("pattern", ["(", "a*"])
def test_bad_patterns_are_refused(pattern):
    """What is no expression, or matches everywhere, is refused at once."""
    with pytest.raises(ValueError, match=r"regular expression|everywhere"):
        RedactionRules(patterns=(pattern,))


PARTS = st.sampled_from(
    [
        b"data: ", b"\n\n", b'{"password":', b'"', b"\\", b"\\u00e9", b"\xff", b"{",
        b'"api_key":"x', b"://u:p@h", OPENAI.encode(), b"Bearer a1b2c3d4e5f6a7b8c9",
        b"[1", b"}", b",", b"\r\n", "é😀".encode(),
        b"-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA",
    ]
)  # fmt: skip


@given(st.lists(PARTS | st.binary(max_size=9), max_size=25), st.integers(1, 40))
def test_any_bytes_keep_their_length_and_are_done_at_once(parts, cut):
    """Lengths, line ends and borders stay, and a second time changes nothing."""
    body = b"".join(parts)
    segments = [body[at : at + cut] for at in range(0, len(body), cut)]
    redacted = redact_interaction(interaction(*segments, body=body))
    again = redacted.response.body
    assert [len(part) for part in segments] == [
        len(segment.data) for segment in redacted.response.segments
    ]
    assert [byte for byte in body if byte in b"\r\n"] == [
        byte for byte in again if byte in b"\r\n"
    ]
    assert redact_interaction(redacted) is redacted


@pytest.mark.corpus
@pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"no recorded streams in {CORPUS}; set STREAM_CORPUS"
)
def test_recorded_streams_do_not_change():
    """Of 730 streams of others only those change that pass a password to a tool."""
    changed = set()
    for file in sorted(CORPUS.rglob("*.sse")):
        whole = interaction(file.read_bytes())
        if redact_interaction(whole) is not whole:
            changed.add(file.name)
    assert changed == TRULY_SECRET
