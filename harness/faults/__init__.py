"""Deliberate defects, one small definition each.

Words: a *draft* is a stream on its way to a script; a *block* is one event (or comment)
of it; a *fault* is a pure function from draft to draft. *Event* and *line* faults work
on an `EventDraft`; *http* and *socket* faults on a `WireDraft`. Each block carries what
is *sent* and what is *meant*: that is where the oracle comes from.

Importing this package registers the faults that it ships with.
"""

from __future__ import annotations

from harness.faults import (
    answers,
    blanks,
    borders,
    breaks,
    characters,
    choices,
    chunks,
    codings,
    comments,
    connections,
    cumulative,
    cuts,
    done,
    endings,
    events,
    heads,
    inserts,
    lines,
    patches,
    places,
    renames,
    repeats,
    timing,
    tools,
)

__all__ = [
    "answers",
    "blanks",
    "borders",
    "breaks",
    "characters",
    "choices",
    "chunks",
    "codings",
    "comments",
    "connections",
    "cumulative",
    "cuts",
    "done",
    "endings",
    "events",
    "heads",
    "inserts",
    "lines",
    "patches",
    "places",
    "renames",
    "repeats",
    "timing",
    "tools",
]
