"""Check of status and header lines.

An answer has one framing, no header of the upstream's own connection, none that only a
broken line could inject; headers that clients act on arrive as they were sent. How the
framing ended is judged with the ending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.oracle.expectation import Head
from harness.judge.violation import Kind, Violation
from harness.printable import quote

__all__ = ["check_head"]


def check_head(
    expected: Head, got: Observation, *, refused: bool
) -> Iterator[Violation]:
    """Judge the head of an answer.

    Args:
        expected: The expected head.
        got: The observation.
        refused: True where the target rejected the upstream's answer, as it may: then
            only what no answer may have is a violation.
    """
    if got.end is ClientEnd.CLIENT_CLOSED and got.status is None:
        return
    if any(line.startswith("crashed:") for line in got.log):
        yield Violation(
            kind=Kind.CRASH,
            where="target",
            expected="no crash",
            got="the target raised an exception",
        )
    yield from _check_leaks(expected, got)
    yield from _check_framing(got)
    if refused:
        return
    if expected.status is None:
        allowed = expected.statuses
        if allowed and got.status is not None and got.status not in allowed:
            yield Violation(
                kind=Kind.STATUS_CHANGED,
                where="status",
                expected=f"status {_listed(expected)}",
                got=f"status {got.status}",
            )
        elif got.status is not None and got.status < 400:
            yield Violation(
                kind=Kind.STATUS_CHANGED,
                where="status",
                expected="an error status, as the upstream never answered",
                got=f"status {got.status}",
            )
        return
    if expected.statuses and got.status in expected.statuses:
        if got.status != expected.status:
            return
    elif got.status != expected.status:
        yield Violation(
            kind=Kind.STATUS_CHANGED,
            where="status",
            expected=f"status {_listed(expected)}",
            got="no answer at all" if got.status is None else f"status {got.status}",
        )
        return
    yield from _check_headers(expected, got)


def _listed(expected: Head) -> str:
    if not expected.statuses:
        return f"{expected.status}, as the upstream answered"
    return " or ".join(map(str, expected.statuses))


def _check_framing(got: Observation) -> Iterator[Violation]:
    """Judge that at most one header states the framing (RFC 9112, section 6.1)."""
    if got.virtual and got.header("content-length") is None:
        return
    counts = Counter(
        name.lower()
        for name, _ in got.headers
        if name.lower() in {b"content-length", b"transfer-encoding"}
    )
    if sum(counts.values()) > 1:
        names = [
            f"{count} x {name.decode()}" if count > 1 else name.decode()
            for name, count in sorted(counts.items())
        ]
        yield Violation(
            kind=Kind.HEADERS_BROKEN,
            where="headers",
            expected="one framing header (RFC 9112, section 6.1)",
            got=" and ".join(names),
        )
    if got.surplus:
        yield Violation(
            kind=Kind.HEADERS_BROKEN,
            where="framing",
            expected="nothing after the end of the answer",
            got=f"{len(got.surplus)} bytes: {quote(got.surplus.decode('latin-1'), 60)}",
        )


def _check_leaks(expected: Head, got: Observation) -> Iterator[Violation]:
    came = [
        (name.lower().decode("latin-1"), value.decode("latin-1").strip())
        for name, value in got.headers
    ]
    for name in expected.injected:
        if any(key == name for key, _ in came):
            yield Violation(
                kind=Kind.HEADER_INJECTED,
                where=name,
                expected="no such header: it follows a bare CR or a NUL in the value "
                "of another (RFC 9110, section 5.5)",
                got="it is a header of the answer",
            )
    leaked = [line for line in expected.hop_by_hop if line in came]
    if leaked and not got.virtual:
        name, value = leaked[0]
        yield Violation(
            kind=Kind.HOP_BY_HOP_LEAKED,
            where=name,
            expected="no header of the upstream's own connection (RFC 9110, 7.6.1)",
            got=f"{name}: {quote(value)}",
        )


def _check_headers(expected: Head, got: Observation) -> Iterator[Violation]:
    """Judge that the headers that clients act on arrive as they were sent."""
    encoding = got.header("content-encoding")
    sent = any(name == "content-encoding" for name, _ in expected.headers)
    if encoding and not sent and not expected.coded:
        yield Violation(
            kind=Kind.HEADER_CHANGED,
            where="content-encoding",
            expected="none: the upstream sent plain bytes",
            got=quote(encoding.decode("latin-1")),
        )
    for name in dict.fromkeys(name for name, _ in expected.headers):
        wanted = [value for key, value in expected.headers if key == name]
        came = [
            value.decode("latin-1")
            for key, value in got.headers
            if key.lower() == name.encode("latin-1")
        ]
        if name == "content-encoding" and not came and expected.may_refuse:
            continue  # a wrong label may also be dropped
        if not _same_header(name, wanted, came):
            is_type = name == "content-type"
            yield Violation(
                kind=Kind.CONTENT_TYPE_CHANGED if is_type else Kind.HEADER_CHANGED,
                where=name,
                expected=quote(", ".join(wanted)),
                got=quote(", ".join(came)) if came else "no such header",
            )


def _same_header(name: str, wanted: list[str], came: list[str]) -> bool:
    if name == "content-type":
        return len(came) == 1 and _media_type(wanted[0]) == _media_type(came[0])
    if name in _REQUEST_IDS:
        # Every hop may set its own; support needs any one.
        return bool(came)
    return wanted == came


_REQUEST_IDS = frozenset({"x-request-id", "request-id"})


def _media_type(value: str) -> tuple[str, ...]:
    """Return type and parameters, without UTF-8: every event stream is UTF-8."""
    kind, *parameters = (part.strip().lower() for part in value.split(";"))
    kept = (part.replace('"', "") for part in parameters)
    return (kind, *sorted(part for part in kept if part not in {"", "charset=utf-8"}))
