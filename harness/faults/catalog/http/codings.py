"""The fault of the content coding: a compressed body, or a wrong label."""

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
    """Compress the body, or only claim to.

    Positions of other faults stay those of the plain body.

    Args:
        draft: The stream.
        coding: The coding.

            - ``gzip``: the coding of most servers.
            - ``deflate``: with the zlib wrapper (RFC 9110, section 8.4.1.2).
        flush: When the compressor writes.

            - ``per_event``: after every write, so each can be decoded when it arrives.
            - ``none``: when it decides, mostly at the end, so the stream is held up.
        label: The content-encoding in the head.

            - ``true``: the true coding.
            - ``false``: none.
            - ``lie``: a coding, but the body is plain.
        truncate: Bytes missing at the end of the coded body, whose framing is complete.

    Oracle:
        Both: coding and label pass, or neither does and the body is plain. A coded body
        without its end does not look finished. A false label may pass, be dropped, or
        be refused with 502.
    """
    if any(name.lower() == "content-encoding" for name, _ in draft.headers):
        raise FaultError("the body already has a content coding")
    if draft.promised_length is not None:
        raise FaultError("the content-length is already wrong, for the plain body")
    if truncate and label == "lie":
        raise FaultError("a plain body has no coded end", key="truncate")
    if label is not False:
        line = ("content-encoding", coding)
        draft = replace(draft, headers=(*draft.headers, line))
    if label == "lie":
        return draft.with_note(f"labelled a plain body {coding}")
    done = ContentCoding(name=coding, flush=flush == "per_event", cut=truncate)
    words = f"compressed the body by {coding}, flushed {flush.replace('_', ' ')}"
    if label is False:
        words += ", without a label"
    if truncate:
        words += f", without its last {truncate} bytes"
    return replace(draft, delivery=replace(draft.delivery, coding=done)).with_note(
        words
    )
