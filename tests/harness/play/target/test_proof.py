from __future__ import annotations

from dataclasses import replace

import pytest

from harness.config import Proof
from harness.judge.evidence.observation import ClientEnd, Observation, UpstreamRequest
from harness.play.target.proof import check_proof, served_by

REQUEST = UpstreamRequest(
    at_ns=0,
    method="POST",
    path="/v1/x",
    headers=(),
    body=b"",
    sent=(),
    lateness_ns=(),
    finished=True,
    closed_at_ns=None,
)
SEEN = Observation(
    target="v2",
    virtual=False,
    status=200,
    http_version="HTTP/1.1",
    headers=((b"X-Streaming-Architecture", b"v2"),),
    head_at_ns=1,
    reads=(),
    end=ClientEnd.COMPLETE,
    end_at_ns=2,
    upstream=(REQUEST,),
    log=("info served by v2",),
)
HEADER = Proof(header=("x-streaming-architecture", "v2"))


@pytest.mark.parametrize("proof", [None, HEADER, Proof(log=r"served by v2")])
def test_stream_that_says_what_served_it_is_evidence(proof):
    """The right header or log line, and the upstream reached, prove the arm."""
    assert check_proof(proof, SEEN).invalid is None


@pytest.mark.parametrize(
    ("proof", "changes", "words"),
    [
        (None, {"end": ClientEnd.REFUSED}, "no connection to v2 could be made"),
        (None, {"upstream": ()}, "no request of v2 reached its upstream"),
        (HEADER, {"headers": ()}, "got no such header"),
        (
            HEADER,
            {"headers": ((b"x-streaming-architecture", b"v1"),)},
            'got "v1"',
        ),
        (HEADER, {"status": None, "headers": ()}, "got no such header"),
        (Proof(log="served by v2"), {"log": ("served by v1",)}, "no log line of v2"),
        (None, {"invalid": "v2 ended by itself"}, "ended by itself"),
    ],
)
def test_stream_that_proves_nothing_is_invalid(proof, changes, words):
    """Missing evidence never passes, and the reason is given."""
    assert words in (check_proof(proof, replace(SEEN, **changes)).invalid or "")


def test_client_that_left_before_the_head_cannot_be_shown_one():
    """That its request reached the target's own upstream must do."""
    left = replace(SEEN, status=None, headers=(), end=ClientEnd.CLIENT_CLOSED)

    assert check_proof(HEADER, left).invalid is None


def test_client_that_left_after_the_head_was_shown_one():
    """What served it must be right then."""
    left = replace(SEEN, headers=(), end=ClientEnd.CLIENT_CLOSED)

    assert "got no such header" in (check_proof(HEADER, left).invalid or "")


def test_what_served_it_is_named():
    """The header's value, or the log line, names what served a stream."""
    assert "v2" == served_by(HEADER, SEEN)
    assert "info served by v2" == served_by(Proof(log="by v2"), SEEN)
    assert served_by(None, SEEN) is None


def test_a_refused_connection_needs_no_request():
    """None could reach the upstream; what served the failure must still be shown."""
    gone = replace(SEEN, status=502, upstream=())
    assert check_proof(HEADER, gone, may_skip_upstream=True).invalid is None
    silent = check_proof(HEADER, replace(gone, headers=()), may_skip_upstream=True)
    assert "got no such header" in (silent.invalid or "")
