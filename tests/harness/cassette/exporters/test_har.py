from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness.cassette.exporters.har import export_har
from harness.cassette.files import find_cassettes, read_cassette
from harness.cassette.importers.har import import_har
from harness.cassette.importers.har_exact import EXACT
from harness.cassette.importers.imported import assemble_cassette
from harness.cassette.importers.ndjson import import_ndjson
from harness.cassette.importers.reconstruction import ReconstructionOptions
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

ROOT = Path(__file__).resolve().parents[4]
DATA = ROOT / "tests" / "data" / "imports"
MS = 1_000_000

TEXT = {"type": "string"}
LINES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "value"],
        "properties": {"name": TEXT, "value": TEXT},
    },
}


def strict(**properties):
    """Write a schema in which all is required, and else only _ and comment may be."""
    return {
        "type": "object",
        "required": [*properties],
        "properties": properties,
        "patternProperties": {"^_|^comment$|^postData$|^text$|^encoding$": {}},
        "additionalProperties": False,
    }


HAR = Draft202012Validator(
    strict(
        log=strict(
            version={"const": "1.2"},
            creator=strict(name=TEXT, version=TEXT),
            entries={
                "type": "array",
                "items": strict(
                    startedDateTime={
                        "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"
                    },
                    time={"type": "number", "minimum": 0},
                    request=strict(
                        method=TEXT,
                        url={"pattern": "^https?://[^/]+/"},
                        httpVersion=TEXT,
                        cookies={"type": "array"},
                        headers=LINES,
                        queryString=LINES,
                        headersSize={"type": "integer"},
                        bodySize={"type": "integer"},
                    ),
                    response=strict(
                        status={"type": "integer"},
                        statusText=TEXT,
                        httpVersion=TEXT,
                        cookies={"type": "array"},
                        headers=LINES,
                        content=strict(
                            size={"type": "integer"},
                            compression={"type": "integer"},
                            mimeType=TEXT,
                        ),
                        redirectURL=TEXT,
                        headersSize={"type": "integer"},
                        bodySize={"type": "integer"},
                    ),
                    cache={"const": {}},
                    timings=strict(
                        send={"type": "number", "minimum": 0},
                        wait={"type": "number", "minimum": 0},
                        receive={"type": "number", "minimum": 0},
                    ),
                ),
            },
        )
    )
)
"""HAR 1.2 as its specification lists it (w3c.github.io/web-performance, HAR)."""


def sample() -> Cassette:
    """Read the log of the sample gateway."""
    data = DATA.joinpath("gateway.ndjson").read_bytes()
    return assemble_cassette(
        import_ndjson(data, source="").interactions, by="gateway 3.1"
    )


def written(*cassettes: Cassette) -> bytes:
    """Write a HAR as a file holds it."""
    return json.dumps(export_har(cassettes, version="1"), ensure_ascii=False).encode()


def back(data: bytes) -> Cassette:
    """Import a HAR."""
    imported = import_har(data, source="a.har", how=ReconstructionOptions())
    return assemble_cassette(imported.interactions, by=str(imported.program))


def test_the_sample_is_valid_and_comes_back():
    """All kinds of body and ending; export, import and both again are the same."""
    held = sample()
    data = written(held)
    HAR.validate(json.loads(data))
    assert held == back(data)
    assert data == written(back(data))


def test_every_committed_cassette_comes_back():
    """Bytes, borders, times, endings, tags, notes."""
    for path in find_cassettes([ROOT / "cassettes"]):
        held = read_cassette(path)
        data = written(held)
        HAR.validate(json.loads(data))
        assert held == back(data), path


def test_another_reader_finds_the_body_decoded_and_the_times():
    """What HAR itself can say is said."""
    entries = export_har([sample()], version="1")["log"]["entries"]
    plain, coded, limit, raw = entries[:4]
    assert "世界" in plain["response"]["content"]["text"]
    assert plain["timings"] == {"send": 0, "wait": 30.25, "receive": 39.750001}
    assert 70.000001 == plain["time"]
    assert "https://llm.example/v1/chat/completions?try=1" == plain["request"]["url"]
    assert [{"name": "try", "value": "1"}] == plain["request"]["queryString"]
    content = coded["response"]["content"]
    assert plain["response"]["content"]["text"] == content["text"]
    assert content["size"] - content["compression"] == coded["response"]["bodySize"]
    assert "Too Many Requests" == limit["response"]["statusText"]
    assert "base64" == raw["response"]["content"]["encoding"]


def test_without_our_field_it_is_a_har_like_any_other():
    """The bytes are the same; what HAR cannot say is reconstructed."""
    value = export_har([sample()], version="1")
    for entry in value["log"]["entries"]:
        del entry[EXACT]
    held = back(json.dumps(value).encode())
    assert ("times", "borders") == held.reconstructed
    sent = sample().interactions
    for index in (0, 2, 3, 4, 5):
        expected = sent[index].response.body
        assert expected == held.interactions[index].response.body


@given(
    pieces=st.lists(
        st.tuples(st.integers(0, 10**15), st.binary(max_size=12)), max_size=6
    ),
    asked=st.binary(max_size=12),
    kind=st.sampled_from(EndingKind),
    coding=st.sampled_from(["identity", "gzip", "br", "unheard-of"]),
    upstream=st.sampled_from([None, "llama.cpp", "http://h:1/"]),
    path=st.sampled_from(["/v1?a=%20&b", "*", "http://[x/"]),
)
def test_any_interaction_comes_back(  # noqa: PLR0917 - one for each part
    pieces, asked, kind, coding, upstream, path
):
    """Whatever a cassette can hold."""
    pieces = sorted(pieces, key=lambda piece: piece[0])
    segments = tuple(Segment(at_ns=at_ns, data=data) for at_ns, data in pieces)
    last_ns = segments[-1].at_ns if segments else 3
    response = Response(
        status=599,
        http_version="HTTP/1.0",
        headers=(("content-encoding", coding), ("é", "\xff"), ("a", ""), ("a", "b")),
        segments=segments,
        ending=Ending(at_ns=last_ns, kind=kind),
    )
    request = Request(method="PUT", path=path, headers=(), body=asked)
    held = Cassette(
        recorded=Recorded(at=None, by="x", upstream=upstream),
        tags=("t",),
        interactions=(Interaction(request=request, response=response, notes=("n",)),),
        reconstructed=("times",),
    )
    assert held == back(written(held))


def test_a_gzip_body_comes_back_as_it_was_coded():
    """Not coded again: other programs would choose other bytes."""
    held = sample()
    interaction = held.interactions[1]
    coded = gzip.compress(b"data: a\n\n" * 50, compresslevel=1)
    segment = Segment(at_ns=0, data=coded)
    response = replace(interaction.response, segments=(segment,))
    held = replace(held, interactions=(replace(interaction, response=response),))
    assert coded == back(written(held)).interactions[0].response.body


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segments": [[1, 5]]}, "segments: expected lengths of 732 bytes, .* got 5"),
        ({"segments": [[1, 2], [0, 3]]}, r"segments\[1\]: expected a time not before"),
        ({"segments": [[1]]}, r"segments\[0\]: expected at least 2 in the list"),
        ({"ending": {"at_ms": 0, "kind": "complete"}}, "ending.at_ms: expected an end"),
        ({"format": 2}, "format: expected 1, got 2"),
        ({"tagged": []}, "tagged: unknown key; expected one of format, path"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(change, message):
    """Somebody edited the HAR: nothing is guessed."""
    value = export_har([sample()], version="1")
    value["log"]["entries"][0][EXACT].update(change)
    place = rf"a.har: log.entries\[0\]._harness.{message}"
    with pytest.raises(InputError, match=place):
        back(json.dumps(value).encode())


def test_a_version_that_a_cassette_does_not_know_is_refused():
    """Beside our field only what we write is expected."""
    value = export_har([sample()], version="1")
    value["log"]["entries"][0]["response"]["httpVersion"] = "h3"
    with pytest.raises(InputError, match=r"response\.httpVersion"):
        back(json.dumps(value).encode())
