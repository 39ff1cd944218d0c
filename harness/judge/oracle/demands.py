"""What one answer of the upstream demands, whatever client, policy and attempts are.

An event stream is read as its reader would, block by block, by what each was meant to
say; every other answer passes as it is.
"""

from __future__ import annotations

from dataclasses import replace

from harness.cassette.model import Framing, Headers
from harness.dialects.openai_chat.payload import PayloadKind, looks_like_object
from harness.faults.draft.wire import Finish, Meaning, Span, WireDraft
from harness.judge.evidence.reading import (
    Item,
    Reading,
    is_object,
    read_items,
    read_stream,
)
from harness.judge.evidence.sdk_models import Client, view_directly
from harness.judge.oracle.answer import looks_clean, readable_body
from harness.judge.oracle.expectation import Contract, Expectation
from harness.judge.oracle.opening import blank_openings, reduced_openings
from harness.scenario.model import ExpectedEnding

__all__ = ["beat_of", "is_event_stream", "of_other", "of_stream"]


def _head_at(wire: WireDraft) -> int | None:
    if wire.head_at_ns is None:
        return None
    return wire.head_at_ns + wire.socket.accept_ns


def beat_of(wire: WireDraft) -> str | None:
    """Return the data of the event that a stalled upstream repeats, if it sends one."""
    if wire.heartbeat is None:
        return None
    items = read_stream(wire.heartbeat.data).items
    return items[0].data if items else None


def is_event_stream(wire: WireDraft) -> bool:
    """Tell whether an answer says, or does not deny, that it is an event stream."""
    if wire.status >= 400:
        return False
    for name, value in wire.headers:
        if name.lower() == "content-type":
            return "text/event-stream" in value.lower()
    return True


def of_other(wire: WireDraft, contract: Contract) -> Expectation:
    """An answer that is no event stream passes as it is; a missing one is an error."""
    stalled = wire.finish is Finish.STALL
    if wire.head_at_ns is None:
        ending, status = ExpectedEnding.ERROR, None
        reasons = [
            "the upstream never sends a head"
            if stalled
            else "the upstream closes before it sends a head"
        ]
        body = b""
    else:
        status = wire.status
        body = wire.body
        cut = wire.finish is not Finish.COMPLETE and wire.framing is not Framing.CLOSE
        failed = cut or wire.status >= 400
        ending = ExpectedEnding.ERROR if failed else ExpectedEnding.UNFINISHED
        reasons = [f"the upstream answers {wire.status} and no event stream"]
    return Expectation(
        contract=contract,
        stream=False,
        status=status,
        headers=_promised_headers(wire),
        head_at_ns=_head_at(wire),
        reading=read_items(()),
        sources=(),
        optional=(),
        comments=(),
        ending=ending,
        hang_allowed=stalled and contract is Contract.TRANSPARENT,
        done_sent=False,
        upstream_clean=wire.finish is Finish.COMPLETE and wire.head_at_ns is not None,
        body=body,
        upstream_requests=None,
        upstream_closed_within_ms=None,
        max_hold_ms=None,
        log=None,
        reasons=tuple(reasons),
    )


def of_stream(
    wire: WireDraft, contract: Contract, *, passes_any_bytes: bool, delivers: bool
) -> Expectation:
    """Read an event stream block by block, by what each was meant to say.

    Args:
        wire: What the upstream plays.
        contract: What the target promises.
        passes_any_bytes: Whether an event that is not UTF-8 passes.
        delivers: Whether an event that a clean end leaves without a blank line counts.
    """
    body = _visible_body(wire, delivers=delivers)
    sent = read_stream(body)
    reader = _Reader(wire.spans, contract, None if passes_any_bytes else body)
    items, sources, optional, lost = reader.read((*sent.items, *sent.after_done))
    reading = read_items(items)
    if contract is Contract.REPAIRING:
        # Nothing follows [DONE]; a transparent proxy forwards what does.
        items = list(reading.items)
        reading = replace(reading, after_done=())
        sources = sources[: len(items)]
    ending, hang_allowed, reasons = _ending(wire, contract, reading, lost=lost)
    done_at = sent.items[-1].end if sent.done else None
    repairs = contract is Contract.REPAIRING
    comments = tuple(end for end in sent.comments if done_at is None or end <= done_at)
    return Expectation(
        contract=contract,
        stream=True,
        status=wire.status,
        headers=_promised_headers(wire),
        head_at_ns=_head_at(wire),
        reading=reading,
        sources=tuple(sources),
        optional=tuple(optional),
        comments=comments,
        ending=ending,
        hang_allowed=hang_allowed,
        done_sent=sent.done,
        upstream_clean=looks_clean(wire),
        body=wire.body,
        upstream_requests=None,
        upstream_closed_within_ms=None,
        max_hold_ms=None,
        log=None,
        reasons=reasons,
        reduced=reduced_openings(reading.items) if repairs else {},
        blank=blank_openings(reading.items) if repairs else frozenset(),
        direct=tuple(view_directly(client, wire) for client in Client),
    )


_HEADERS = frozenset({"content-type", "content-encoding", "retry-after"})
_HEADER_FAMILIES = ("x-request-id", "request-id", "x-ratelimit-", "openai-")


def _promised_headers(wire: WireDraft) -> Headers:
    """The headers that clients act on: what it is, when to retry, whom to ask."""
    if wire.head_at_ns is None:
        return ()
    return tuple(
        (name.lower(), value)
        for name, value in wire.headers
        if name.lower() in _HEADERS or name.lower().startswith(_HEADER_FAMILIES)
        # The label of a coding goes with the coding: both, or neither.
        if wire.coding is None or name.lower() != "content-encoding"
    )


def _visible_body(wire: WireDraft, *, delivers: bool) -> bytes:
    """The body as a reader of the upstream's connection understands it.

    WHATWG discards an event that the stream ends in; a repairing proxy knows that a
    clean end completes it, so its blank line is supplied here (DESIGN, section 8).
    """
    body = readable_body(wire)
    if delivers and looks_clean(wire):
        return body + b"\n\n"
    return body


def _is_cut(span: Span, item: Item) -> bool:
    """Whether an event says nothing any more, whatever it was meant to say."""
    return span.partial and item.payload.kind is PayloadKind.MALFORMED


class _Reader:
    """Turns the events that were sent into the events that must arrive."""

    def __init__(
        self, spans: tuple[Span, ...], contract: Contract, body: bytes | None
    ) -> None:
        self._spans = spans
        self._contract = contract
        # Where data that is not UTF-8 is looked for; None: it passes.
        self._body = body

    def read(
        self, sent: tuple[Item, ...]
    ) -> tuple[list[Item], list[int], list[Item], bool]:
        if self._contract is Contract.TRANSPARENT:
            return list(sent), [item.end for item in sent], [], False
        items: list[Item] = []
        sources: list[int] = []
        optional: list[Item] = []
        lost = False
        position = 0
        replaced: set[int] = set()
        start = end = 0
        for item in sent:
            start, end = end, item.end
            while (
                position < len(self._spans) - 1 and item.end > self._spans[position].end
            ):
                position += 1
            span = self._spans[position]
            if span.meaning is Meaning.NOTHING:
                optional.append(item)
            elif span.meaning is Meaning.LOST:
                lost = True
            elif span.meaning is Meaning.REPLACED and not _is_cut(span, item):
                # One block may be sent as several events; it is meant once.
                if position not in replaced:
                    replaced.add(position)
                    meant = read_stream(span.meant).items
                    items.extend(meant)
                    sources.extend(item.end for _ in meant)
                optional.append(item)
            elif self._is_foreign(item, start):
                lost = True
            elif item.payload.kind is PayloadKind.MALFORMED:
                lost = lost or looks_like_object(item.data)
            elif item.payload.kind is PayloadKind.OTHER and not is_object(item):
                optional.append(item)
            else:
                items.append(item)
                sources.append(item.end)
            if item.payload.kind is PayloadKind.DONE:
                break
        return items, sources, optional, lost

    def _is_foreign(self, item: Item, start: int) -> bool:
        """Tell whether the data of an event is not UTF-8."""
        if self._body is None or "\ufffd" not in item.data:
            return False
        try:
            self._body[start : item.end].decode()
        except UnicodeDecodeError:
            return True
        return False


def _ending(
    wire: WireDraft, contract: Contract, reading: Reading, *, lost: bool
) -> tuple[ExpectedEnding, bool, tuple[str, ...]]:
    """Apply the first law; returns the ending, whether a hang is allowed, and why."""
    stalled = wire.finish is Finish.STALL
    hang_allowed = stalled and contract is Contract.TRANSPARENT
    if reading.errors:
        return (
            ExpectedEnding.ERROR,
            hang_allowed,
            ("the upstream reports an error in band",),
        )
    if lost:
        return (
            ExpectedEnding.ERROR,
            hang_allowed,
            ("an event was broken and text may be lost with it",),
        )
    if reading.done:
        return ExpectedEnding.COMPLETE, hang_allowed, ("the upstream sends [DONE]",)
    if stalled:
        return ExpectedEnding.ERROR, hang_allowed, ("the upstream stalls for ever",)
    if not looks_clean(wire):
        how = "resets" if wire.finish is Finish.RESET else "is cut off"
        return ExpectedEnding.ERROR, False, (f"the upstream {how} before its end",)
    if reading.finished:
        return (
            ExpectedEnding.COMPLETE,
            False,
            ("the upstream says that it finished and ends cleanly, without [DONE]",),
        )
    return (
        ExpectedEnding.UNFINISHED,
        False,
        ("the upstream ends without finish_reason and without [DONE]",),
    )
