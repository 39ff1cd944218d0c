from __future__ import annotations

import json
import re

import pytest

from harness.dialects.interface import EMPTY_DATA, MALFORMED_JSON
from harness.dialects.payload import PayloadKind
from harness.dialects.registry import DIALECTS
from harness.sse import parse

EVERY = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)

ANYTHING = ["", " ", "x", "null", "[]", "1", "{}", '{"choices":1}', '{"type":[]}']


@EVERY
def test_end_is_read_as_the_end(dialect):
    """The data that a dialect names for its end is read as one."""
    assert PayloadKind.END is dialect.read(dialect.end).kind


@EVERY
def test_own_error_is_read_as_an_error(dialect):
    """A dialect reads what it writes."""
    error = dialect.error("no", "server_error")
    read = dialect.read(json.dumps(error.value), error.event or "message")

    assert PayloadKind.ERROR is read.kind


@EVERY
def test_own_answer_is_right(dialect):
    """By its own grammar, and its text is what was said."""
    assembler = dialect.assembler()
    events = parse(b"".join(dialect.answer(name="m", text="é"))).events
    payloads = [(one.data, dialect.read(one.data, one.event)) for one in events]
    for _, payload in payloads:
        assembler.feed(payload)

    assert [] == dialect.check(payloads)
    assert ["é"] == [choice.content for choice in assembler.message().choices]


@EVERY
@pytest.mark.parametrize("data", ANYTHING)
def test_reading_never_raises(dialect, data):
    """Judging a target means reading what it broke."""
    payload = dialect.read(data)

    assert dialect.owns(payload.value) in {True, False}
    assert dialect.finishes(payload) in {True, False}
    assert [] == dialect.texts(payload.value)
    assert [] == list(dialect.text_places(payload.value))
    assert () == dialect.meaning(payload.value).choices


@EVERY
def test_every_grammar_says_what_no_client_can_read(dialect):
    """The judge asks for these two rules by their ids."""
    events = [(data, dialect.read(data)) for data in ("", "{", dialect.end)]
    found = dialect.check(events, rules=(EMPTY_DATA, MALFORMED_JSON))

    assert [(EMPTY_DATA, 0), (MALFORMED_JSON, 1)] == [
        (one.rule, one.index) for one in found
    ]


@EVERY
def test_names_of_fields_are_in_plain_form(dialect):
    """Keys are looked up in lower case, letters and digits only."""
    fields = dialect.fields
    names = fields.structure | fields.tools | fields.written | fields.tokens

    assert [] == [name for name in names if not re.fullmatch("[a-z0-9]+", name)]
