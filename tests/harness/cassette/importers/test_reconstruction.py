from __future__ import annotations

import gzip

import pytest

from harness.cassette.importers.reconstruction import (
    ReconstructionOptions,
    SourceResponse,
    reconstruct,
)
from harness.cassette.importers.segmentation import Split
from harness.cassette.model import EndingKind, Interaction, Request

BODY = b"data: a\n\ndata: b\n\ndata: c\n\n"
STREAM = ("content-type", "text/event-stream; charset=utf-8")


def rebuilt(*headers, body=BODY, method="POST", how=None, **known) -> Interaction:
    """An interaction of which a source kept no border."""
    request = Request(method=method, path="/", headers=(), body=b"")
    kept = SourceResponse(
        status=known.pop("status", 200),
        http_version=known.pop("http_version", "HTTP/1.1"),
        headers=headers,
        body=body,
        **known,
    )
    return reconstruct(request, kept, how or ReconstructionOptions())


def times(interaction: Interaction) -> list[int]:
    """When the segments came."""
    return [segment.at_ns for segment in interaction.response.segments]


def test_without_times_events_come_at_an_even_pace():
    """The ending comes with the last of them."""
    how = ReconstructionOptions(first_ns=5, pacing_ns=7)
    found = rebuilt(STREAM, how=how)
    assert [5, 12, 19] == times(found)
    assert 19 == found.response.ending.at_ns


def test_known_times_are_spread_evenly():
    """Between the first byte and the end."""
    assert [10, 15, 20] == times(rebuilt(STREAM, first_ns=10, last_ns=20))


@pytest.mark.parametrize("headers", [(), (STREAM, ("content-encoding", "gzip"))])
def test_what_holds_no_events_is_one_segment(headers):
    """Which is there when the last of it is."""
    body = gzip.compress(BODY)
    found = rebuilt(*headers, body=body, first_ns=10, last_ns=20)
    assert [20] == times(found)
    assert body == found.response.body


def test_a_number_cuts_after_so_many_bytes():
    """And whole means nowhere."""
    sizes = [
        [len(segment.data) for segment in rebuilt(STREAM, how=how).response.segments]
        for how in (
            ReconstructionOptions(split=10),
            ReconstructionOptions(split=Split.WHOLE),
        )
    ]
    assert [[10, 10, 7], [27]] == sizes


def test_a_body_that_was_decoded_loses_its_coding():
    """And its length is its own; a note says so."""
    coded = (("content-encoding", "gzip"), ("content-length", "9"))
    found = rebuilt(STREAM, *coded)
    assert (STREAM, ("content-length", "27")) == found.response.headers
    assert "gzip" in found.notes[0]


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        ({}, EndingKind.TRUNCATED),
        ({"ending": EndingKind.RESET}, EndingKind.RESET),
        ({"method": "HEAD"}, EndingKind.COMPLETE),
        ({"status": 304}, EndingKind.COMPLETE),
    ],
)
def test_a_body_shorter_than_its_length_was_cut(known, kind):
    """Unless the source says how it ended, or no body could follow."""
    found = rebuilt(STREAM, ("content-length", "28"), **known)
    assert kind is found.response.ending.kind


@pytest.mark.parametrize(
    ("told", "expected"),
    [("h2", "HTTP/2"), ("HTTP/1.0", "HTTP/1.0"), ("spdy", "HTTP/1.1")],
)
def test_versions_are_those_of_the_format(told, expected):
    """Unknown ones become HTTP/1.1."""
    assert expected == rebuilt(STREAM, http_version=told).response.http_version
