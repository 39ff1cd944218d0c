"""Deliberate defects, one small definition each.

Words: a *draft* is a stream on its way to a script; a *block* is one event (or comment)
of it; a *fault* is a pure function from draft to draft. *Event* and *line* faults work
on an `EventDraft`; *http* and *socket* faults on a `WireDraft`. Each block carries what
is *sent* and what is *meant*: that is where the oracle comes from.

Importing this package registers the faults that it ships with.
"""

from __future__ import annotations

from harness.faults.catalog.events import (
    characters,
    choices,
    cumulative,
    done_sentinel,
    events,
    finish_and_usage,
    identity,
    in_band_errors,
    inserts,
    json_fields,
    legitimate_repeats,
    tools,
)
from harness.faults.catalog.http import answers, chunks, codings, heads
from harness.faults.catalog.lines import blank_lines, borders, comments, lines
from harness.faults.catalog.socket import connections, cuts, places, timing

__all__ = [
    "answers",
    "blank_lines",
    "borders",
    "characters",
    "choices",
    "chunks",
    "codings",
    "comments",
    "connections",
    "cumulative",
    "cuts",
    "done_sentinel",
    "events",
    "finish_and_usage",
    "heads",
    "identity",
    "in_band_errors",
    "inserts",
    "json_fields",
    "legitimate_repeats",
    "lines",
    "places",
    "timing",
    "tools",
]
