"""The oracle: what a correct proxy had to do with a script.

It reads the script, never a target. Everything it demands is one of three things: what
the upstream sent, what a block was meant to say, and the first law: an upstream that
did not finish must not look finished to the client (DESIGN, section 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from harness.cassette.model import Framing, Headers
from harness.dialects.openai_chat.payload import PayloadKind, looks_like_object
from harness.faults.draft import Finish, Meaning, Span, WireDraft
from harness.judge.answer import (
    hop_by_hop_headers,
    injected_names,
    is_labelled,
    looks_clean,
    may_refuse,
    readable_body,
)
from harness.judge.choices import Policy
from harness.judge.clients import Client, ClientView, view_directly
from harness.judge.opening import Key, blank_openings, reduced_openings
from harness.judge.reading import Item, Reading, is_object, read_items, read_stream
from harness.scenario.client import ClientPlan
from harness.scenario.model import Bounds, Expect, ExpectedEnding
from harness.scenario.model import Reading as ReadingChoice
from harness.scenario.script import Script

__all__ = [
    "WINDOW",
    "Contract",
    "Expectation",
    "Variant",
    "expectation",
    "unasked",
]

WINDOW = 1 << 16
"""Bytes that wait for a client before its peer is held up, where nobody says how many:
the high-water mark of asyncio's transports."""


class Contract(StrEnum):
    """What a target promises about streams that are not as they should be."""

    REPAIRING = "repairing"
    """Repeats are reduced to what was meant, broken events kept from the client."""

    TRANSPARENT = "transparent"
    """What was sent is forwarded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The outcome that a correct proxy must produce.

    Attributes:
        contract: The promise it was computed under.
        stream: True where the answer is an event stream; else ``body`` must pass.
        status: HTTP status; None: any failure status, or no head at all.
        headers: Header lines that must arrive as the upstream sent them.
        head_at_ns: When the upstream sends its head, from its request on; None: never.
        reading: What the client must read; of an aborted stream, at most that.
        sources: For every item of ``reading``, the end offset in the upstream's body
            of the block that first carried it.
        optional: Canonical events that may be there besides: the rest of a repeat that
            carried more than text.
        comments: Comments that must pass; their end offsets in the upstream's body.
        ending: How it must look when it is over.
        hang_allowed: True where the target may stay open as the upstream did.
        done_sent: Whether the upstream sent ``[DONE]``.
        upstream_clean: Whether the upstream's last act completed its framing.
        body: The exact body, for answers that are not event streams.
        upstream_requests: Requests that must reach the upstream, as the scenario says;
            None: one, and more where `harness.judge.attempts` allows them.
        upstream_closed_within_ms: The scenario's own limit for freeing the upstream
            after the client left; None: the policy's.
        max_hold_ms: Its own limit for hold; None: the policy's.
        log: A regular expression that a line of the target's log must match.
        reasons: Why the oracle says so, in plain words.
        coded: True where the upstream compresses and says so: the answer may come
            coded and labelled, or decoded and without the label.
        may_refuse: True where the upstream's head is so wrong that status 502 in its
            place is right as well.
        injected: Names of headers that only a broken line of the upstream could bring.
        hop_by_hop: Headers of the upstream's own connection, in lower case.
        beat: The data of the event that a stalled upstream sends for ever.
        reduced: Of texts that open with a repeat, their deltas with it left out: the
            other right reading, where the contract is to repair.
        blank: Texts that open with white space, of which it is not decided how much.
        direct: What each modelled client makes of the upstream's own answer; None: it
            is sent in a way that is not modelled.
        literal_text: The text of choice 0 that the scenario demands word for word.
        literal_finish: The finish_reason of choice 0 that it demands.
        statuses: The statuses that it allows, where it says so.
        others: What is expected where another of the script's drafts was played last,
            from the second draft on.
        fails: Whether the upstream's answer is a failure, as a circuit breaker counts.
        may_be_retried: Whether the draft fails in a way that another attempt may mend,
            before it has any content.
        beginning: True where only the beginning of the answer is due, as of a client
            that leaves.
        done_forbidden: Whether no ``[DONE]`` may be added.
        error_forbidden: Whether an end that is merely unfinished must not be told as a
            failure.
        foreign_bytes: What must become of bytes that are not UTF-8, ``pass`` or
            ``replace``; None: either.
        window: Where the client reads slowly, how much waits for it before its peer is
            held up; None: it reads at once.
        largest_event: Bytes of the largest event.
        variants: What is right as well, where a policy leaves it to the target.
    """

    contract: Contract
    stream: bool
    status: int | None
    headers: Headers
    head_at_ns: int | None
    reading: Reading
    sources: tuple[int, ...]
    optional: tuple[Item, ...]
    comments: tuple[int, ...]
    ending: ExpectedEnding
    hang_allowed: bool
    done_sent: bool
    upstream_clean: bool
    body: bytes
    upstream_requests: Bounds | None
    upstream_closed_within_ms: float | None
    max_hold_ms: float | None
    log: str | None
    reasons: tuple[str, ...]
    coded: bool = False
    may_refuse: bool = False
    injected: tuple[str, ...] = ()
    hop_by_hop: Headers = ()
    beat: str | None = None
    reduced: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    blank: frozenset[Key] = frozenset()
    direct: tuple[ClientView | None, ...] = ()
    literal_text: str | None = None
    literal_finish: str | None = None
    statuses: tuple[int, ...] = ()
    others: tuple[Expectation, ...] = ()
    fails: bool = False
    may_be_retried: bool = False
    beginning: bool = False
    done_forbidden: bool = False
    error_forbidden: bool = False
    foreign_bytes: str | None = None
    window: int | None = None
    largest_event: int = 0
    variants: tuple[Variant, ...] = ()

    def of(self, played: int) -> Expectation:
        """Return what is expected where that draft of the script was played last."""
        return self.others[played - 1] if played else self

    @property
    def repaired(self) -> bool:
        """Whether a right proxy may leave out some of what was sent."""
        return bool(self.optional or self.reduced)

    @property
    def retry_after_ns(self) -> int | None:
        """How long the upstream asks to be left alone, where it says so in seconds."""
        for name, value in self.headers:
            if name == "retry-after" and value.strip().isdigit():
                return int(value) * 1_000_000_000
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Another right outcome, which a policy leaves to the target.

    Attributes:
        policy: Its name.
        choice: What the target did, in words.
        expected: What is expected then.
    """

    policy: str
    choice: str
    expected: Expectation


def expectation(
    script: Script,
    contract: Contract,
    expect: Expect,
    policy: Policy | None = None,
) -> Expectation:
    """Compute what a correct proxy makes of a script.

    Data that is not UTF-8 is no JSON (RFC 8259, section 8.1), so who repairs may keep
    its event from the client and tell; who passes it loses nothing, since readers of
    event streams decode it all the same (WHATWG, section 9.2.6). Nothing decides
    between the two (FAULTS, section 3): both are right.

    Args:
        script: What the upstream plays and the client does.
        contract: What the target promises.
        expect: The scenario's own demands; they override.
        policy: What is left to the suite; None: the defaults.
    """
    switches = policy or Policy()
    each = [
        _of_wire(script, wire, contract, expect, switches) for wire in script.drafts
    ]
    return replace(each[0], others=tuple(each[1:]))


def _of_wire(
    script: Script,
    wire: WireDraft,
    contract: Contract,
    expect: Expect,
    policy: Policy,
) -> Expectation:
    """Compute what is right, and what is right as well where a policy leaves it."""
    repairs = contract is Contract.REPAIRING
    by_contract = "deliver" if repairs else "discard"
    unterminated = policy.unterminated_event
    delivers = (
        by_contract if unterminated == "contract" else unterminated
    ) != "discard"
    foreign = _has_foreign_bytes(wire)
    # Of what is repaired, an event that is not UTF-8 is left out first.
    leaves_out = repairs and policy.invalid_utf8 in {"either", "error"}

    def made(*, any_bytes: bool, delivers: bool) -> Expectation:
        return _of_draft(
            script,
            wire,
            contract,
            expect,
            policy,
            passes_any_bytes=any_bytes,
            delivers=delivers,
        )

    computed = made(any_bytes=not leaves_out, delivers=delivers)
    others = list(computed.variants)
    if foreign and leaves_out and policy.invalid_utf8 == "either":
        kept = made(any_bytes=True, delivers=delivers)
        others.append(Variant(policy="invalid_utf8", choice="pass", expected=kept))
    if foreign and policy.invalid_utf8 in {"pass", "replace"}:
        computed = replace(computed, foreign_bytes=policy.invalid_utf8)
    if unterminated == "either" and looks_clean(wire):
        less = made(any_bytes=not leaves_out, delivers=False)
        others.append(
            Variant(policy="unterminated_event", choice="discard", expected=less)
        )
    return replace(computed, variants=tuple(others))


def _has_foreign_bytes(wire: WireDraft) -> bool:
    try:
        wire.body.decode()
    except UnicodeDecodeError:
        return True
    return False


def _of_draft(  # noqa: PLR0913 - what is played, what is demanded, what is left open
    script: Script,
    wire: WireDraft,
    contract: Contract,
    expect: Expect,
    policy: Policy,
    *,
    passes_any_bytes: bool,
    delivers: bool,
) -> Expectation:
    demanded = {expect.text, expect.tool_calls, expect.usage}
    contract_of_text = _of_repeats(wire, contract, policy)
    if ReadingChoice.AS_SENT in demanded:
        contract_of_text = Contract.TRANSPARENT
    elif ReadingChoice.ORIGINAL in demanded:
        contract_of_text = Contract.REPAIRING
    computed = (
        _of_stream(
            wire,
            contract_of_text,
            passes_any_bytes=passes_any_bytes,
            delivers=delivers,
        )
        if wire.head_at_ns is not None and _is_event_stream(wire)
        else _of_other(wire, contract)
    )
    computed = replace(
        computed,
        contract=contract,
        coded=wire.coding is not None and is_labelled(wire),
        may_refuse=may_refuse(wire),
        injected=injected_names(wire),
        hop_by_hop=hop_by_hop_headers(wire),
        beat=_beat(wire),
        fails=_fails(wire, computed),
        may_be_retried=_may_be_retried(wire, computed),
        largest_event=max((span.end - span.start for span in wire.spans), default=0),
    )
    computed = _finished_by(computed, policy)
    if policy.drain_after_abort_ms is not None:
        computed = replace(
            computed, upstream_closed_within_ms=policy.drain_after_abort_ms
        )
    return _for_client(_override(computed, expect), script.client, expect, policy)


def _of_repeats(wire: WireDraft, contract: Contract, policy: Policy) -> Contract:
    """Return the promise about repeats, which a policy may set by itself."""
    repeats = any(
        span.meaning in {Meaning.NOTHING, Meaning.REPLACED} for span in wire.spans
    )
    if not repeats or policy.cumulative == "contract":
        return contract
    as_sent = policy.cumulative == "as_sent"
    return Contract.TRANSPARENT if as_sent else Contract.REPAIRING


def _finished_by(computed: Expectation, policy: Policy) -> Expectation:
    """Apply what a policy says of a missing finish_reason and a missing [DONE]."""
    computed = replace(
        computed,
        done_forbidden=policy.done_synthesis == "forbidden" and not computed.done_sent,
    )
    if not computed.stream or computed.ending is not ExpectedEnding.UNFINISHED:
        return computed
    if policy.missing_finish == "required":
        why = "policy missing_finish: the client must be told"
        return replace(
            computed,
            ending=ExpectedEnding.ERROR,
            reasons=(*computed.reasons, why),
        )
    return replace(computed, error_forbidden=policy.missing_finish == "forbidden")


_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


def _fails(wire: WireDraft, computed: Expectation) -> bool:
    if wire.head_at_ns is None:
        return True
    if wire.status >= 400:
        return wire.status >= 500 or wire.status == 429
    return computed.stream and computed.ending is not ExpectedEnding.COMPLETE


def unasked(expected: Expectation) -> Expectation:
    """Return what is expected of a target that answers without asking its upstream."""
    return replace(
        expected,
        stream=False,
        status=None,
        headers=(),
        head_at_ns=None,
        reading=read_items(()),
        sources=(),
        optional=(),
        comments=(),
        ending=ExpectedEnding.ABORTED if expected.beginning else ExpectedEnding.ERROR,
        upstream_clean=False,
        body=b"",
        reasons=("the upstream was not asked: it had failed before",),
        reduced={},
        blank=frozenset(),
        literal_text=None,
        literal_finish=None,
        upstream_requests=None,
        others=tuple(unasked(other) for other in expected.others),
        variants=(),
    )


def _may_be_retried(wire: WireDraft, computed: Expectation) -> bool:
    """Whether it fails before any content, and not because nothing happens."""
    if wire.finish is Finish.STALL:
        return False
    if wire.head_at_ns is None:
        return True
    if wire.status >= 400:
        return wire.status in _WORTH_ANOTHER_TRY
    has_content = any(item.deltas for item in computed.reading.items)
    failed = computed.ending in {ExpectedEnding.ERROR, ExpectedEnding.UNFINISHED}
    return computed.stream and failed and not has_content


def _for_client(
    computed: Expectation, client: ClientPlan, expect: Expect, policy: Policy
) -> Expectation:
    """Change what is expected by what the client does."""
    if client.read is not None:
        window = WINDOW if client.receive_buffer is None else client.receive_buffer
        # Of what a proxy leaves out it holds nothing: then bytes cannot be compared.
        computed = replace(computed, window=None if computed.repaired else window)
    leaves = client.abort is not None and client.abort.leaves
    if leaves or (client.read is not None and client.read.stops):
        why = "leaves in mid stream" if leaves else "reads no more"
        if expect.ending is None:
            computed = replace(computed, ending=ExpectedEnding.ABORTED)
        return replace(
            computed,
            beginning=True,
            reasons=(*computed.reasons, f"the client {why}"),
        )
    if client.abort is not None:
        return _half_closed(computed, policy.half_close)
    return computed


def _half_closed(computed: Expectation, choice: str) -> Expectation:
    """A client that only listens may be served, or taken for one that left."""
    why = "the client shuts its sending half and goes on reading"
    cut = replace(
        computed,
        ending=ExpectedEnding.ERROR,
        beginning=True,
        hang_allowed=False,
        reasons=(f"{why}, which may be taken for leaving",),
    )
    if choice == "abort":
        return cut
    if choice == "serve":
        return replace(computed, reasons=(*computed.reasons, why))
    other = Variant(policy="half_close", choice="abort", expected=cut)
    return replace(computed, reasons=(*computed.reasons, why), variants=(other,))


def _override(computed: Expectation, expect: Expect) -> Expectation:
    if expect.ending is not None:
        computed = replace(computed, ending=expect.ending)
    if expect.status:
        # Where one of several is right, what comes with it is that one's own.
        only = expect.status[0] if len(expect.status) == 1 else computed.status
        computed = replace(computed, status=only, statuses=expect.status)
    if expect.upstream_requests is not None:
        computed = replace(computed, upstream_requests=expect.upstream_requests)
    if expect.upstream_closed_within_ms is not None:
        computed = replace(
            computed, upstream_closed_within_ms=expect.upstream_closed_within_ms
        )
    literal = None if isinstance(expect.text, ReadingChoice) else expect.text
    return replace(
        computed,
        max_hold_ms=expect.max_hold_ms,
        log=expect.log,
        literal_text=literal,
        literal_finish=expect.finish_reason,
    )


def _head_at(wire: WireDraft) -> int | None:
    if wire.head_at_ns is None:
        return None
    return wire.head_at_ns + wire.socket.accept_ns


def _beat(wire: WireDraft) -> str | None:
    if wire.heartbeat is None:
        return None
    items = read_stream(wire.heartbeat.data).items
    return items[0].data if items else None


def _is_event_stream(wire: WireDraft) -> bool:
    if wire.status >= 400:
        return False
    for name, value in wire.headers:
        if name.lower() == "content-type":
            return "text/event-stream" in value.lower()
    return True


def _of_other(wire: WireDraft, contract: Contract) -> Expectation:
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


def _of_stream(
    wire: WireDraft, contract: Contract, *, passes_any_bytes: bool, delivers: bool
) -> Expectation:
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
