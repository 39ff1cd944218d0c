"""Every fault on streams of real providers, where they are at hand.

They lie outside the project, beside the checkout or where ``STREAM_CORPUS`` says.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from harness.dialects.openai_chat.assemble import Assembler
from harness.dialects.openai_chat.payload import parse_payload
from harness.faults.draft.blocks import Meaning
from harness.faults.draft.lowering import draft_response, lower
from harness.faults.registry import REGISTRY, FaultCall, FaultError, apply_faults
from harness.sse.parser import parse

_ROOT = Path(__file__).parents[3]
_FOLDER = Path(os.environ.get("STREAM_CORPUS", _ROOT.parent / "shared" / "corpus"))
_FILES = sorted((_FOLDER / "openai-chat").glob("*.sse"))
_SAMPLE = _FILES[:: max(1, len(_FILES) // 40)]

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not _FILES, reason=f"no recorded streams in {_FOLDER}; set STREAM_CORPUS"
    ),
]

# What a repairing proxy delivers is, as text, what the stream said before.
_REPAIRED = (
    ("repeat_first", {"times": 3}),
    ("cumulative", {"mode": "prefix"}),
    ("growing_first", {"count": 4}),
    ("shrinking_first", {"count": 3}),
    ("event_split_text", {"index": 2, "cuts": [1]}),
    ("finish", {"mode": "merged_with_content"}),
    ("unicode", {"mode": "escaped_ascii"}),
    ("sse_eol", {"eol": "cr"}),
    ("sse_eol", {"eol": "mixed"}),
    ("sse_blank", {"mode": "double"}),
    ("sse_bom", {"split": True}),
    ("sse_comment", {"every_ms": 0.5}),
    ("keepalive", {"at": {"frac": 0.5}, "for_ms": 10, "every_ms": 2}),
    ("sse_multiline", {}),
    ("segment", {"size": "random"}),
    ("chunking", {}),
    ("tool", {"mode": "whole"}),
    ("tool", {"mode": "split_every_n", "n": 2}),
    ("tool", {"mode": "merged_two_calls"}),
    ("tool", {"mode": "interleaved"}),
    ("tool", {"mode": "id_null"}),
    ("tool", {"mode": "name_null"}),
    ("tool", {"mode": "id_every_fragment"}),
)


@pytest.mark.parametrize("path", _SAMPLE, ids=lambda path: path.stem)
def test_faults_work_on_recorded_streams(path, kit):
    """A fault applies, or says why it cannot; nothing else."""
    draft = draft_response(kit.response((path.read_bytes(),)))
    assert lower(draft).body == path.read_bytes()
    for definition in REGISTRY.values():
        call = FaultCall(name=definition.name, parameters=definition.example)
        try:
            wire = apply_faults(draft, (call,), Random(1))
        except FaultError:
            continue
        assert wire.notes
        assert sum(span.end - span.start for span in wire.spans) == len(wire.body)


@pytest.mark.parametrize("path", _SAMPLE, ids=lambda path: path.stem)
def test_what_is_meant_is_what_the_stream_said(path, kit):
    """Blocks read by their meaning assemble to the original message."""
    draft = draft_response(kit.response((path.read_bytes(),)))
    original = _message(path.read_bytes())
    for name, parameters in _REPAIRED:
        call = FaultCall(name=name, parameters=parameters)
        try:
            wire = apply_faults(draft, (call,), Random(1))
        except FaultError:
            continue
        assert _message(_meant(wire)) == original, name


def _meant(wire) -> bytes:
    parts = []
    for span in wire.spans:
        if span.meaning is Meaning.AS_SENT:
            parts.append(wire.body[span.start : span.end])
        elif span.meaning is Meaning.REPLACED:
            parts.append(span.meant)
    return b"".join(parts)


def _message(body: bytes):
    assembler = Assembler()
    for event in parse(body).events:
        assembler.feed(parse_payload(event.data, event.event))
    return assembler.message()
