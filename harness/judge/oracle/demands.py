"""The demands of one answer of the upstream, before client, policy and attempts.

An event stream is read block by block, by what each was meant to say; every other
answer passes unchanged.
"""

from __future__ import annotations

from dataclasses import replace

from harness.cassette.content_coding import content_type_of
from harness.cassette.model import Framing, Headers
from harness.dialects.interface import Dialect
from harness.dialects.openai_chat.opening import blank_openings, reduced_openings
from harness.dialects.payload import PayloadKind, looks_like_object
from harness.faults.draft.blocks import Meaning, StreamEnd
from harness.faults.draft.wire import BlockSpan, WireDraft
from harness.judge.evidence.reading import (
    Event,
    Reading,
    read_events,
    read_stream,
)
from harness.judge.evidence.sdk_models import SdkModel, direct_view
from harness.judge.oracle.answer import (
    hop_by_hop_headers,
    injected_names,
    is_labelled,
    looks_clean,
    may_refuse,
    readable_body,
)
from harness.judge.oracle.expectation import (
    Content,
    Contract,
    Ending,
    Expectation,
    Head,
)
from harness.scenario.model import ExpectedEnding
from harness.sse import is_event_stream

__all__ = ["expect_body", "expect_events", "is_stream"]


def is_stream(wire: WireDraft) -> bool:
    """Whether an answer is an event stream, by its content type or without one."""
    kind = content_type_of(wire.headers)
    return wire.status < 400 and (kind is None or is_event_stream(kind, anywhere=True))


def expect_body(wire: WireDraft, contract: Contract) -> Expectation:
    """Expect an answer that is no event stream unchanged; a missing one is an error."""
    stalled = wire.end is StreamEnd.STALL
    answered = wire.head_at_ns is not None
    if answered:
        cut = wire.end is not StreamEnd.COMPLETE and wire.framing is not Framing.CLOSE
        failed = cut or wire.status >= 400
        reason = f"the upstream answers {wire.status} and no event stream"
    else:
        failed = True
        never = "never sends a head" if stalled else "closes before it sends a head"
        reason = f"the upstream {never}"
    return Expectation(
        contract=contract,
        stream=False,
        head=_head(wire),
        content=Content(body=wire.body if answered else b""),
        ending=Ending(
            kind=ExpectedEnding.ERROR if failed else ExpectedEnding.UNFINISHED,
            reasons=(reason,),
            hang_allowed=stalled and contract is Contract.TRANSPARENT,
            upstream_clean=wire.end is StreamEnd.COMPLETE and answered,
        ),
    )


def expect_events(
    wire: WireDraft, contract: Contract, *, passes_any_bytes: bool, delivers: bool
) -> Expectation:
    """Read an event stream block by block, by what each was meant to say.

    Args:
        wire: The upstream's answer.
        contract: The target's promise.
        passes_any_bytes: Whether an event that is not UTF-8 passes.
        delivers: Whether an event that a clean end leaves without a blank line counts.
    """
    body = _visible_body(wire, delivers=delivers)
    sent = read_stream(body)
    selector = _EventSelector(
        wire.spans, contract, sent.dialect, None if passes_any_bytes else body
    )
    events, sources, optional, lost = selector.select((*sent.events, *sent.after_done))
    reading = read_events(events, dialect=sent.dialect)
    if contract is Contract.REPAIRING:
        # Nothing follows [DONE]; a transparent proxy forwards what does.
        events = list(reading.events)
        reading = replace(reading, after_done=())
        sources = sources[: len(events)]
    done_at = sent.events[-1].end if sent.done else None
    repairs = contract is Contract.REPAIRING
    texts = [text for event in reading.events for text in event.deltas if repairs]
    comments = tuple(end for end in sent.comments if done_at is None or end <= done_at)
    return Expectation(
        contract=contract,
        stream=True,
        head=_head(wire),
        content=Content(
            reading=reading,
            source_ends=tuple(sources),
            optional=tuple(optional),
            comments=comments,
            heartbeat=_heartbeat_data(wire),
            reduced_openings=reduced_openings(texts),
            blank_openings=blank_openings(texts),
        ),
        ending=replace(
            _ending(wire, contract, reading, lost=lost),
            done_sent=sent.done,
            upstream_clean=looks_clean(wire),
        ),
        direct_views=tuple(direct_view(client, wire) for client in SdkModel),
    )


def _heartbeat_data(wire: WireDraft) -> str | None:
    """Return the data of the event that a stalled upstream repeats; None: no event."""
    if wire.delivery.heartbeat is None:
        return None
    events = read_stream(wire.delivery.heartbeat.data).events
    return events[0].data if events else None


def _head(wire: WireDraft) -> Head:
    answered = wire.head_at_ns is not None
    return Head(
        status=wire.status if answered else None,
        headers=_promised_headers(wire),
        at_ns=None
        if wire.head_at_ns is None
        else wire.head_at_ns + wire.delivery.socket.accept_ns,
        coded=wire.delivery.coding is not None and is_labelled(wire),
        may_refuse=may_refuse(wire),
        injected=injected_names(wire),
        hop_by_hop=hop_by_hop_headers(wire),
    )


_HEADERS = frozenset({"content-type", "content-encoding", "retry-after"})
_HEADER_FAMILIES = ("x-request-id", "request-id", "x-ratelimit-", "openai-")


def _promised_headers(wire: WireDraft) -> Headers:
    """Return the headers that clients act on: type, time of a retry, ids to report."""
    if wire.head_at_ns is None:
        return ()
    return tuple(
        (name.lower(), value)
        for name, value in wire.headers
        if name.lower() in _HEADERS or name.lower().startswith(_HEADER_FAMILIES)
        # The label of a coding belongs to the coding: both pass, or neither.
        if wire.delivery.coding is None or name.lower() != "content-encoding"
    )


def _visible_body(wire: WireDraft, *, delivers: bool) -> bytes:
    """Return the body as a reader of the upstream's connection understands it.

    A reader discards an event without its blank line (WHATWG HTML, section 9.2.6), but
    a clean end completes it for a repairing proxy: the blank line is added here.
    """
    body = readable_body(wire)
    if delivers and looks_clean(wire):
        return body + b"\n\n"
    return body


def _is_cut(span: BlockSpan, event: Event) -> bool:
    """Whether an event was cut so short that nothing of it can be read."""
    return span.partial and event.payload.kind is PayloadKind.MALFORMED


class _EventSelector:
    """Selects the events that must arrive from those that were sent."""

    def __init__(
        self,
        spans: tuple[BlockSpan, ...],
        contract: Contract,
        dialect: Dialect,
        body: bytes | None,
    ) -> None:
        self._spans = spans
        self._contract = contract
        self._dialect = dialect
        # Searched for data that is not UTF-8; None: such data passes.
        self._body = body

    def select(
        self, sent: tuple[Event, ...]
    ) -> tuple[list[Event], list[int], list[Event], bool]:
        if self._contract is Contract.TRANSPARENT:
            return list(sent), [event.end for event in sent], [], False
        events: list[Event] = []
        sources: list[int] = []
        optional: list[Event] = []
        lost = False
        position = 0
        replaced: set[int] = set()
        start = end = 0
        for event in sent:
            start, end = end, event.end
            while (
                position < len(self._spans) - 1
                and event.end > self._spans[position].end
            ):
                position += 1
            span = self._spans[position]
            if span.meaning is Meaning.NOTHING:
                optional.append(event)
            elif span.meaning is Meaning.LOST:
                lost = True
            elif span.meaning is Meaning.REPLACED and not _is_cut(span, event):
                # One block may be sent as several events, but it is meant once.
                if position not in replaced:
                    replaced.add(position)
                    meant = read_stream(span.meant, self._dialect).events
                    events.extend(meant)
                    sources.extend(event.end for _ in meant)
                optional.append(event)
            elif self._is_foreign(event, start):
                lost = True
            elif event.payload.kind is PayloadKind.MALFORMED:
                lost = lost or looks_like_object(event.data)
            elif event.payload.kind is PayloadKind.OTHER and (
                not event.payload.is_unknown_object
            ):
                optional.append(event)
            else:
                events.append(event)
                sources.append(event.end)
            if event.payload.kind is PayloadKind.END:
                break
        return events, sources, optional, lost

    def _is_foreign(self, event: Event, start: int) -> bool:
        """Whether the data of an event is not UTF-8."""
        if self._body is None or "\ufffd" not in event.data:
            return False
        try:
            self._body[start : event.end].decode()
        except UnicodeDecodeError:
            return True
        return False


def _ending(
    wire: WireDraft, contract: Contract, reading: Reading, *, lost: bool
) -> Ending:
    """Apply the first law: an answer that did not finish must not look finished."""
    stalled = wire.end is StreamEnd.STALL
    hang_allowed = stalled and contract is Contract.TRANSPARENT
    kind = ExpectedEnding.ERROR
    end = reading.dialect.end
    if reading.errors:
        reason = "the upstream reports an error in band"
    elif lost:
        reason = "an event was broken, and text may be lost with it"
    elif reading.done:
        kind, reason = ExpectedEnding.COMPLETE, f"the upstream sends {end}"
    elif stalled:
        reason = "the upstream stalls for ever"
    elif not looks_clean(wire):
        how = "resets" if wire.end is StreamEnd.RESET else "is cut off"
        reason = f"the upstream {how} before its end"
    elif reading.finished:
        kind = ExpectedEnding.COMPLETE
        reason = f"the upstream says that it finished and ends cleanly, without {end}"
    else:
        kind = ExpectedEnding.UNFINISHED
        reason = f"the upstream ends without finish_reason and without {end}"
    return Ending(kind=kind, reasons=(reason,), hang_allowed=hang_allowed)
