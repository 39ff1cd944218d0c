from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette.importers.sse import Split, SseSource, import_sse
from harness.cassette.model import Ending, EndingKind, Framing, Segment
from harness.errors import InputError

MS = 1_000_000
CHUNK = b'data: {"model": "m-1", "choices": []}\n\n'
USAGE = b'data: {"model": "m-2", "choices": [], "usage": {"total_tokens": 3}}\n\n'
DONE = b"data: [DONE]\n\n"


def segments_of(body: bytes, **known) -> tuple[Segment, ...]:
    """Return the segments of an imported body."""
    source = SseSource(name="a.sse", by="test", **known)
    return import_sse(body, source).interactions[0].response.segments


def test_each_event_is_a_segment():
    """Without known borders, each event comes in its own segment, evenly paced."""
    expected = (
        Segment(at_ns=100 * MS, data=CHUNK),
        Segment(at_ns=120 * MS, data=b": ping\r\n\r\n"),
        Segment(at_ns=140 * MS, data=DONE),
    )
    assert expected == segments_of(CHUNK + b": ping\r\n\r\n" + DONE)


@pytest.mark.parametrize(
    ("split", "lengths", "expected"),
    [
        (Split.WHOLE, None, [(12, 20)]),
        (5, None, [(5, 10), (5, 20), (2, 20)]),
        (6, None, [(6, 10), (6, 20)]),
        (Split.EVENT, (3, 3, 6), [(3, 10), (3, 10), (6, 20)]),
        (5, (7, 5), [(7, 20), (5, 20)]),
    ],
)
def test_borders_do_not_change_when_events_come(split, lengths, expected):
    """A segment comes when the last event that it has a byte of comes."""
    segments = segments_of(
        b":abc\n\n:abc\n\n",
        split=split,
        lengths=lengths,
        first_ns=10 * MS,
        pacing_ns=10 * MS,
    )
    assert expected == [(len(one.data), one.at_ns // MS) for one in segments]


@given(
    body=st.lists(st.sampled_from([b"data:x", b":", b"\n", b"\r", b"\r\n", b"\xff"]))
    .map(b"".join)
    .map(lambda body: b"data:" + body),
    split=st.sampled_from([Split.EVENT, Split.WHOLE, 1, 3]),
)
def test_no_byte_is_lost(body, split):
    """The segments are the body, however it is cut; none is empty, times never fall."""
    segments = segments_of(body, split=split)
    times = [one.at_ns for one in segments]
    assert body == b"".join(one.data for one in segments)
    assert all(one.data for one in segments)
    assert sorted(times) == times


def test_says_what_was_invented():
    """Times are always invented; borders only where they were not known."""
    source = SseSource(name="a.sse", by="test")
    assert import_sse(DONE, source).reconstructed == ("times", "borders")
    source = SseSource(name="a.sse", by="test", lengths=(4, 10))
    assert import_sse(DONE, source).reconstructed == ("times",)


def test_the_response_is_a_chunked_event_stream_that_ends():
    """Head and ending are those of an ordinary stream."""
    cassette = import_sse(DONE, SseSource(name="a.sse", by="test", upstream="up"))
    response = cassette.interactions[0].response
    assert (response.status, response.framing) == (200, Framing.CHUNKED)
    assert response.header("content-type") == "text/event-stream"
    assert response.ending == Ending(at_ns=100 * MS, kind=EndingKind.COMPLETE)
    assert cassette.tags == ("openai-chat",)
    assert cassette.recorded.upstream == "up"


def test_the_request_asks_for_what_the_answer_shows():
    """The first model that the answer names is asked for, and usage where it came."""
    source = SseSource(name="a.sse", by="test")
    request = import_sse(CHUNK + USAGE + DONE, source).interactions[0].request
    asked = json.loads(request.body)
    assert asked["model"] == "m-1"
    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True}
    assert ("content-length", str(len(request.body))) in request.headers

    bare = import_sse(b"data: [] \n\n", source).interactions[0].request
    assert json.loads(bare.body)["model"] == "unknown"
    assert "stream_options" not in json.loads(bare.body)


def test_a_known_request_is_kept():
    """A request body that is given is taken as it is."""
    source = SseSource(name="a.sse", by="test", request_body=b'{"x": 1}\n')
    assert import_sse(DONE, source).interactions[0].request.body == b'{"x": 1}\n'


@pytest.mark.parametrize("body", [b"", b'{"file": "x"}\n', b"<html>\n\n</html>"])
def test_a_file_that_is_no_stream_is_refused(body):
    """A file without any field of an event stream is refused."""
    with pytest.raises(InputError, match=r"a\.sse: expected an event stream"):
        import_sse(body, SseSource(name="a.sse", by="test"))


def test_an_answer_of_another_type_is_taken_as_it_is():
    """An error body is one segment when its content type says that it is no stream."""
    source = SseSource(name="a", by="test", status=429, content_type="application/json")
    response = import_sse(b'{"error": 1}', source).interactions[0].response
    assert (response.status, response.body) == (429, b'{"error": 1}')


def test_a_stream_cut_in_its_first_event_is_a_stream():
    """A body without a single whole event is imported as it is."""
    assert [one.data for one in segments_of(b'data: {"a')] == [b'data: {"a']


def test_lengths_must_add_up():
    """Piece lengths that do not add up to the body are refused."""
    with pytest.raises(InputError, match="expected 9 bytes"):
        segments_of(DONE, lengths=(4, 5))
