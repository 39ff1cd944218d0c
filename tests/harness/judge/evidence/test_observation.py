"""Evidence as a value."""

from __future__ import annotations


def test_body_is_all_reads_in_order(bench):
    """However they were cut."""
    seen = bench.observed([], reads=((1, b"da"), (2, b""), (3, b"ta")))

    assert b"data" == seen.body


def test_header_is_the_first_of_its_name_without_case(bench):
    """None where there is none."""
    seen = bench.observed([], headers=((b"X-Id", b"1"), (b"x-id", b"2")))

    assert b"1" == seen.header("x-ID")
    assert seen.header("x-other") is None
