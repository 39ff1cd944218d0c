"""The oracle: what a correct proxy had to do with a script.

It reads the script, never a target. Everything it demands is one of three things: what
the upstream sent, what a block was meant to say, and the first law: an upstream that
did not finish must not look finished to the client (DESIGN, section 7).
"""

from __future__ import annotations

from dataclasses import replace

from harness.faults.draft.wire import Finish, Meaning, WireDraft
from harness.judge.evidence.reading import read_items
from harness.judge.oracle.answer import (
    hop_by_hop_headers,
    injected_names,
    is_labelled,
    looks_clean,
    may_refuse,
)
from harness.judge.oracle.demands import beat_of, is_event_stream, of_other, of_stream
from harness.judge.oracle.expectation import WINDOW, Contract, Expectation, Variant
from harness.judge.oracle.policy import Policy
from harness.scenario.client import ClientPlan
from harness.scenario.model import Expect, ExpectedEnding
from harness.scenario.model import Reading as ReadingChoice
from harness.scenario.script import Script

__all__ = ["WINDOW", "Contract", "Expectation", "Variant", "expectation", "unasked"]


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
        of_stream(
            wire,
            contract_of_text,
            passes_any_bytes=passes_any_bytes,
            delivers=delivers,
        )
        if wire.head_at_ns is not None and is_event_stream(wire)
        else of_other(wire, contract)
    )
    computed = replace(
        computed,
        contract=contract,
        coded=wire.coding is not None and is_labelled(wire),
        may_refuse=may_refuse(wire),
        injected=injected_names(wire),
        hop_by_hop=hop_by_hop_headers(wire),
        beat=beat_of(wire),
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
