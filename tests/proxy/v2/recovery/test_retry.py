from __future__ import annotations

import random

import pytest

from proxy.v2.recovery.retry import (
    is_worth_retrying,
    jittered,
    pause_ns,
    retry_after_ns,
)

SECOND = 1_000_000_000
DATE = b"Wed, 25 Nov 2026 12:00:00 GMT"


class TestWorth:
    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_upstream_that_was_not_able(self, status):
        """A gateway's errors pass."""
        assert is_worth_retrying(status=status)

    @pytest.mark.parametrize("status", [200, 400, 401, 404, 408, 413, 422, 500, 529])
    def test_other_answers_are_the_answer(self, status):
        """Neither bad requests nor bugs go away by asking again."""
        assert not is_worth_retrying(status=status, asked_to_wait=True)

    def test_too_many_requests_only_where_a_time_is_named(self):
        """Without one, the client knows better when to try again."""
        assert is_worth_retrying(status=429, asked_to_wait=True)
        assert not is_worth_retrying(status=429)

    @pytest.mark.parametrize(
        ("ending", "worth"),
        [
            ("refused", True),
            ("connect_timeout", True),
            ("reset", True),
            ("truncated", True),
            ("protocol_error", False),
            ("complete", False),
        ],
    )
    def test_endings_without_a_head(self, ending, worth):
        """An upstream that does not speak HTTP will not do so the next time."""
        assert is_worth_retrying(ending=ending) is worth


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ((), None),
            (((b"Retry-After", b"7"),), 7 * SECOND),
            (((b"retry-after", b" 0 "),), 0),
            (((b"Retry-After", b"7"), (b"retry-after-ms", b"250")), SECOND // 4),
            (((b"Retry-After", b"7"), (b"retry-after-ms", b"soon")), 7 * SECOND),
            (
                (
                    (b"Date", DATE),
                    (b"Retry-After", b"Wed, 25 Nov 2026 12:00:05 GMT"),
                ),
                5 * SECOND,
            ),
            (
                (
                    (b"Date", DATE),
                    (b"Retry-After", b"Wed, 25 Nov 2026 11:00:00 GMT"),
                ),
                0,
            ),
        ],
    )
    def test_seconds_milliseconds_and_dates(self, headers, expected):
        """A date is compared with the answer's own."""
        assert retry_after_ns(headers) == expected

    @pytest.mark.parametrize(
        "headers",
        [
            ((b"Retry-After", b"Wed, 25 Nov 2026 12:00:05 GMT"),),
            ((b"Date", DATE), (b"Retry-After", b"tomorrow")),
            ((b"Date", DATE), (b"Retry-After", b"-1")),
            ((b"Date", DATE), (b"Retry-After", b"\xff")),
            ((b"Retry-After", b"9" * 400),),
        ],
    )
    def test_time_that_cannot_be_understood_is_not_soon(self, headers):
        """The answer is then for the client to see."""
        found = retry_after_ns(headers)

        assert found is not None
        assert found > 10**6 * SECOND


class TestPause:
    def test_doubles_with_each_attempt_within_ten_per_cent(self):
        """And uses all of them."""
        for retries in range(5):
            base = 100_000 << retries
            found = [
                pause_ns(100_000, retries, None, random.Random(seed))
                for seed in range(500)
            ]
            assert base * 0.9 <= min(found) < base * 0.91
            assert base * 1.09 < max(found) <= base * 1.1

    def test_is_no_shorter_than_asked_for(self):
        """A second that the upstream named is never cut short, and is spread."""
        found = [pause_ns(1000, 0, SECOND, random.Random(seed)) for seed in range(500)]

        assert SECOND <= min(found)
        assert max(found) <= 1.1 * SECOND
        assert len(set(found)) > 400

    def test_is_no_shorter_than_the_backoff(self):
        """``Retry-After: 0`` is no leave to hammer."""
        assert pause_ns(SECOND, 0, 0, random.Random(1)) >= 0.9 * SECOND

    def test_equal_seeds_give_equal_pauses(self):
        """All randomness comes from the seed."""
        one, two = random.Random(7), random.Random(7)

        assert jittered(10**9, one) == jittered(10**9, two)
