"""The bytes of answers that are no event streams, and bytes that are not UTF-8."""

from __future__ import annotations

import pytest

from harness.judge.checks.body import check_foreign_bytes
from harness.judge.evidence.observation import ClientEnd
from harness.judge.oracle.expectation import Content
from harness.judge.violation import Kind

WORDS = ("Once", " upon", " a", " time", ".")


def test_error_status_must_arrive_as_it_was(bench):
    """The body of an error status is passed byte for byte."""
    wanted = bench.scenario(
        bench.answer(*WORDS), ("status", {"code": 429, "body": "json_error"})
    )
    body = bench.script(wanted, seed=1).attempts[0].body
    right = {
        "status": 429,
        "headers": ((b"content-type", b"application/json"),),
        "reads": ((0, body),),
    }
    wrong = {**right, "reads": ((0, body[:-1]),)}

    assert [] == bench.answer_kinds([], wanted=wanted, head_at_ns=0, **right)
    assert [Kind.BODY_CHANGED] == bench.answer_kinds([], wanted=wanted, **wrong)


@pytest.mark.parametrize(
    ("demanded", "body", "found"),
    [
        (None, b"\xff", []),
        ("pass", b"\xff", []),
        ("pass", b"\xef\xbf\xbd", [Kind.BODY_CHANGED]),
        ("replace", b"\xff", [Kind.MALFORMED_FORWARDED]),
        ("replace", b"\xef\xbf\xbd", []),
    ],
)
def test_bytes_that_are_not_utf_8_become_what_a_policy_says(
    bench, demanded, body, found
):
    """They pass, or U+FFFD stands in their place; without a policy either is right."""
    seen = bench.observed([], reads=((0, body),))
    violations = check_foreign_bytes(Content(foreign_bytes=demanded), seen)

    assert found == [violation.kind for violation in violations]


def test_of_an_answer_that_the_client_left_no_bytes_are_demanded(bench):
    """They may have come behind the place where it left."""
    seen = bench.observed([], reads=((0, b"x"),), end=ClientEnd.CLIENT_CLOSED)

    assert [] == list(check_foreign_bytes(Content(foreign_bytes="pass"), seen))
