from __future__ import annotations

import base64

import pytest

from harness.cassette.importers.har_exact import EXACT, read_exact
from harness.cassette.model import EndingKind, Request
from harness.documents.node import Node, Origin
from harness.errors import InputError

REQUEST = Request(method="POST", path="/short", headers=(), body=b"asked")
FIELD = {
    "format": 1,
    "path": "/v1?x=1",
    "segments": [[1.5, 2], [2, 3]],
    "ending": {"at_ms": 3, "kind": "reset"},
}


def read(*, body: bytes = b"abcde", version: str = "HTTP/1.1", **changes: object):
    """Read an entry whose field has these changes; None takes a key out."""
    field = {**FIELD, **changes}
    field = {key: value for key, value in field.items() if value is not None}
    response = {"status": 201, "httpVersion": version}
    entry = Node({EXACT: field, "response": response}, Origin("a.har"))
    return read_exact(entry, REQUEST, (("a", "b"),), body)


def test_borders_times_and_ending_are_read():
    """The rest is what HAR itself says."""
    imported = read()
    response = imported.interaction.response
    assert [(1_500_000, b"ab"), (2_000_000, b"cde")] == [
        (one.at_ns, one.data) for one in response.segments
    ]
    assert (3_000_000, EndingKind.RESET) == (
        response.ending.at_ns,
        response.ending.kind,
    )
    assert (201, (("a", "b"),)) == (response.status, response.headers)
    assert ("/v1?x=1", b"asked") == (
        imported.interaction.request.path,
        imported.interaction.request.body,
    )
    assert ((), None, None) == (imported.reconstructed, imported.at, imported.upstream)


def test_bodies_that_har_cannot_hold_are_those_of_the_field():
    """Coded, or not UTF-8."""
    coded, asked = (base64.b64encode(data).decode() for data in (b"\xff" * 5, b"\xfe"))
    interaction = read(response_base64=coded, request_base64=asked).interaction
    assert (b"\xff" * 5, b"\xfe") == (
        interaction.response.body,
        interaction.request.body,
    )


def test_what_is_known_of_the_recording_is_kept():
    """Tags, notes, origin, and what was invented."""
    imported = read(
        at="2026-11-23T05:40:00Z",
        upstream="http://x",
        tags=["openai-chat"],
        reconstructed=["times"],
        notes=["late"],
    )
    assert ("2026-11-23T05:40:00Z", "http://x") == (imported.at, imported.upstream)
    assert (("openai-chat",), ("times",)) == (imported.tags, imported.reconstructed)
    assert ("late",) == imported.interaction.notes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segments": [[2, 2], [1.5, 3]]}, "a time not before the last segment"),
        ({"segments": [[1, 2], [1, 2]]}, "lengths of 5 bytes, as the body, got 4"),
        ({"segments": [[1, 2], [1, 4]]}, "lengths of 5 bytes, as the body, got 6"),
        ({"ending": {"at_ms": 1.9, "kind": "reset"}}, "an ending not before the last"),
        ({"version": "HTTP/3"}, r"one of HTTP/1\.0, HTTP/1\.1, HTTP/2 for response"),
        ({"path": None}, "the key 'path' is missing"),
        ({"response_base64": "?"}, "expected base64"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(changes, message):
    """Nothing is guessed."""
    with pytest.raises(InputError, match=message):
        read(**changes)
