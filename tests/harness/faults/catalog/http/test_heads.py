from __future__ import annotations

import pytest

from harness.faults.registry import FaultError


def test_lines_are_set_removed_doubled_and_written_raw(play):
    """Order stays; what is set replaces all of its name, whatever its case."""
    wire = play(
        {
            "headers": {
                "set": {"Content-Type": "text/plain", "x-a": "1"},
                "duplicate": ["x-a"],
                "raw_lines": ["x-b: 1\rx-c: 2"],
            }
        }
    )
    assert (("Content-Type", "text/plain"), ("x-a", "1"), ("x-a", "1")) == wire.headers
    assert ("x-b: 1\rx-c: 2",) == wire.delivery.raw_lines
    removed = play({"headers": {"remove": ["CONTENT-TYPE"]}})
    assert () == removed.headers


def test_oversized_lines_have_the_size_asked_for(play):
    """The value, without the name."""
    (line,) = play({"headers": {"oversized_bytes": 9000}}).delivery.raw_lines
    assert line == "x-oversized: " + "o" * 9000


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "headers: expected one of set, remove, duplicate"),
        ({"remove": ["content-tpye"]}, "headers.remove: .*did you mean 'content-type'"),
        ({"duplicate": ["x-a"]}, "headers.duplicate: the answer has no header 'x-a'"),
        ({"set": {"a b": "1"}}, "headers.set: 'a b' is not the name of a header"),
        ({"set": {"x-a": "1\nx-b: 2"}}, "headers.set: .*raw_lines .* accepts it"),
        (
            {"set": {"Content-Length": "3"}},
            "headers.set: .*belongs to the fault 'framing'",
        ),
        ({"set": {"x-a": "世"}}, "headers.set: .* is not the value"),
        ({"raw_lines": ["世"]}, "headers.raw_lines: expected latin-1"),
        ({"raw_lines": ["x: 1\r\n\r\nbody"]}, "raw_lines: .* would end the head"),
        ({"raw_lines": [""]}, "raw_lines: .* would end the head"),
    ],
)
def test_what_is_no_header_is_refused(play, parameters, message):
    """It says which, and where such a line can be written."""
    with pytest.raises(FaultError, match=message):
        play({"headers": parameters})


def test_statuses_without_a_body_have_no_header_that_tells_one(play):
    """RFC 9110, section 8.6."""
    wire = play({"status": {"code": 204}})
    assert (b"", ()) == (wire.body, wire.delivery.framing_headers)
    assert ("content-type", "application/json") not in wire.headers


@pytest.mark.parametrize(
    ("value", "sent"),
    [(7, "7"), ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT")],
)
def test_retry_after_has_both_forms(play, value, sent):
    """RFC 9110, section 10.2.3."""
    wire = play({"status": {"code": 429, "retry_after": value}})
    assert ("retry-after", sent) in wire.headers


def test_retry_after_of_no_form_is_refused(play):
    """It says both forms."""
    with pytest.raises(FaultError, match=r"retry_after: expected seconds or a date"):
        play({"status": {"code": 429, "retry_after": "soon"}})
