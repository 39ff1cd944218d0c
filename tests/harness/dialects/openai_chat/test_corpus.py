"""Recorded streams of real providers, read by this dialect.

They lie outside the project: in the folder named by ``STREAM_CORPUS``, or beside the
repository in ``shared/corpus``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.dialects.openai_chat.assemble import Assembler
from harness.dialects.openai_chat.grammar import RULES, check
from harness.dialects.openai_chat.payload import parse_payload
from harness.dialects.openai_chat.texts import text_deltas
from harness.dialects.payload import PayloadKind
from harness.sse.model import ServerSentEvent
from harness.sse.parser import EventStreamParser, parse

CORPUS = Path(
    os.environ.get("STREAM_CORPUS")
    or Path(__file__).parents[4].parent / "shared" / "corpus"
)
MANIFEST = CORPUS / "manifest.jsonl"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not MANIFEST.is_file(),
        reason=f"no recorded streams in {CORPUS}; set STREAM_CORPUS",
    ),
]


def rows():
    """Return the manifest's rows of this dialect."""
    if not MANIFEST.is_file():
        return []
    found = [json.loads(line) for line in MANIFEST.read_bytes().splitlines()]
    return [row for row in found if row["dialect"] == "openai-chat"]


def payloads_of(stream):
    """Return the data of each event with its payload."""
    return [(e.data, parse_payload(e.data, e.event)) for e in stream.events]


def test_corpus_is_whole():
    """All streams of this dialect are there to be read."""
    assert len(rows()) == 420


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
class TestRecordedStream:
    def test_is_read_as_the_manifest_says(self, row):
        """Events, comments, sentinel, choices and finish reasons agree."""
        stream = parse((CORPUS / row["file"]).read_bytes())
        payloads = payloads_of(stream)
        assembler = Assembler()
        finish_reasons = []
        for _, payload in payloads:
            assembler.feed(payload)
            if payload.kind is PayloadKind.CHUNK:
                choices = payload.value.get("choices") or []
                finish_reasons += [c.get("finish_reason") for c in choices]
        message = assembler.message()

        assert row["events"] == len(stream.events)
        assert row["comments"] == len(stream.comments)
        assert row["done"] == message.done
        assert row["n_choices"] == len(message.choices)
        assert row["tool_calls"] == any(c.tool_calls for c in message.choices)
        assert row["finish"] == [reason for reason in finish_reasons if reason]
        assert {c.finish_reason for c in message.choices} - {None} == set(row["finish"])
        assert (stream.unfinished, message.malformed, message.after_done) == (b"", 0, 0)

    def test_is_read_alike_in_small_pieces(self, row):
        """Pieces of seven bytes give the events of the whole."""
        data = (CORPUS / row["file"]).read_bytes()
        parser = EventStreamParser()
        found = [
            item
            for at in range(0, len(data), 7)
            for item in parser.feed(data[at : at + 7])
        ]

        assert [(e.event, e.data, e.start) for e in parse(data).events] == [
            (e.event, e.data, e.start) for e in found if isinstance(e, ServerSentEvent)
        ]

    def test_message_is_made_of_its_deltas(self, row):
        """The texts of all deltas are the texts of the message, none more or less."""
        assembler = Assembler()
        length = 0
        for _, payload in payloads_of(parse((CORPUS / row["file"]).read_bytes())):
            assembler.feed(payload)
            if payload.kind is PayloadKind.CHUNK:
                length += sum(len(text) for _, _, text in text_deltas(payload.value))

        assert length == sum(
            len(text)
            for choice in assembler.message().choices
            for text in (
                choice.content,
                choice.reasoning,
                choice.refusal,
                *[call.arguments for call in choice.tool_calls],
            )
        )

    def test_breaks_only_rules_that_providers_break(self, row):
        """The grammar holds for what providers send, but for what some of them do."""
        known = {
            *["done-missing", "error-in-band", "finish-missing", "finish-twice"],
            *["id-changes", "object-unexpected", "text-after-finish"],
        }
        payloads = payloads_of(parse((CORPUS / row["file"]).read_bytes()))

        assert known <= set(RULES)
        assert {violation.rule for violation in check(payloads)} <= known
