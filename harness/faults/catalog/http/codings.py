"""Faults of the content coding: what is compressed, and what is called so."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from harness.faults.draft.delivery import ContentCoding
from harness.faults.draft.wire import WireDraft
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast
from harness.faults.registry import Layer, fault

__all__ = ["content_encoding"]


@fault(Layer.HTTP, example={"coding": "gzip"}, live_only=True)
def content_encoding(
    draft: WireDraft,
    *,
    coding: Literal["gzip", "deflate"] = "gzip",
    flush: Literal["per_event", "none"] = "per_event",
    label: Literal[True, False, "lie"] = True,
    truncate: Annotated[int, AtLeast(0)] = 0,
) -> WireDraft:
    """Compress the body, or only say so.

    Positions of other faults stay those of the plain body.

    Args:
        draft: The stream.
        coding: Which.

            - ``gzip``: what most servers send.
            - ``deflate``: with the zlib wrapper (RFC 9110, section 8.4.1.2).
        flush: When the compressor gives out what it has.

            - ``per_event``: behind every write, which can be decoded when it came.
            - ``none``: when it likes, mostly at the end: the stream is held up.
        label: What the head says.

            - ``true``: the truth.
            - ``false``: nothing.
            - ``lie``: that a plain body is coded.
        truncate: Bytes left out at the end of the coded body, whose framing is right.

    Oracle:
        Both: coding and label pass, or neither does and the body is plain. A coded body
        without its end does not look finished. A label that lies may pass, be dropped,
        or be refused with 502.
    """
    if any(name.lower() == "content-encoding" for name, _ in draft.headers):
        raise FaultError("the body has a content coding already")
    if draft.promised_length is not None:
        raise FaultError("the content-length is wrong already, and of the plain body")
    if truncate and label == "lie":
        raise FaultError("a plain body has no coded end", key="truncate")
    if label is not False:
        line = ("content-encoding", coding)
        draft = replace(draft, headers=(*draft.headers, line))
    if label == "lie":
        return draft.with_note(f"called a plain body {coding}")
    done = ContentCoding(name=coding, flush=flush == "per_event", cut=truncate)
    words = f"compressed the body by {coding}, flushed {flush.replace('_', ' ')}"
    if label is False:
        words += ", and did not say so"
    if truncate:
        words += f", without its last {truncate} bytes"
    return replace(draft, delivery=replace(draft.delivery, coding=done)).with_note(
        words
    )
