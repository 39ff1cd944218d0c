from __future__ import annotations

import pytest

from harness.dialects.partial import PartialDialect
from harness.dialects.payload import PayloadKind
from harness.dialects.registry import DIALECTS, OPENAI_CHAT

PARTIAL = [one for one in DIALECTS if isinstance(one, PartialDialect)]


@pytest.mark.parametrize("dialect", PARTIAL, ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ('{"type":"message_start"}', PayloadKind.OTHER),
        ('{"type":"message_delta","usage":{"output_tokens":1}}', PayloadKind.CHUNK),
        ('{"type":"error","error":{"type":"x"}}', PayloadKind.ERROR),
        ("[DONE]", PayloadKind.END),
    ],
)
def test_streams_are_read_as_chat_reads_them(dialect, data, kind):
    """Until more is known, whatever chat does not know passes as it is."""
    assert kind is dialect.read(data).kind
    assert OPENAI_CHAT.read(data) == dialect.read(data)


@pytest.mark.parametrize("dialect", PARTIAL, ids=lambda one: one.name)
def test_keys_of_chat_are_not_its_own(dialect):
    """Each package names its own keys, and says that it is not complete."""
    assert not dialect.is_complete
    assert dialect.fields != OPENAI_CHAT.fields
