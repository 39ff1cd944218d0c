from __future__ import annotations

import pytest

from harness.cassette.importers.imported import (
    ImportedInteraction,
    assemble_cassette,
    split_url,
    utc_time,
)
from harness.cassette.model import Ending, EndingKind, Interaction, Request, Response

INTERACTION = Interaction(
    request=Request(method="POST", path="/", headers=(), body=b""),
    response=Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(),
        segments=(),
        ending=Ending(at_ns=0, kind=EndingKind.COMPLETE),
    ),
    notes=("n",),
)


def imported(upstream: str | None, **known) -> ImportedInteraction:
    """An interaction of that server."""
    return ImportedInteraction(
        interaction=INTERACTION, at=known.pop("at", None), upstream=upstream, **known
    )


def test_a_cassette_says_what_its_interactions_know():
    """The first time, every tag once, and whatever was reconstructed."""
    cassette = assemble_cassette(
        [
            imported("s", reconstructed=("borders",), tags=("a", "b")),
            imported("s", at="2027-01-01T00:00:00Z", reconstructed=(), tags=("b",)),
        ],
        by="x",
        tags=("c",),
    )
    assert ("2027-01-01T00:00:00Z", "x", "s") == (
        cassette.recorded.at,
        cassette.recorded.by,
        cassette.recorded.upstream,
    )
    assert (("c", "a", "b"), ("borders",)) == (cassette.tags, cassette.reconstructed)


def test_several_upstreams_are_named_in_notes():
    """A cassette names one upstream; where there were two, each interaction does."""
    found = [imported("s"), imported("t"), imported(None)]
    cassette = assemble_cassette(found, by="x")
    assert cassette.recorded.upstream is None
    assert [
        ("n", "The server that was asked is s."),
        ("n", "The server that was asked is t."),
        ("n",),
    ] == [one.notes for one in cassette.interactions]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@h.example:8/v1?a=b#c", ("https://h.example:8", "/v1?a=b")),
        ("http://[::1]/", ("http://[::1]", "/")),
        ("https://h.example", ("https://h.example", "/")),
        ("/v1/x", (None, "/v1/x")),
    ],
)
def test_a_url_is_a_server_and_a_target(url, expected):
    """User, password and fragment are dropped."""
    assert expected == split_url(url)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-01T01:00:00+01:00", "2027-01-01T00:00:00Z"),
        ("2027-01-01T01:00:00", None),
        ("soon", None),
    ],
)
def test_a_time_is_told_as_utc(text, expected):
    """Where it has a zone."""
    assert expected == utc_time(text)
