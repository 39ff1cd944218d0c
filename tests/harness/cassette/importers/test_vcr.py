from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette.content_coding import codings_of, decode_body
from harness.cassette.importers.ndjson import import_ndjson
from harness.cassette.importers.reconstruction import ReconstructionOptions
from harness.cassette.importers.vcr import import_vcr
from harness.cassette.model import EndingKind, Framing, Interaction
from harness.errors import InputError

DATA = Path(__file__).resolve().parents[3] / "data" / "imports"
MS = 1_000_000


def interaction(body="data: a\n\n", **response):
    """Write an interaction as VCR.py does."""
    return {
        "request": {
            "method": "POST",
            "uri": "https://user:pass@llm.example/v1/x?a=1#f",
            "headers": {"accept": ["a", "b"], "host": "llm.example"},
            "body": "{}",
        },
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"content-type": ["text/event-stream"]},
            "body": {"string": body},
            **response,
        },
    }


def cassette(*interactions) -> bytes:
    """Write a cassette as VCR.py does."""
    return yaml.dump({"interactions": [*interactions], "version": 1}).encode()


def read(data: bytes, **how) -> list[Interaction]:
    """Return what a cassette of VCR.py holds."""
    imported = import_vcr(data, source="a.yaml", how=ReconstructionOptions(**how))
    return [found.interaction for found in imported.interactions]


@pytest.mark.parametrize(
    "name",
    ["vcr-httpx.yaml", "vcr-requests.yaml", "vcr-aiohttp.yaml", "vcr-requests.json"],
)
def test_recorded_cassettes_keep_every_byte(name):
    """What VCR.py recorded of the sample gateway has the bytes the gateway sent."""
    sent = import_ndjson(DATA.joinpath("gateway.ndjson").read_bytes(), source="")
    found = read(DATA.joinpath(name).read_bytes())
    assert len(found) == (1 if name.endswith("json") else 4)
    for expected, came in zip(sent.interactions, found, strict=False):
        response = expected.interaction.response
        body, codings = response.body, codings_of(response.headers)
        if codings and not codings_of(came.response.headers):
            body = decode_body(body, codings)  # requests had it decoded
            assert "its content coding gzip was taken out" in came.notes[0]
        assert body == came.response.body
        assert response.status == came.response.status
        assert response.framing == came.response.framing
        assert "Grüß mich".encode() in came.request.body


def test_the_parts_of_an_interaction():
    """URL, headers, borders and times arrive, or are invented."""
    imported = import_vcr(
        cassette(interaction("data: a\n\ndata: b\n\n")),
        source="a.yaml",
        how=ReconstructionOptions(first_ns=5 * MS, pacing_ns=2 * MS),
    )
    [found] = imported.interactions
    assert ("https://llm.example", ("times", "borders")) == (
        found.upstream,
        found.reconstructed,
    )
    request, response = found.interaction.request, found.interaction.response
    assert ("POST", "/v1/x?a=1", b"{}") == (request.method, request.path, request.body)
    expected = (("accept", "a"), ("accept", "b"), ("host", "llm.example"))
    assert expected == request.headers
    assert [(5 * MS, b"data: a\n\n"), (7 * MS, b"data: b\n\n")] == [
        (one.at_ns, one.data) for one in response.segments
    ]
    assert (7 * MS, EndingKind.COMPLETE) == (
        response.ending.at_ns,
        response.ending.kind,
    )


def test_httpx_recordings_of_before_version_6_are_read():
    """They have another form of the response."""
    old = interaction()
    old["response"] = {
        "status_code": 429,
        "http_version": "HTTP/2",
        "headers": {"content-type": ["application/json"]},
        "content": "{}",
    }
    [found] = read(cassette(old))
    response = found.response
    assert (429, "HTTP/2", b"{}") == (
        response.status,
        response.http_version,
        response.body,
    )


@given(st.binary(max_size=40))
def test_any_body_comes_back(body):
    """Text and binary, however PyYAML writes it."""
    try:
        written = body.decode()
    except UnicodeDecodeError:
        written = body
    [found] = read(cassette(interaction(written)))
    assert body == found.response.body


def test_a_body_shorter_than_its_length_was_cut():
    """Its ending says so; a HEAD has no body whatever its length."""
    headers = {"content-length": ["100"], "content-type": ["text/event-stream"]}
    cut = interaction(headers=headers)
    [found] = read(cassette(cut))
    assert EndingKind.TRUNCATED == found.response.ending.kind
    cut["request"]["method"] = "HEAD"
    [found] = read(cassette(cut))
    assert EndingKind.COMPLETE == found.response.ending.kind


def test_the_length_of_a_decoded_body_is_set_right():
    """It was that of the coded body."""
    headers = {"Content-Encoding": ["gzip"], "Content-Length": ["3"]}
    [found] = read(cassette(interaction("data: abc\n\n", headers=headers)))
    assert (("Content-Length", "11"),) == found.response.headers
    assert Framing.CONTENT_LENGTH == found.response.framing
    assert EndingKind.COMPLETE == found.response.ending.kind


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yaml: expected a mapping, got null"),
        ("a: b: c", "a.yaml:1: not YAML"),
        ("interactions: !!python/object/apply:os.system [ls]", "a.yaml:1: tags other"),
        ("x:\n- <<: {a: b}", r"a.yaml:2: merge keys \(<<\)"),
        ("[" * 200_000, "a.yaml:1: nested deeper than 100 levels"),
        ("interactions: &a [*a]", r"interactions\[0\]: expected a mapping"),
        ("interactions: 3", "a.yaml: interactions: expected a list, got 3"),
        ("interactions: []\nversion: 2", "a.yaml: version: expected 1, got 2"),
        ("- request: {}", "a.yaml: expected a mapping, got a list"),
        (
            "http_interactions: []",
            "a.yaml: http_interactions: expected a cassette of VCR",
        ),
        ("interactions: [2026-11-23]", r"interactions\[0\]: expected a mapping"),
        ("interactions: [!!binary aGk=]", r"interactions\[0\]: expected a mapping"),
        ("{", "a.yaml:1: expected JSON"),
        ('{"interactions": [{}]}', "interactions.0.: the key 'request' is missing"),
        ("a: \x01", "not YAML"),
    ],
)
def test_what_is_no_cassette_is_refused(text, message):
    """Whatever the file holds, the message says what was expected, and where."""
    with pytest.raises(InputError, match=message):
        read(text.encode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": {"code": "200"}}, "response.status.code: expected a whole number"),
        ({"body": 3}, "response.body.string: expected text or binary, got 3"),
        ({"body": {"string": ["a"]}}, "response.body.string: expected text or binary"),
        ({"headers": {"a": [1]}}, "response.headers.a: expected text, got 1"),
        ({"headers": {"a": ["世"]}}, r"response.headers\[0\]: expected characters"),
        ({"headers": []}, "response.headers: expected a mapping or null"),
    ],
)
def test_what_is_wrong_in_an_interaction_is_told(change, message):
    """The second interaction is named, and the key in it."""
    wrong = interaction(**change)
    with pytest.raises(InputError, match=rf"a.yaml: interactions\[1\].{message}"):
        read(cassette(interaction(), wrong))


def test_a_file_that_is_no_utf8_is_refused():
    """With the line of the byte."""
    with pytest.raises(
        InputError, match=r"a\.yaml:2: expected UTF-8, got the byte 0xFF"
    ):
        read(b"a: b\nc: \xff")


def test_aliases_that_say_very_much_are_refused(monkeypatch):
    """A small file cannot fill the memory."""
    monkeypatch.setattr("harness.cassette.importers.vcr._SIZE_MAX", 10_000)
    text = yaml.dump(interaction("a" * 1000), default_flow_style=True)
    text = "interactions:\n- &a " + text.replace("\n", " ")
    assert len(read((text + "\n- *a" * 5).encode())) == 6
    with pytest.raises(InputError, match="has more than 10000 bytes"):
        read((text + "\n- *a" * 20).encode())
    with pytest.raises(InputError, match="more than 10000 aliases"):
        read((text + "\n- *a" * 10_001).encode())


def test_json_and_yaml_say_the_same():
    """Both serializers of VCR.py are read."""
    value = {"interactions": [interaction("data: 世\n\n")], "version": 1}
    assert read(yaml.dump(value).encode()) == read(json.dumps(value).encode())
