r"""Scrubbing: replaces everything that was said in a cassette from production.

Prompts and answers become invented text of the same lengths and classes, ids become
other ids. The structure of the stream stays: number of bytes of every segment, borders,
times, endings, events, JSON and its keys, numbers, model and tool names. So the
cassette still triggers the same defects. `harness.privacy.scrub_letters` explains what
is invented and how well it hides, `harness.privacy.scrub_policy` what counts as text.

Rules:

1. Text is replaced as it is written: ``\n`` and other escapes stay, ``\u00e9`` becomes
   another ``\u....``, a character cut between segments is still cut there.
2. Text that is JSON itself, such as tool arguments, stays JSON: its keys and literals
   stay, its strings and numbers are replaced.
3. ``[DONE]`` stays, as the sentinel and within a text: its presence can be the defect
   that a cassette shows.
4. Malformed JSON is text; so are comments and unknown lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from harness.cassette.content_coding import codings_of, content_type_of
from harness.cassette.model import Cassette, Headers, Interaction, Segment
from harness.errors import InputError
from harness.privacy.redact import redact_interaction
from harness.privacy.scrub_letters import Pseudonymizer
from harness.privacy.scrub_policy import ScrubAction, action_for, is_identity_header
from harness.privacy.scrub_text import scrub_text
from harness.privacy.strings import (
    BodyDocument,
    Scalar,
    StreamedText,
    body_documents,
    has_events,
    lines_of,
    looks_like_json,
    scalars_in,
    streamed_texts,
    written_characters,
)

__all__ = ["SCRUBBED", "scrub_cassette"]

SCRUBBED = "scrubbed"
"""The tag of a cassette whose text is invented."""

_KEEP_ALIVES = frozenset(
    {"", "heartbeat", "keep-alive", "keepalive", "openrouter processing", "ping"}
)
_FIELDS = (b"data:", b"event:", b"retry:")
_FIELD_NAME = re.compile(rb"[A-Za-z_-]{1,20}:")
_BARE = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|(?<![\w.])-?[0-9][0-9.eE+-]*|[^\W_]+', re.DOTALL
)
_LITERALS = frozenset({"true", "false", "null", "NaN", "Infinity"})
_UNICODE_ESCAPE = len(r"\u00e9")

Invent = Callable[[str], str]


def scrub_cassette(cassette: Cassette, *, key: bytes) -> Cassette:
    """Return a cassette of the same shape with invented texts and ids.

    Credentials are redacted first.

    Args:
        cassette: A recording.
        key: The same key invents the same text; whoever knows it can restore the
            answers.

    Raises:
        InputError: A body cannot be replaced in place, since it has a content coding or
            is a multipart form.
    """
    pseudonyms = Pseudonymizer(key)
    interactions = []
    for number, interaction in enumerate(cassette.interactions, start=1):
        for part in (interaction.request, interaction.response):
            _refuse_unscrubbable(part.headers, part.body, number)
        interactions.append(
            _scrub_interaction(redact_interaction(interaction), pseudonyms)
        )
    tags = cassette.tags if SCRUBBED in cassette.tags else (*cassette.tags, SCRUBBED)
    return replace(cassette, tags=tags, interactions=tuple(interactions))


def _refuse_unscrubbable(headers: Headers, body: bytes, number: int) -> None:
    codings = codings_of(headers)
    kind = content_type_of(headers) or ""
    if body and codings:
        message = f"a body with coding {', '.join(codings)} cannot be scrubbed"
    elif body and "multipart" in kind.lower():
        message = "a multipart body cannot be scrubbed"
    else:
        return
    raise InputError(message, key=f"interactions[{number - 1}]")


def _scrub_interaction(
    interaction: Interaction, pseudonyms: Pseudonymizer
) -> Interaction:
    request, response = interaction.request, interaction.response
    # No proxy compares a prompt with the answer, so noise, which hides more, will do.
    asked = _scrub_body(request.body, request.headers, pseudonyms, pseudonyms.randomize)
    body = _scrub_body(
        response.body, response.headers, pseudonyms, pseudonyms.substitute
    )
    segments = []
    at = 0
    for segment in response.segments:
        end = at + len(segment.data)
        segments.append(Segment(at_ns=segment.at_ns, data=body[at:end]))
        at = end
    return replace(
        interaction,
        request=replace(
            request, headers=_scrub_headers(request.headers, pseudonyms), body=asked
        ),
        response=replace(
            response,
            headers=_scrub_headers(response.headers, pseudonyms),
            segments=tuple(segments),
        ),
    )


def _scrub_headers(headers: Headers, pseudonyms: Pseudonymizer) -> Headers:
    return tuple(
        (name, pseudonyms.rename_id(value) if is_identity_header(name) else value)
        for name, value in headers
    )


def _scrub_body(
    body: bytes, headers: Headers, pseudonyms: Pseudonymizer, invent: Invent
) -> bytes:
    kind = content_type_of(headers)
    new = bytearray(body)
    found: list[BodyDocument] = list(body_documents(body, kind))
    if has_events(body, kind):
        found += _scrub_lines(new, body, pseudonyms)
    scalars: list[Scalar] = []
    for document in found:
        scalars += scalars_in(document)
        if looks_like_json(document.data):
            _scrub_bare(new, document, pseudonyms)
    for scalar in scalars:
        if action_for(scalar) is ScrubAction.MASK:
            size = scalar.end - scalar.start
            new[scalar.start : scalar.end] = b"1" * size
    for streamed in streamed_texts(body, scalars):
        _scrub_streamed(new, body, streamed, pseudonyms, invent)
    return bytes(new)


def _scrub_lines(
    new: bytearray, body: bytes, pseudonyms: Pseudonymizer
) -> Iterator[BodyDocument]:
    """Scrub comments, ids and unknown lines; yield those that are JSON."""
    for start, line in lines_of(body):
        end = start + len(line)
        if line.startswith(_FIELDS):
            continue
        if looks_like_json(line):
            yield BodyDocument(start, line, ((start, end),))
        elif line.startswith(b"id:"):
            _scrub_id(new, start + len(b"id:"), line[len(b"id:") :], pseudonyms)
        elif _text(line[1:]).strip().lower() not in _KEEP_ALIVES or line[:1] != b":":
            match = _FIELD_NAME.match(line)
            at = match.end() if match else 0
            new[start + at : end] = _bytes(pseudonyms.substitute(_text(line[at:])))


def _scrub_id(
    new: bytearray, start: int, value: bytes, pseudonyms: Pseudonymizer
) -> None:
    name = value.strip()
    if not name.isdigit():  # a count reveals nothing
        at = start + len(value) - len(value.lstrip())
        new[at : at + len(name)] = _bytes(pseudonyms.rename_id(_text(name)))


def _scrub_bare(
    new: bytearray, document: BodyDocument, pseudonyms: Pseudonymizer
) -> None:
    """Scrub the words outside the quotes of broken JSON."""
    data = document.data.decode("utf-8", "surrogateescape")
    for match in _BARE.finditer(data):
        word = match[0]
        if word[0] in '"-0123456789' or word in _LITERALS:
            continue
        at = document.start + len(_bytes(data[: match.start()]))
        scrubbed = _bytes(pseudonyms.substitute(word))
        new[at : at + len(scrubbed)] = scrubbed


def _scrub_streamed(
    new: bytearray,
    body: bytes,
    streamed: StreamedText,
    pseudonyms: Pseudonymizer,
    invent: Invent,
) -> None:
    action = action_for(streamed.scalars[0])
    if action is ScrubAction.KEEP:
        return
    escaped = any(
        b"\\" in body[scalar.start : scalar.end] for scalar in streamed.scalars
    )
    if action is ScrubAction.RENAME and not escaped:
        said = [pseudonyms.rename_id(text) for text in streamed.parts]
    else:
        said = _invented(streamed, pseudonyms, invent)
    for scalar, text, invented in zip(
        streamed.scalars, streamed.parts, said, strict=True
    ):
        raw = body[scalar.start : scalar.end]
        new[scalar.start : scalar.end] = _written(raw, text, invented)


def _invented(
    streamed: StreamedText, pseudonyms: Pseudonymizer, invent: Invent
) -> list[str]:
    """Return an invented text for each part of a streamed text, in order."""
    whole = scrub_text(streamed.text, invent, pseudonyms.substitute)
    if streamed.is_constant:
        return [whole] * len(streamed.parts)
    invented = []
    at = 0
    for text in streamed.parts:
        invented.append(whole[at : at + len(text)])
        at += len(text)
    return invented


def _written(raw: bytes, text: str, invented: str) -> bytes:
    """Return a text as written inside a JSON string, in the same number of bytes."""
    if b"\\" not in raw and text.isascii():
        return invented.encode()
    parts = []
    written = written_characters(_text(raw))
    for (form, _), old, new in zip(written, text, invented, strict=True):
        # Short escapes stay, and so does one that is cut off before its digits.
        if new == old or (form[0] == "\\" and len(form) < _UNICODE_ESCAPE):
            parts.append(form)
        elif form[0] == "\\":
            upper = any(map(str.isupper, form))
            parts.append(f"\\u{ord(new):04{'X' if upper else 'x'}}")
        else:
            parts.append(form if "\ud800" <= new <= "\udfff" else new)
    return _bytes("".join(parts))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
