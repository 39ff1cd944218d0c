"""The faults that ship with the harness, by layer; related faults share a module.

Importing this package registers them all.
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
from harness.faults.catalog.http import (
    answers,
    chunks,
    codings,
    heads,
)
from harness.faults.catalog.lines import (
    blank_lines,
    borders,
    comments,
    lines,
)
from harness.faults.catalog.socket import (
    closes,
    connections,
    segmentation,
    timing,
)

__all__ = [
    "answers",
    "blank_lines",
    "borders",
    "characters",
    "choices",
    "chunks",
    "closes",
    "codings",
    "comments",
    "connections",
    "cumulative",
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
    "segmentation",
    "timing",
    "tools",
]
