"""Lists what a run did not test.

A green run says nothing about what it never played, so every report names these gaps.
They are computed from scripts, targets and answers; only the gaps of the harness itself
are fixed texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from harness.cassette.model import Framing
from harness.faults.registry import REGISTRY
from harness.judge.run import RunRecord, ScenarioRecord, TargetFacts
from harness.judge.verdict import Verdict
from harness.scenario.model import AbortHow, Mode

__all__ = ["not_tested"]


def not_tested(run: RunRecord) -> list[dict[str, str]]:
    """Return the gaps of a run: ``what`` in a few words, ``detail`` in a sentence.

    Equal runs have equal lists. Live timing that was too noisy to judge is not listed:
    it is in the volatile part of the report.
    """
    found = [
        *(("could not be played", reason) for reason in run.skipped),
        *_modes(run),
        *_targets(run),
        *_evidence(run),
        *_faults(run),
        *_features(run),
        *_wire(run),
    ]
    return [{"what": what, "detail": detail} for what, detail in found]


_Gaps = Iterator[tuple[str, str]]


def _modes(run: RunRecord) -> _Gaps:
    if Mode.LIVE not in run.settings.modes:
        yield (
            "live",
            (
                "nothing ran over sockets: servers, framing on the wire, proof of who "
                "served a stream and real timing were not tested"
            ),
        )
    if Mode.VIRTUAL not in run.settings.modes:
        yield "virtual", "nothing ran in virtual time: there are no exact hold figures"
    played = {(record.scenario.id, record.mode) for record in run.records}
    for mode, other in ((Mode.LIVE, Mode.VIRTUAL), (Mode.VIRTUAL, Mode.LIVE)):
        if mode not in run.settings.modes:
            continue
        missing = {key for key, way in played if way is other} - {
            key for key, way in played if way is mode
        }
        if missing:
            yield (
                f"{len(missing)} scenario(s) {mode}",
                f"they ran {other} only: {_names(missing)}",
            )
    if Mode.LIVE in run.settings.modes and run.settings.repeats == 1:
        yield (
            "repeats",
            (
                "every live scenario ran once: an answer that changes from run to run "
                "would go unnoticed"
            ),
        )
    if run.settings.speed != 1:
        yield (
            "recorded pace",
            (
                f"all pauses were divided by {run.settings.speed:g}: time limits "
                "that depend on them were not reached"
            ),
        )


def _targets(run: RunRecord) -> _Gaps:
    for target in _both(run):
        if target.relay is None and Mode.VIRTUAL in run.settings.modes:
            yield (
                f"{target.name} in virtual time",
                "it names no relay, so there are no exact figures for it",
            )
        if target.proof is None and Mode.LIVE in run.settings.modes:
            yield (
                f"what served a stream in {target.name}",
                "the target does not show it, only that the stream passed through it",
            )
        if run.routing.get(target.name) == "turn":
            yield (
                f"streams side by side in {target.name}",
                "it does not forward a token, so its streams ran one at a time",
            )


def _evidence(run: RunRecord) -> _Gaps:
    for verdict, detail in (
        (Verdict.INVALID, "they gave no evidence"),
        (Verdict.UNSTABLE_BASELINE, "the baseline does not repeat its own answer"),
    ):
        names = {
            record.scenario.id
            for record in run.records
            if record.result.verdict is verdict
        }
        if names:
            yield f"{len(names)} scenario(s) {verdict}", f"{detail}: {_names(names)}"
    recorded = (record.scenario.exchange.answers[0].recorded for record in run.records)
    if run.records and not any(recorded):
        yield "recordings", "every stream was written by hand; none was recorded"


def _faults(run: RunRecord) -> _Gaps:
    used = {
        call.name
        for record in run.records
        for call in record.scenario.exchange.answers[0].faults
    }
    unused = set(REGISTRY) - used
    if unused:
        yield (
            f"{len(unused)} of {len(REGISTRY)} faults",
            f"no scenario uses them: {_names(unused, limit=len(unused))}",
        )
    clients = (record.scenario.exchange.client for record in run.records)
    left = {client.abort.how for client in clients if client.abort is not None}
    for how in AbortHow:
        if how not in left:
            yield (
                f"a client that leaves by {how.upper()}",
                "no scenario has such a client",
            )


def _features(run: RunRecord) -> _Gaps:
    missing = [
        name
        for name, has in _FEATURES.items()
        if not any(has(record) for record in run.records)
    ]
    if missing:
        yield "features of the protocol", f"no stream carried: {', '.join(missing)}"


def _has_choice(attribute: str) -> Callable[[ScenarioRecord], bool]:
    def has(record: ScenarioRecord) -> bool:
        return record.expected is not None and any(
            getattr(choice, attribute)
            for choice in record.expected[1].content.reading.message.choices
        )

    return has


def _has_framing(framing: Framing) -> Callable[[ScenarioRecord], bool]:
    def has(record: ScenarioRecord) -> bool:
        return any(wire.framing is framing for wire in record.script.attempts)

    return has


def _several_choices(record: ScenarioRecord) -> bool:
    expected = record.expected
    return expected is not None and len(expected[1].content.reading.message.choices) > 1


def _usage(record: ScenarioRecord) -> bool:
    expected = record.expected
    return (
        expected is not None and expected[1].content.reading.message.usage is not None
    )


def _comments(record: ScenarioRecord) -> bool:
    return record.expected is not None and bool(record.expected[1].content.comments)


def _error_in_band(record: ScenarioRecord) -> bool:
    return record.expected is not None and bool(
        record.expected[1].content.reading.errors
    )


def _more_than_ascii(record: ScenarioRecord) -> bool:
    return any(not wire.body.isascii() for wire in record.script.attempts)


def _error_status(record: ScenarioRecord) -> bool:
    return any(wire.status >= 400 for wire in record.script.attempts)


_FEATURES: Mapping[str, Callable[[ScenarioRecord], bool]] = {
    "tool calls": _has_choice("tool_calls"),
    "reasoning": _has_choice("reasoning"),
    "refusal": _has_choice("refusal"),
    "several choices": _several_choices,
    "usage": _usage,
    "comments": _comments,
    "an error in band": _error_in_band,
    "an error status": _error_status,
    "text beyond ASCII": _more_than_ascii,
    "a body framed by chunks": _has_framing(Framing.CHUNKED),
    "a body framed by its length": _has_framing(Framing.CONTENT_LENGTH),
    "a body framed by the end of the connection": _has_framing(Framing.CLOSE),
}


def _wire(run: RunRecord) -> _Gaps:
    # The scenario's upstream is a plain HTTP/1.1 server by construction.
    yield "TLS and HTTP/2", "the upstream of every stream speaks plain HTTP/1.1"
    yield (
        "load, memory and CPU",
        "only the streams were judged; harness bench measures the rest",
    )
    kinds = {target.kind for target in _both(run)}
    if Mode.LIVE in run.settings.modes and "url" not in kinds:
        yield "the deployment", "both targets were started here, not deployed"


def _both(run: RunRecord) -> tuple[TargetFacts, TargetFacts]:
    return run.baseline, run.candidate


def _names(names: set[str], limit: int = 4) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    return ", ".join(ordered[:limit]) + more
