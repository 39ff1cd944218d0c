r"""Cassettes as YAML text, and back, byte for byte.

Rules of the text:

1. A body is ``text`` where its bytes are UTF-8, and ``base64`` where not.
2. Text is in double quotes on one line, so ``\n`` is seen as ``\n``. Characters that
   YAML would refuse, fold or drop are escaped: the controls C0 and C1, DEL, the line
   breaks U+0085, U+2028 and U+2029, the BOM, U+FFFE and U+FFFF (YAML 1.2.2, section
   5.1; found by trying every character on both of PyYAML's loaders). So are the
   controls of direction, U+202A to U+202E and U+2066 to U+2069, which hide text.
3. Times are milliseconds with up to six decimals, so nanoseconds survive: a float holds
   them exactly up to the format's limit of 1,000,000 seconds.

The text is written by hand, because PyYAML chooses quotes and flow for a document and
not by place. For 420 recorded streams (5.6 MB) that takes 0.2 s, PyYAML's C emitter
0.3 s, its own 2.2 s; reading and validating them takes 0.9 s.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

from harness.cassette.http_message import read_body, read_headers
from harness.cassette.model import (
    FORMAT,
    Cassette,
    Ending,
    EndingKind,
    Headers,
    Interaction,
    Recorded,
    Request,
    Response,
    Segment,
)
from harness.documents.mistakes import Mistakes
from harness.documents.node import Node
from harness.documents.yaml_document import load
from harness.errors import InputError
from harness.units import NS_PER_MS

__all__ = ["AT_NS_MAX", "cassette_schema", "dump_cassette", "load_cassette"]

AT_NS_MAX = 10**15
"""The latest time that the format holds, in nanoseconds: 1,000,000 seconds."""


@cache
def cassette_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the format, as it ships with this package."""
    file = resources.files(__package__).joinpath("cassette.schema.json")
    schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(cassette_schema())


def load_cassette(text: str, *, source: str) -> Cassette:
    """Read a cassette.

    Args:
        text: The YAML text.
        source: The file's name, for messages.

    Raises:
        InputError: The text is not YAML, has another format, does not fit the schema,
            has bytes that are not base64, or times that fall. All mistakes are
            reported.
    """
    root = load(text, source=source, mistakes=Mistakes())
    _check_format(root)
    with root.mistakes:
        root.check(_validator())
    interactions = [_read_interaction(node) for node in root.at("interactions")]
    root.mistakes.raise_any()
    recorded = root.value["recorded"]
    return Cassette(
        recorded=Recorded(
            at=recorded.get("at"),
            by=recorded["by"],
            upstream=recorded.get("upstream"),
        ),
        tags=tuple(root.value.get("tags", ())),
        interactions=tuple(one for one in interactions if one is not None),
        reconstructed=tuple(root.value.get("reconstructed", ())),
    )


def dump_cassette(cassette: Cassette) -> str:
    """Return a cassette as text that `load_cassette` reads back equal.

    Raises:
        ValueError: The format cannot hold the cassette: no interaction, a time that
            falls or is out of range, a header that is not latin-1.
    """
    if not cassette.interactions:
        raise ValueError("a cassette has at least one interaction")
    return "".join(f"{line}\n" for line in _write(cassette))


# --- reading ----------------------------------------------------------------------


def _check_format(root: Node) -> None:
    # Before the schema: a newer format may differ in every other key.
    given = root.at("format")
    if isinstance(given.value, int) and given.value != FORMAT:
        message = "this version reads cassettes of format"
        raise InputError(f"{message} {FORMAT}, got format {given.value}", at=given)


def _read_interaction(node: Node) -> Interaction | None:
    request, response = node.at("request"), node.at("response")
    headers = request.at("headers").read(read_headers)
    body = request.at("body").read(read_body)
    answer_headers = response.at("headers").read(read_headers)
    segments, ending = _read_stream(response)
    if not node.is_sound:
        return None
    return Interaction(
        request=Request(
            method=request.value["method"],
            path=request.value["path"],
            headers=headers,
            body=body,
        ),
        response=Response(
            status=response.value["status"],
            http_version=response.value["http_version"],
            headers=answer_headers,
            segments=segments,
            ending=ending,
        ),
        notes=tuple(node.value.get("notes", ())),
    )


def _read_stream(response: Node) -> tuple[tuple[Segment, ...], Ending]:
    segments = []
    last_ns = 0
    for item in response.at("segments"):
        if item.is_sound:
            at_ns = _read_time(item, "a time", last_ns)
            with item.mistakes:
                segments.append(Segment(at_ns=at_ns, data=read_body(item)))
            last_ns = at_ns
    ending = response.at("ending").read(_read_ending, last_ns)
    return tuple(segments), ending


def _read_ending(node: Node, last_ns: int) -> Ending:
    at_ns = _read_time(node, "an ending", last_ns)
    return Ending(at_ns=at_ns, kind=EndingKind(node.value["kind"]))


def _read_time(node: Node, what: str, last_ns: int) -> int:
    at_ms = node.value["at_ms"]
    at_ns: int = round(at_ms * NS_PER_MS)
    if at_ns < last_ns:
        got = f"got {at_ms} after {_milliseconds(last_ns)}"
        message = f"expected {what} not before the last segment, {got}"
        with node.mistakes:
            raise InputError(message, at=node.at("at_ms"))
    return at_ns


# --- writing ----------------------------------------------------------------------

_ESCAPED = re.compile(
    '["\\\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]'
)
_SHORT = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
# Text that needs no quotes for any YAML reader, in a flow list either.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_NO_TEXT = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def _write(cassette: Cassette) -> Iterator[str]:
    yield f"format: {FORMAT}"
    yield f"recorded: {{{', '.join(_recorded(cassette.recorded))}}}"
    yield f"tags: {_flow(cassette.tags)}"
    if cassette.reconstructed:
        yield f"reconstructed: {_flow(cassette.reconstructed)}"
    yield "interactions:"
    for interaction in cassette.interactions:
        yield f"- request: {_request(interaction.request)}"
        if interaction.notes:
            yield f"  notes: {_flow(interaction.notes)}"
        yield "  response:"
        for line in _response(interaction.response):
            yield f"    {line}"


def _recorded(recorded: Recorded) -> Iterator[str]:
    if recorded.at is not None:
        yield f"at: {_quoted(recorded.at)}"
    yield f"by: {_quoted(recorded.by)}"
    if recorded.upstream is not None:
        yield f"upstream: {_quoted(recorded.upstream)}"


def _request(request: Request) -> str:
    return (
        f"{{method: {_scalar(request.method)}, path: {_scalar(request.path)}, "
        f"headers: {_headers(request.headers)}, body: {{{_bytes(request.body)}}}}}"
    )


def _response(response: Response) -> Iterator[str]:
    yield f"status: {response.status}"
    yield f"http_version: {response.http_version}"
    yield f"headers: {_headers(response.headers)}"
    yield "segments:" if response.segments else "segments: []"
    last_ns = 0
    for segment in response.segments:
        at_ms = _time(segment.at_ns, last_ns)
        last_ns = segment.at_ns
        yield f"- {{at_ms: {at_ms}, {_bytes(segment.data)}}}"
    ending = response.ending
    yield f"ending: {{at_ms: {_time(ending.at_ns, last_ns)}, kind: {ending.kind}}}"


def _headers(headers: Headers) -> str:
    for name, value in headers:
        (name + value).encode("latin-1")  # one byte each; its error is a ValueError
    return f"[{', '.join(map(_flow, headers))}]"


def _flow(items: Iterable[str]) -> str:
    return f"[{', '.join(map(_scalar, items))}]"


def _bytes(data: bytes) -> str:
    try:
        return f"text: {_quoted(data.decode())}"
    except UnicodeDecodeError:
        return f'base64: "{base64.b64encode(data).decode()}"'


def _time(at_ns: int, last_ns: int) -> str:
    if not last_ns <= at_ns <= AT_NS_MAX:
        raise ValueError(
            f"a time is between the one before it ({last_ns} ns) and {AT_NS_MAX} ns, "
            f"got {at_ns} ns"
        )
    return _milliseconds(at_ns)


def _milliseconds(at_ns: int) -> str:
    whole, rest = divmod(at_ns, NS_PER_MS)
    return f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT.get(character) or f"\\u{ord(character):04X}"
