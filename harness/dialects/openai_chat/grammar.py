"""The grammar of a correct stream, as a table of rules.

It checks the form of a stream against the provider's description, not its meaning.
Source, unless a rule names another:
https://platform.openai.com/docs/api-reference/chat-streaming

Rules of this file:

1. A rule is one function over the whole stream; ``RULES`` is the table of them.
2. The ids never change, since reports and waivers name them.
3. After the sentinel only ``after-done`` and ``done-twice`` report.
4. An error in band ends an answer: parts that it cut off are not reported as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.dialects.interface import EMPTY_DATA, MALFORMED_JSON, GrammarViolation
from harness.dialects.message import ToolFragment
from harness.dialects.openai_chat.chunk import text_of
from harness.dialects.openai_chat.timeline import Timeline
from harness.dialects.payload import Payload, PayloadKind

__all__ = ["RULES", "Rule", "check"]

_Found = Iterator[tuple[int, str]]
_Find = Callable[[Timeline], _Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: its id, what a correct stream does, and the search for its breaks."""

    id: str
    prose: str
    find: _Find


def check(
    events: Iterable[tuple[str, Payload]], rules: Collection[str] | None = None
) -> list[GrammarViolation]:
    """Return every break of the grammar, in the order of the events.

    Args:
        events: Data and payload of each event.
        rules: Ids of the rules to check. None: all.
    """
    stream = Timeline(events)
    violations = [
        GrammarViolation(rule=rule.id, index=index, detail=detail)
        for rule in RULES.values()
        if rules is None or rule.id in rules
        for index, detail in rule.find(stream)
    ]
    return sorted(violations, key=lambda violation: violation.index)


_RULES: dict[str, Rule] = {}

RULES: Mapping[str, Rule] = MappingProxyType(_RULES)
"""Every rule by its id, in the order in which they report about one event."""


def _rule(rule_id: str, prose: str) -> Callable[[_Find], _Find]:
    def enter(find: _Find) -> _Find:
        _RULES[rule_id] = Rule(id=rule_id, prose=prose, find=find)
        return find

    return enter


@_rule("done-missing", 'A stream ends with data "[DONE]", unless an error ended it.')
def _done_missing(stream: Timeline) -> _Found:
    if not stream.done and not stream.failed:
        yield stream.length, "the stream ends without [DONE]"


@_rule("done-twice", "The sentinel is sent once.")
def _done_twice(stream: Timeline) -> _Found:
    for at, kind in stream.after_done:
        if kind is PayloadKind.END:
            yield at, "[DONE] again"


@_rule("after-done", "Nothing follows the sentinel.")
def _after_done(stream: Timeline) -> _Found:
    for at, kind in stream.after_done:
        if kind is not PayloadKind.END:
            yield at, f"{kind} after [DONE]"


@_rule(
    EMPTY_DATA,
    "No data is empty or white space; SDKs parse it and raise (measured: "
    "openai-python, openai-node).",
)
def _empty_data(stream: Timeline) -> _Found:
    for at, data, payload in stream.events:
        if payload.kind is PayloadKind.MALFORMED and not data.strip():
            yield at, f"data is {data!r}"


@_rule(MALFORMED_JSON, "The data of every event before the sentinel is JSON.")
def _malformed_json(stream: Timeline) -> _Found:
    for at, data, payload in stream.events:
        if payload.kind is PayloadKind.MALFORMED and data.strip():
            yield at, f"data is not JSON: {data[:60]!r}"


@_rule(
    "error-in-band",
    "No event is an error object, which reports a failure to the client.",
)
def _error_in_band(stream: Timeline) -> _Found:
    for at, data, payload in stream.events:
        if payload.kind is PayloadKind.ERROR:
            yield at, f"error: {data[:200]}"


@_rule(
    "object-unexpected",
    'Every payload is a chunk, and its object is "chat.completion.chunk". Absent or '
    "empty passes: whole providers leave it out.",
)
def _object_unexpected(stream: Timeline) -> _Found:
    for at, data, payload in stream.events:
        if payload.kind is PayloadKind.OTHER:
            yield at, f"not a chunk: {data[:60]!r}"
    for at, chunk in stream.chunks:
        if chunk.get("object") not in (None, "", "chat.completion.chunk"):
            yield at, f"object is {_shown(chunk['object'])}"


@_rule(
    "choices-missing",
    "Every chunk has a list of choices; it is empty only beside usage.",
)
def _choices_missing(stream: Timeline) -> _Found:
    for at, chunk in stream.chunks:
        if "choices" not in chunk:
            yield at, "choices is absent"
        elif not isinstance(chunk["choices"], list):
            yield at, f"choices is {_shown(chunk['choices'])}"


@_rule(
    "id-changes",
    "All chunks have the same id. Reported once; an empty id does not count (Azure "
    "sends it with its content filter results).",
)
def _id_changes(stream: Timeline) -> _Found:
    ids = [(at, text_of(chunk, "id")) for at, chunk in stream.chunks]
    sent = [(at, chunk_id) for at, chunk_id in ids if chunk_id]
    for at, chunk_id in sent:
        if chunk_id != sent[0][1]:
            yield at, f"id is {chunk_id!r}, was {sent[0][1]!r}"
            return


@_rule(
    "finish-missing",
    "Every choice that began gets a finish_reason, unless an error ended the stream.",
)
def _finish_missing(stream: Timeline) -> _Found:
    begun = {delta.choice for _, delta in stream.deltas if delta.begins}
    finished = {delta.choice for _, delta in stream.deltas if delta.finish_reason}
    if not stream.failed:
        for choice in sorted(begun - finished):
            yield stream.length, f"choice {choice} has no finish_reason"


@_rule("finish-twice", "A choice gets one finish_reason.")
def _finish_twice(stream: Timeline) -> _Found:
    first: dict[int, str] = {}
    for at, delta in stream.deltas:
        choice, reason = delta.choice, delta.finish_reason
        if reason and choice in first:
            yield at, f"choice {choice}: {reason!r}, was {first[choice]!r}"
        elif reason:
            first[choice] = reason


@_rule(
    "text-after-finish",
    "A choice gets no text or arguments in chunks after its finish_reason.",
)
def _text_after_finish(stream: Timeline) -> _Found:
    finished: set[int] = set()
    for at, delta in stream.deltas:
        if delta.choice in finished and delta.texts:
            fields = ", ".join(field for field, _ in delta.texts)
            yield at, f"choice {delta.choice}: {fields}"
        if delta.finish_reason:
            finished.add(delta.choice)


@_rule("tool-index-missing", "Every fragment of a tool call has the call's index.")
def _tool_index_missing(stream: Timeline) -> _Found:
    for at, choice, fragment in stream.calls:
        if not fragment.indexed:
            yield at, f"choice {choice}: a tool call without index"


def _tool_starts(stream: Timeline) -> Iterator[tuple[int, str, ToolFragment]]:
    seen: set[tuple[int, int]] = set()
    for at, choice, fragment in stream.calls:
        if (key := (choice, fragment.index)) not in seen:
            seen.add(key)
            yield at, f"choice {choice}, call {fragment.index}", fragment


@_rule("tool-id-missing", "The first fragment of a tool call has its id.")
def _tool_id_missing(stream: Timeline) -> _Found:
    for at, call, fragment in _tool_starts(stream):
        if not fragment.id:
            yield at, f"{call} begins without id"


@_rule(
    "tool-name-missing", "The first fragment of a tool call has its function's name."
)
def _tool_name_missing(stream: Timeline) -> _Found:
    for at, call, fragment in _tool_starts(stream):
        if not fragment.name:
            yield at, f"{call} begins without name"


@_rule("tool-id-changes", "One index means one call: its id never changes.")
def _tool_id_changes(stream: Timeline) -> _Found:
    ids: dict[tuple[int, int], str] = {}
    for at, choice, fragment in stream.calls:
        key = (choice, fragment.index)
        if fragment.id and ids.setdefault(key, fragment.id) != fragment.id:
            yield at, f"call {fragment.index}: {fragment.id!r}, was {ids[key]!r}"


def _shown(value: object) -> str:
    # Not repr() of anything: it raises RecursionError on JSON that nests deeply.
    return repr(value[:60]) if isinstance(value, str) else type(value).__name__
