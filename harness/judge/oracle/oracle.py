"""The oracle computes what a correct proxy must do with a script.

It reads the script, never a target. All its demands come from three sources: what the
upstream sent, what a block was meant to say, and the first law: an upstream that did
not finish must not look finished to the client.
"""

from __future__ import annotations

from dataclasses import replace

from harness.faults.draft.blocks import Meaning, StreamEnd
from harness.faults.draft.wire import WireDraft
from harness.judge.oracle.answer import looks_clean
from harness.judge.oracle.demands import expect_body, expect_events, is_stream
from harness.judge.oracle.expectation import (
    CLIENT_WINDOW_BYTES,
    Alternative,
    Content,
    Contract,
    Duty,
    Ending,
    Expectation,
)
from harness.judge.oracle.policy import Policy
from harness.scenario.model import ClientPlan, Expect, ExpectedEnding
from harness.scenario.model import Reading as ReadingChoice
from harness.scenario.script import Script

__all__ = ["Contract", "Expectation", "expectation", "unasked"]


def expectation(
    script: Script,
    contract: Contract,
    expect: Expect,
    policy: Policy | None = None,
) -> Expectation:
    """Compute what a correct proxy makes of a script.

    Data that is not UTF-8 is not JSON (RFC 8259, section 8.1), so a repairing target
    may keep its event from the client and report that. A target that passes it loses
    nothing: readers of event streams decode it anyway (WHATWG HTML, section 9.2.6).
    Users have asked for either, and nothing decides between the two: both are right.

    Args:
        script: What the upstream plays and the client does.
        contract: The target's promise.
        expect: The scenario's own demands; they override.
        policy: The suite's switches; None: the defaults.
    """
    switches = policy or Policy()
    each = [
        _for_draft(script, wire, contract, expect, switches) for wire in script.drafts
    ]
    return replace(each[0], later_drafts=tuple(each[1:]))


def _for_draft(
    script: Script,
    wire: WireDraft,
    contract: Contract,
    expect: Expect,
    policy: Policy,
) -> Expectation:
    """Compute what is right, with the alternatives that a policy allows."""
    repairs = contract is Contract.REPAIRING
    by_contract = "deliver" if repairs else "discard"
    unterminated = policy.unterminated_event
    delivers = (
        by_contract if unterminated == "contract" else unterminated
    ) != "discard"
    foreign = _has_foreign_bytes(wire)
    # A repairing target is first expected to leave out an event that is not UTF-8.
    leaves_out = repairs and policy.invalid_utf8 in {"either", "error"}

    def made(*, any_bytes: bool, delivers: bool) -> Expectation:
        return _one_outcome(
            script,
            wire,
            contract,
            expect,
            policy,
            passes_any_bytes=any_bytes,
            delivers=delivers,
        )

    computed = made(any_bytes=not leaves_out, delivers=delivers)
    others = list(computed.alternatives)
    if foreign and leaves_out and policy.invalid_utf8 == "either":
        kept = made(any_bytes=True, delivers=delivers)
        others.append(Alternative(policy="invalid_utf8", choice="pass", expected=kept))
    if foreign and policy.invalid_utf8 in {"pass", "replace"}:
        content = replace(computed.content, foreign_bytes=policy.invalid_utf8)
        computed = replace(computed, content=content)
    if unterminated == "either" and looks_clean(wire):
        less = made(any_bytes=not leaves_out, delivers=False)
        others.append(
            Alternative(policy="unterminated_event", choice="discard", expected=less)
        )
    return replace(computed, alternatives=tuple(others))


def _has_foreign_bytes(wire: WireDraft) -> bool:
    try:
        wire.body.decode()
    except UnicodeDecodeError:
        return True
    return False


def _one_outcome(  # noqa: PLR0913 - what is played, demanded and left open
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
    contract_of_text = _contract_of_repeats(wire, contract, policy)
    if ReadingChoice.AS_SENT in demanded:
        contract_of_text = Contract.TRANSPARENT
    elif ReadingChoice.ORIGINAL in demanded:
        contract_of_text = Contract.REPAIRING
    computed = (
        expect_events(
            wire,
            contract_of_text,
            passes_any_bytes=passes_any_bytes,
            delivers=delivers,
        )
        if wire.head_at_ns is not None and is_stream(wire)
        else expect_body(wire, contract)
    )
    computed = replace(
        computed,
        contract=contract,
        ending=_finished_by(computed, policy),
        duty=_duty(wire, computed, policy),
    )
    return _for_client(_override(computed, expect), script.client, expect, policy)


def _contract_of_repeats(
    wire: WireDraft, contract: Contract, policy: Policy
) -> Contract:
    """Return the promise about repeats, which a policy may set by itself."""
    repeats = any(
        span.meaning in {Meaning.NOTHING, Meaning.REPLACED} for span in wire.spans
    )
    if not repeats or policy.cumulative == "contract":
        return contract
    as_sent = policy.cumulative == "as_sent"
    return Contract.TRANSPARENT if as_sent else Contract.REPAIRING


def _finished_by(computed: Expectation, policy: Policy) -> Ending:
    """Apply the policies on a missing finish_reason and a missing [DONE]."""
    ending = computed.ending
    forbidden = policy.done_synthesis == "forbidden" and not ending.done_sent
    ending = replace(ending, done_forbidden=forbidden)
    if not computed.stream or ending.kind is not ExpectedEnding.UNFINISHED:
        return ending
    if policy.missing_finish == "required":
        why = "policy missing_finish: it must be reported to the client"
        return replace(
            ending, kind=ExpectedEnding.ERROR, reasons=(*ending.reasons, why)
        )
    return replace(ending, error_forbidden=policy.missing_finish == "forbidden")


def _duty(wire: WireDraft, computed: Expectation, policy: Policy) -> Duty:
    return Duty(
        upstream_closed_within_ms=policy.drain_after_abort_ms,
        fails=_fails(wire, computed),
        may_be_retried=_may_be_retried(wire, computed),
        largest_event_bytes=max(
            (span.end - span.start for span in wire.spans), default=0
        ),
    )


def _fails(wire: WireDraft, computed: Expectation) -> bool:
    if wire.head_at_ns is None:
        return True
    if wire.status >= 400:
        return wire.status >= 500 or wire.status == 429
    return computed.stream and computed.ending.kind is not ExpectedEnding.COMPLETE


_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


def _may_be_retried(wire: WireDraft, computed: Expectation) -> bool:
    """Whether an answer fails before any content, and not by a stall."""
    if wire.end is StreamEnd.STALL:
        return False
    if wire.head_at_ns is None:
        return True
    if wire.status >= 400:
        return wire.status in _WORTH_ANOTHER_TRY
    has_content = any(item.deltas for item in computed.content.reading.events)
    failed = computed.ending.kind in {ExpectedEnding.ERROR, ExpectedEnding.UNFINISHED}
    return computed.stream and failed and not has_content


def unasked(expected: Expectation) -> Expectation:
    """Return the expectation for a target that answers without asking its upstream."""
    left = expected.content.prefix_only
    return Expectation(
        contract=expected.contract,
        stream=False,
        head=replace(expected.head, status=None, headers=(), at_ns=None),
        content=Content(foreign_bytes=expected.content.foreign_bytes),
        ending=Ending(
            kind=ExpectedEnding.ABORTED if left else ExpectedEnding.ERROR,
            reasons=("the upstream was not asked: it had failed before",),
            hang_allowed=expected.ending.hang_allowed,
        ),
        duty=replace(expected.duty, upstream_requests=None),
        later_drafts=tuple(unasked(later) for later in expected.later_drafts),
    )


def _override(computed: Expectation, expect: Expect) -> Expectation:
    """Apply the scenario's own demands."""
    head, ending, duty = computed.head, computed.ending, computed.duty
    if expect.ending is not None:
        ending = replace(ending, kind=expect.ending)
    if expect.status:
        # Where several are right, the rest of the answer depends on which one it is.
        only = expect.status[0] if len(expect.status) == 1 else head.status
        head = replace(head, status=only, statuses=expect.status)
    if expect.upstream_closed_within_ms is not None:
        duty = replace(duty, upstream_closed_within_ms=expect.upstream_closed_within_ms)
    return replace(
        computed,
        head=head,
        content=replace(
            computed.content,
            literal_text=None
            if isinstance(expect.text, ReadingChoice)
            else expect.text,
            literal_finish=expect.finish_reason,
        ),
        ending=ending,
        duty=replace(
            duty,
            upstream_requests=expect.upstream_requests,
            max_hold_ms=expect.max_hold_ms,
            log_pattern=expect.log,
        ),
    )


def _for_client(
    computed: Expectation, client: ClientPlan, expect: Expect, policy: Policy
) -> Expectation:
    """Adapt the expectation to what the client does."""
    content, ending = computed.content, computed.ending
    if client.read is not None and not content.repaired:
        # A proxy does not hold what it leaves out: then bytes cannot be compared.
        buffer = client.receive_buffer
        window = CLIENT_WINDOW_BYTES if buffer is None else buffer
        computed = replace(
            computed, duty=replace(computed.duty, client_window_bytes=window)
        )
    leaves = client.abort is not None and client.abort.leaves
    if leaves or (client.read is not None and client.read.stops):
        why = "leaves in mid stream" if leaves else "reads no more"
        kind = ExpectedEnding.ABORTED if expect.ending is None else ending.kind
        reasons = (*ending.reasons, f"the client {why}")
        return replace(
            computed,
            content=replace(content, prefix_only=True),
            ending=replace(ending, kind=kind, reasons=reasons),
        )
    if client.abort is not None:
        return _half_closed(computed, policy.half_close)
    return computed


def _half_closed(computed: Expectation, choice: str) -> Expectation:
    """Expect a client that only shuts its sending half to be served, or dropped."""
    why = "the client shuts its sending half and goes on reading"
    ending = computed.ending
    cut = replace(
        computed,
        content=replace(computed.content, prefix_only=True),
        ending=replace(
            ending,
            kind=ExpectedEnding.ERROR,
            reasons=(f"{why}, which may count as leaving",),
            hang_allowed=False,
        ),
    )
    if choice == "abort":
        return cut
    served = replace(ending, reasons=(*ending.reasons, why))
    if choice == "serve":
        return replace(computed, ending=served)
    other = Alternative(policy="half_close", choice="abort", expected=cut)
    return replace(computed, ending=served, alternatives=(other,))
