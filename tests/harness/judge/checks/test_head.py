from __future__ import annotations

from dataclasses import replace

import pytest

from harness.faults.draft.coded import coded_body
from harness.judge.check import judge
from harness.judge.evidence.observation import ClientEnd, Observation, UpstreamRequest
from harness.judge.limits import Limits
from harness.judge.oracle.oracle import Contract
from harness.judge.violation import Kind

WORDS = ("Once", " upon", " a", " time", ".")
TYPE = (b"content-type", b"text/event-stream")


def judged(bench, fault, **changes):
    """Judge an answer to a script with one fault; by default the plain body comes."""
    scenario = bench.scenario(bench.answer(*WORDS), fault)
    wire = bench.script(scenario, seed=1).attempts[0]
    request = UpstreamRequest(
        at_ns=0,
        method="POST",
        path="/v1/x",
        headers=(),
        body=b"",
        sent=((wire.head_at_ns, len(wire.body)),),
        lateness_ns=(),
        finished=True,
        closed_at_ns=None,
    )
    plain = Observation(
        target="t",
        virtual=False,
        status=200,
        http_version="HTTP/1.1",
        headers=(TYPE,),
        head_at_ns=wire.head_at_ns,
        reads=((wire.head_at_ns, wire.body),),
        end=ClientEnd.COMPLETE,
        end_at_ns=wire.end_at_ns,
        upstream=(request,),
    )
    script = bench.script(scenario, seed=1)
    expected = bench.expectation(script, Contract.REPAIRING, scenario.exchange.expect)
    answer = replace(plain, **changes)
    found = judge(expected, answer, Limits(hold_ms=1e6)).violations
    return [violation.kind for violation in found]


def coded(bench, **more):
    """The changes that make an answer the compressed one that was sent."""
    fault = ("content_encoding", more)
    scenario = bench.scenario(bench.answer(*WORDS), fault)
    body = coded_body(bench.script(scenario, seed=1).attempts[0])
    return {
        "headers": (TYPE, (b"content-encoding", b"gzip")),
        "reads": ((1, body),),
    }


def test_a_compressed_answer_may_pass_or_be_decoded(bench):
    """Both say the same; the label alone, or the bytes alone, do not."""
    fault = ("content_encoding", {})
    assert [] == judged(bench, fault)
    assert [] == judged(bench, fault, **coded(bench))
    label_alone = {"headers": (TYPE, (b"content-encoding", b"gzip"))}
    assert Kind.CODING_BROKEN in judged(bench, fault, **label_alone)
    bytes_alone = {"reads": coded(bench)["reads"]}
    assert Kind.TEXT_LOST in judged(bench, fault, **bytes_alone)


def test_a_coded_body_that_was_cut_must_not_end_well(bench):
    """Who passes it cuts it as well; who decodes it must tell."""
    fault = ("content_encoding", {"truncate": 60})
    passed = coded(bench, truncate=60)
    assert [] == judged(bench, fault, **passed)
    silent = judged(bench, fault, reads=((1, b'data: {"choices":[]}\n\n'),))
    assert Kind.CUT_NOT_TOLD in silent


def test_a_label_that_lies_may_pass_be_dropped_or_be_refused(bench):
    """The body is plain in each case."""
    fault = ("content_encoding", {"label": "lie"})
    label = {"headers": (TYPE, (b"content-encoding", b"gzip"))}
    assert [] == judged(bench, fault, **label)
    assert [] == judged(bench, fault)
    assert [] == judged(bench, fault, status=502, headers=(), reads=())
    assert Kind.STATUS_CHANGED in judged(bench, fault, status=500)


def test_a_label_that_lies_may_be_told_of_behind_the_head(bench):
    """It shows with the first byte of the body; text before the error is no refusal."""
    fault = ("content_encoding", {"label": "lie"})
    error = b'data: {"error":{"message":"no gzip"}}\n\n'
    assert [] == judged(bench, fault, reads=((1, error),), end=ClientEnd.TRUNCATED)
    assert [] == judged(bench, fault, reads=(), end=ClientEnd.TRUNCATED)
    text = b'data: {"choices":[{"index":0,"delta":{"content":"On"}}]}\n\n'
    assert judged(bench, fault, reads=((1, text),), end=ClientEnd.TRUNCATED)
    assert judged(bench, fault, reads=())


@pytest.mark.parametrize(
    "fault",
    [
        ("framing", {"mode": "cl_and_te"}),
        ("framing", {"mode": "dup_te"}),
        ("headers", {"raw_lines": ["x-a: 1\rx-injected: 2"]}),
        ("headers", {"oversized_bytes": 20_000}),
    ],
)
def test_a_head_that_is_wrong_may_be_refused_with_502(bench, fault):
    """Or read in the one way that is safe; any other failure is wrong."""
    assert [] == judged(bench, fault, status=502, headers=(), reads=())
    assert [] == judged(bench, fault)
    assert Kind.STATUS_CHANGED in judged(bench, fault, status=500, reads=())
    no_answer = {"status": None, "reads": (), "end": ClientEnd.PROTOCOL_ERROR}
    assert Kind.STATUS_CHANGED in judged(bench, fault, **no_answer)


def test_a_right_head_may_not_be_refused(bench):
    """502 in place of an answer that was well is wrong."""
    fault = ("headers", {"set": {"x-a": "1"}})
    assert Kind.STATUS_CHANGED in judged(bench, fault, status=502, reads=())


@pytest.mark.parametrize("status", [200, 502])
def test_an_injected_header_is_found(bench, status):
    """Also in a refusal."""
    fault = ("headers", {"raw_lines": ["x-a: 1\rx-injected: 2"]})
    headers = (TYPE, (b"X-Injected", b"2"))
    found = judged(bench, fault, status=status, headers=headers)
    assert Kind.HEADER_INJECTED in found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ((b"X-Secret", b"1"), True),
        ((b"Keep-Alive", b"timeout=5"), True),
        ((b"connection", b"x-secret"), True),
        ((b"keep-alive", b"timeout=9"), False),
        ((b"connection", b"close"), False),
    ],
)
def test_a_header_of_the_upstreams_connection_is_found(bench, line, found):
    """The target may have such a header of its own, with a value of its own."""
    own = {"connection": "x-secret", "x-secret": "1", "keep-alive": "timeout=5"}
    kinds = judged(bench, ("headers", {"set": own}), headers=(TYPE, line))
    assert found is (Kind.HOP_BY_HOP_LEAKED in kinds)


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": (TYPE, (b"transfer-encoding", b"chunked")) * 2},
        {"headers": (TYPE, (b"content-length", b"9"), (b"Content-Length", b"9"))},
        {"headers": (TYPE, (b"content-length", b"9"), (b"transfer-encoding", b"x"))},
        {"surplus": b"HTTP/1.1 200 OK\r\n"},
    ],
)
def test_an_answer_has_one_framing_and_nothing_behind_it(bench, changes):
    """What stands behind it would be read as the next answer."""
    fault = ("bytes_after_terminator", {"data": "HTTP/1.1 200 OK\r\n"})
    assert Kind.HEADERS_BROKEN in judged(bench, fault, **changes)
    assert [] == judged(bench, fault)


def test_what_is_behind_a_promised_length_belongs_to_nobody(bench):
    """An answer with the rest of the body has more than the upstream answered."""
    fault = ("framing", {"mode": "content_length", "cl_delta": -60})
    assert {Kind.SILENT_TRUNCATION, Kind.EVENT_ADDED} <= set(judged(bench, fault))


def test_headers_that_clients_act_on_must_arrive(bench):
    """Retry-After is part of a 429."""
    wanted = bench.scenario(
        bench.answer(*WORDS),
        ("status", {"code": 429, "headers": {"retry-after": "7"}}),
    )
    right = {
        "status": 429,
        "headers": (
            (b"content-type", b"application/json"),
            (b"Retry-After", b"7"),
        ),
        "reads": ((0, bench.script(wanted, seed=1).attempts[0].body),),
    }

    assert [] == bench.answer_kinds([], wanted=wanted, **right)
    lost = {**right, "headers": right["headers"][:1]}
    assert [Kind.HEADER_CHANGED] == bench.answer_kinds([], wanted=wanted, **lost)
    cut = {**right, "end": ClientEnd.TRUNCATED}
    assert [Kind.NO_CLEAN_END] == bench.answer_kinds([], wanted=wanted, **cut)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"text/event-stream; charset=utf-8", []),
        (b'Text/Event-Stream;charset="UTF-8"', []),
        (b"text/event-stream; charset=latin-1", [Kind.CONTENT_TYPE_CHANGED]),
    ],
)
def test_content_type_means_the_same_with_utf_8(bench, value, found):
    """UTF-8 is what an event stream is without saying so."""
    headers = ((b"content-type", value),)
    assert found == bench.answer_kinds(bench.answer(*WORDS), headers=headers)


def test_claimed_content_encoding_is_found(bench):
    """Plain bytes under ``content-encoding: gzip`` are read by nobody."""
    headers = (
        (b"content-type", b"text/event-stream"),
        (b"content-encoding", b"gzip"),
    )
    assert [Kind.HEADER_CHANGED] == bench.answer_kinds(
        bench.answer(*WORDS), headers=headers
    )


@pytest.mark.parametrize(
    ("virtual", "found"), [(True, []), (False, [Kind.HEADERS_BROKEN])]
)
def test_transfer_coding_of_a_relay_in_virtual_time_is_on_no_wire(
    bench, virtual, found
):
    """Whoever performs its commands sets the framing."""
    coding = (b"transfer-encoding", b"chunked")

    assert found == bench.answer_kinds(
        bench.answer(*WORDS), virtual=virtual, headers=(TYPE, coding, coding)
    )
