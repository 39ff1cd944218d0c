from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import replace
from textwrap import indent

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import harness.documents.yaml_document
from harness.cassette.codec import (
    AT_NS_MAX,
    cassette_schema,
    dump_cassette,
    load_cassette,
)
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
from harness.errors import InputError

CANONICAL = r"""format: 1
recorded: {at: "2026-11-23T05:40:00Z", by: "mitmproxy 11.0.2", upstream: "https://llm.example"}
tags: [openai-chat]
reconstructed: [times]
interactions:
- request: {method: POST, path: /v1/chat/completions, headers: [[content-type, application/json]], body: {text: "{\"model\": \"m\"}"}}
  response:
    status: 200
    http_version: HTTP/1.1
    headers: [[content-type, text/event-stream], [set-cookie, "a=1; b"], [set-cookie, "c=2"]]
    segments:
    - {at_ms: 412.503, text: "data: {\"a\": \"é 😀\\u00e9\"}\n\n"}
    - {at_ms: 431.002001, base64: "/w=="}
    - {at_ms: 500, text: ""}
    ending: {at_ms: 1204.113, kind: truncated}
"""  # noqa: E501 - the format has no line limit


def make_cassette(*bodies: bytes, times: tuple[int, ...] | None = None) -> Cassette:
    """Return a cassette of one interaction with these segments."""
    at = times or tuple(range(len(bodies)))
    segments = tuple(
        Segment(at_ns=at_ns, data=data) for at_ns, data in zip(at, bodies, strict=True)
    )
    return Cassette(
        recorded=Recorded(at=None, by="test", upstream=None),
        tags=(),
        interactions=(
            Interaction(
                request=Request(method="POST", path="/v1", headers=(), body=b""),
                response=Response(
                    status=200,
                    http_version="HTTP/1.1",
                    headers=(),
                    segments=segments,
                    ending=Ending(at_ns=AT_NS_MAX, kind=EndingKind.COMPLETE),
                ),
            ),
        ),
    )


def refusal(text: str) -> InputError:
    """Return the error that loading a cassette raises."""
    with pytest.raises(InputError) as caught:
        load_cassette(text, source="c.yaml")
    return caught.value


def test_writes_the_format_as_designed():
    """The text has one line for each segment, and the keys in the designed order."""
    assert dump_cassette(load_cassette(CANONICAL, source="c")) == CANONICAL


def test_reads_every_value():
    """Every key of the format arrives in the model."""
    cassette = load_cassette(CANONICAL, source="c")
    expected = Cassette(
        recorded=Recorded(
            at="2026-11-23T05:40:00Z",
            by="mitmproxy 11.0.2",
            upstream="https://llm.example",
        ),
        tags=("openai-chat",),
        reconstructed=("times",),
        interactions=(
            Interaction(
                request=Request(
                    method="POST",
                    path="/v1/chat/completions",
                    headers=(("content-type", "application/json"),),
                    body=b'{"model": "m"}',
                ),
                response=Response(
                    status=200,
                    http_version="HTTP/1.1",
                    headers=(
                        ("content-type", "text/event-stream"),
                        ("set-cookie", "a=1; b"),
                        ("set-cookie", "c=2"),
                    ),
                    segments=(
                        Segment(
                            at_ns=412_503_000,
                            data='data: {"a": "é 😀\\u00e9"}\n\n'.encode(),
                        ),
                        Segment(at_ns=431_002_001, data=b"\xff"),
                        Segment(at_ns=500_000_000, data=b""),
                    ),
                    ending=Ending(at_ns=1_204_113_000, kind=EndingKind.TRUNCATED),
                ),
            ),
        ),
    )
    assert expected == cassette


HEADER_TEXT = st.text(st.characters(max_codepoint=255))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
AWKWARD = st.text(
    st.sampled_from(
        "a \t\r\n\0\x07\x1b\x7f\x80\x85\x9f\xa0\"'\\#:,[]{}-?&*!|>%@`~"
        "\u2028\u2029\u202e\u2066\ufeff\ufffd\ufffe\uffff\ud7ff\ue000😀\U0010ffff"
    )
).map(str.encode)
BYTES = st.binary() | AWKWARD | TEXT.map(str.encode)
TIMES = st.integers(0, AT_NS_MAX)
HEADERS = st.lists(st.tuples(HEADER_TEXT, HEADER_TEXT), max_size=3).map(tuple)


@st.composite
def interactions(draw):
    """Draw any interaction that the format can hold."""
    bodies = draw(st.lists(BYTES, max_size=5))
    times = sorted(draw(TIMES) for _ in range(len(bodies) + 1))
    response = Response(
        status=draw(st.integers(100, 999)),
        http_version=draw(st.sampled_from(["HTTP/1.0", "HTTP/1.1", "HTTP/2"])),
        headers=draw(HEADERS),
        segments=tuple(
            Segment(at_ns=at_ns, data=data)
            for at_ns, data in zip(times, bodies, strict=False)
        ),
        ending=Ending(at_ns=times[-1], kind=draw(st.sampled_from(EndingKind))),
    )
    request = Request(
        method=draw(st.sampled_from(["POST", "GET", "ON", "no", "x-y"])),
        path=draw(TEXT.filter(bool)),
        headers=draw(HEADERS),
        body=draw(BYTES),
    )
    notes = draw(st.lists(TEXT.filter(bool), max_size=2).map(tuple))
    return Interaction(request=request, response=response, notes=notes)


CASSETTES = st.builds(
    Cassette,
    recorded=st.builds(
        Recorded,
        at=st.none() | st.just("2026-11-23T05:40:00.123Z"),
        by=TEXT.filter(bool),
        upstream=st.none() | TEXT,
    ),
    tags=st.lists(TEXT.filter(bool), unique=True, max_size=3).map(tuple),
    interactions=st.lists(interactions(), min_size=1, max_size=2).map(tuple),
    reconstructed=st.sampled_from([(), ("times",), ("times", "borders")]),
)


@given(cassette=CASSETTES)
@example(cassette=make_cassette(b"\xef\xbb\xbfdata: 1\n\n", b"\r", b"\xc2\x85"))
@example(cassette=make_cassette(b" a ", b"\n \n", b"a\n\n  b", "a \u2028 b".encode()))
@example(cassette=make_cassette(b"null", b"1e3", b"# c", b"- x", b"%", b"---"))
def test_loads_what_it_dumped(cassette):
    """Any cassette survives a save and a load, bytes and nanoseconds exact."""
    assert cassette == load_cassette(dump_cassette(cassette), source="c")


@given(cassette=CASSETTES)
def test_other_yaml_readers_agree(cassette):
    """PyYAML's safe loader finds the same bytes in the text."""
    data = yaml.load(dump_cassette(cassette), yaml.SafeLoader)
    for expected, actual in zip(
        cassette.interactions, data["interactions"], strict=True
    ):
        bodies = [
            item["text"].encode() if "text" in item else b64decode(item["base64"])
            for item in actual["response"]["segments"]
        ]
        assert [segment.data for segment in expected.response.segments] == bodies


def test_every_character_survives():
    """Each Unicode character comes back from a segment's text."""
    for plane in range(17):
        start = plane * 0x10000
        text = "".join(
            chr(code)
            for code in range(start, start + 0x10000)
            if not 0xD800 <= code <= 0xDFFF
        )
        cassette = make_cassette(text.encode())
        assert cassette == load_cassette(dump_cassette(cassette), source="c")


def test_text_that_hides_is_visible():
    """Controls of direction are written as escapes."""
    assert r"\u202E" in dump_cassette(make_cassette("\u202e".encode()))


def test_bytes_that_are_not_utf8_are_base64():
    """A segment cut inside a character is kept as base64."""
    first, second = "你".encode()[:2], "你".encode()[2:]
    text = dump_cassette(make_cassette(first, second))
    assert 'base64: "5L0="' in text
    assert 'base64: "oA=="' in text


def test_refuses_another_format():
    """A cassette of a newer format is refused by its number, whatever else it says."""
    error = refusal("# new\nformat: 2\ntracks: []\n")
    assert (error.line, error.key) == (2, "format")
    assert error.message == "this version reads cassettes of format 1, got format 2"
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "message"),
    [
        ("format: 1\n", "", 1, "", "the key 'format' is missing"),
        ("format: 1", "format: one", 1, "format", "expected 1, got 'one'"),
        (
            "at_ms: 431.002001",
            "at_ms: 412.502",
            13,
            "interactions[0].response.segments[1].at_ms",
            "expected a time not before the last segment, got 412.502 after 412.503",
        ),
        (
            "at_ms: 1204.113",
            "at_ms: 499",
            15,
            "interactions[0].response.ending.at_ms",
            "expected an ending not before the last segment, got 499 after 500",
        ),
        (
            "at_ms: 412.503",
            "at_ms: -1",
            12,
            "interactions[0].response.segments[0].at_ms",
            "expected at least 0, got -1",
        ),
        (
            "at_ms: 412.503",
            "at_ms: soon",
            12,
            "interactions[0].response.segments[0].at_ms",
            "expected a number, got 'soon'",
        ),
        (
            'base64: "/w=="',
            'base64: "/w="',
            13,
            "interactions[0].response.segments[1].base64",
            "expected base64",
        ),
        (
            'base64: "/w=="',
            'base64: "/w==", text: x',
            13,
            "interactions[0].response.segments[1]",
            "expected either 'text' or 'base64', got the keys at_ms, base64, text",
        ),
        (
            'base64: "/w=="',
            'bytes: "/w=="',
            13,
            "interactions[0].response.segments[1].bytes",
            "unknown key; expected one of at_ms, text, base64",
        ),
        (
            "kind: truncated",
            "kind: truncate",
            15,
            "interactions[0].response.ending.kind",
            "got 'truncate'",
        ),
        (
            "[set-cookie, ",
            "[set-cookie, x, ",
            10,
            "interactions[0].response.headers[1]",
            "expected at most 2 in the list, got a list",
        ),
        (
            "a=1; b",
            "日本",
            10,
            "interactions[0].response.headers[1]",
            "expected characters up to U+00FF",
        ),
        ("status: 200", "status: '200'", 8, "interactions[0].response.status", "whole"),
        ('at: "2026-11-23T', 'at: "2026-11-23 ', 2, "recorded.at", "UTC time"),
        ("[times]", "[time]", 4, "reconstructed[0]", "one of times, borders"),
    ],
)
def test_refuses_what_is_wrong(old, new, line, key, message):
    """A mistake is told with its line, its key and what was expected."""
    assert old in CANONICAL
    error = refusal(CANONICAL.replace(old, new, 1))
    assert (line, key) == (error.line, error.key or "")
    assert message in error.message


def test_offers_the_nearest_name():
    """A mistyped key or word is answered with the nearest valid one."""
    assert refusal(CANONICAL.replace("kind:", "knd:")).nearest == "kind"
    assert refusal(CANONICAL.replace("truncated}", "truncate}")).nearest == "truncated"


def test_refuses_half_a_surrogate_pair(monkeypatch):
    """Without the C loader, text that is no Unicode is refused as well."""
    monkeypatch.setattr(harness.documents.yaml_document, "_LOADER", yaml.SafeLoader)
    error = refusal(CANONICAL.replace('text: ""', 'text: "\\ud83d"'))
    assert error.key == "interactions[0].response.segments[2].text"


@pytest.mark.parametrize("times", [(-1, 0), (5, 4), (0, AT_NS_MAX + 1)])
def test_dumps_no_times_that_it_would_refuse(times):
    """A time that falls or is out of range is a mistake of the caller."""
    with pytest.raises(ValueError, match="a time is between"):
        dump_cassette(make_cassette(b"a", b"b", times=times))


def test_dumps_no_empty_cassette():
    """A cassette without interactions cannot be written."""
    with pytest.raises(ValueError, match="at least one interaction"):
        dump_cassette(
            Cassette(
                recorded=Recorded(at=None, by="x", upstream=None),
                tags=(),
                interactions=(),
            )
        )


def test_the_schema_is_a_schema():
    """The shipped schema is valid, and JSON."""
    Draft202012Validator.check_schema(cassette_schema())
    assert json.dumps(cassette_schema())


def test_dumps_no_headers_that_it_would_refuse():
    """A header with a character of more than one byte is a mistake of the caller."""
    cassette = make_cassette(b"")
    [one] = cassette.interactions
    request = replace(one.request, headers=(("x", "日本"),))
    with pytest.raises(ValueError, match="latin-1"):
        dump_cassette(replace(cassette, interactions=(replace(one, request=request),)))


def test_one_late_time_is_one_mistake():
    """The times behind it are compared with each other."""
    segments = "".join(f"- {{at_ms: {at}, text: a}}\n" for at in (1, 900, 3, 4))
    text = re.sub(r"(?m)^ *- \{at_ms.*\n", "", CANONICAL)
    text = text.replace("segments:\n", "segments:\n" + indent(segments, "    "))
    error = refusal(re.sub(r"ending: .*", "ending: {at_ms: 5, kind: complete}", text))
    assert ["interactions[0].response.segments[2].at_ms"] == [
        one.key for one in error.all
    ]
