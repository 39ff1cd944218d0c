from __future__ import annotations

import pytest

from harness.cassette.importers.segmentation import (
    Split,
    borders_of,
    cut_at,
    event_ends,
)

BODY = b"data: a\n\ndata: bc\n\nrest"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", []),
        (b"data: a\n\n", [9]),
        (b"data: a\n\ndata: b", [9, 16]),
        (b"data: a\r\n\r\ndata: b\r\r", [11, 20]),
        (b"data: a\n\n\n\ndata: b\n\n", [11, 20]),
        (b"data: a\r\ndata: b\r\n", [18]),
    ],
)
def test_a_blank_line_ends_an_event(body, expected):
    """With every line end of the standard; CRLF alone is one line end, not two."""
    assert expected == event_ends(body)


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (Split.EVENT, [9, 19, 23]),
        (Split.WHOLE, [23]),
        (10, [10, 20, 23]),
        (23, [23]),
        (100, [23]),
    ],
)
def test_a_body_is_cut_as_asked(split, expected):
    """After events, nowhere, or after a number of bytes."""
    assert expected == list(borders_of(BODY, split, event_ends(BODY)))


@pytest.mark.parametrize("split", [Split.EVENT, Split.WHOLE, 4])
def test_an_empty_body_has_no_segment(split):
    """There is nothing to cut."""
    assert [] == list(borders_of(b"", split, []))


def segments(*borders: int):
    """Return time and bytes of the segments with these borders."""
    ends = event_ends(BODY)
    cut = cut_at(borders, BODY, ends, first_ns=100, pacing_ns=10.0)
    return [(one.at_ns, one.data) for one in cut]


def test_each_event_is_whole_at_its_time():
    """The first after the wait, the others evenly behind it."""
    assert [(100, BODY[:9]), (110, BODY[9:19]), (120, BODY[19:])] == segments(9, 19, 23)


def test_a_segment_arrives_with_the_last_event_it_belongs_to():
    """So a stream takes the same time however it is cut."""
    assert [(100, BODY[:5]), (110, BODY[5:10]), (120, BODY[10:])] == segments(5, 10, 23)
    assert [(120, BODY)] == segments(23)
