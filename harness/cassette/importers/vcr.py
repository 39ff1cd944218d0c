"""Cassettes from those of VCR.py, in YAML or JSON.

They have requests, response heads and whole bodies; neither borders nor times, and
nothing at all of a broken stream. Bodies are text, binary YAML, or in the
form that httpx recordings had before version 6 (``status_code`` and ``content``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from harness.cassette.http_message import check_headers, read_text
from harness.cassette.importers.imported import (
    ImportedFile,
    ImportedInteraction,
    split_url,
)
from harness.cassette.importers.reconstruction import (
    ReconstructionOptions,
    SourceResponse,
    reconstruct,
)
from harness.cassette.model import Headers, Interaction, Request
from harness.documents.json_document import load_json
from harness.documents.node import Node, Origin
from harness.documents.schema_errors import shown
from harness.errors import InputError
from harness.printable import cut

__all__ = ["import_vcr"]

_BINARY = "tag:yaml.org,2002:binary"
_DEPTH_MAX = 100
_ALIASES_MAX = 10_000
_SIZE_MAX = 512 * 1024 * 1024
_HEADER_SIZE = 100


def import_vcr(data: bytes, *, source: str, how: ReconstructionOptions) -> ImportedFile:
    """Read a cassette of VCR.py.

    Args:
        data: The file.
        source: Its name, for messages.
        how: How to invent borders and times.

    Raises:
        InputError: It is neither YAML nor JSON, has tags that name Python objects, or
            is not such a cassette.
    """
    is_json = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    root = load_json(data, source=source) if is_json else _load_yaml(data, source)
    if isinstance(root.value, dict) and "http_interactions" in root.value:
        message = "expected a cassette of VCR.py, got one of Ruby's VCR"
        raise InputError(message, at=root.at("http_interactions"))
    root.check(_CASSETTE)
    interactions = []
    size = 0
    for node in root.at("interactions"):
        node.check(_INTERACTION)
        imported = _import_interaction(node, how)
        interactions.append(imported)
        # With aliases a small file can be a huge value.
        size += _size(imported.interaction)
        if size > _SIZE_MAX:
            raise InputError(
                f"the file has more than {_SIZE_MAX} bytes up to here", at=node
            )
    return ImportedFile(interactions=tuple(interactions), program="VCR.py")


def _import_interaction(node: Node, how: ReconstructionOptions) -> ImportedInteraction:
    asked, answered = node.at("request"), node.at("response")
    uri = asked.at("uri")
    try:
        upstream, path = split_url(uri.value)
    except ValueError as error:
        raise InputError(f"expected a URL: {error}", at=uri) from None
    request = Request(
        method=asked.value["method"],
        path=path,
        headers=_headers(asked.at("headers")),
        body=_body(asked.at("body")),
    )
    if "status" in answered.value:
        status, body = answered.value["status"]["code"], answered.at("body")
    else:
        status, body = answered.value["status_code"], answered.at("content")
    response = SourceResponse(
        status=status,
        http_version=str(answered.value.get("http_version", "")),
        headers=_headers(answered.at("headers")),
        body=_body(body),
    )
    interaction = reconstruct(request, response, how)
    return ImportedInteraction(interaction=interaction, at=None, upstream=upstream)


def _body(node: Node) -> bytes:
    if isinstance(node.value, dict) and "string" in node.value:
        node = node.at("string")
    match node.value:
        case None:
            return b""
        case _Binary():
            return node.value.encode("latin-1")
        case str():
            return read_text(node)
    raise InputError(f"expected text or binary, got {shown(node.value)}", at=node)


def _headers(node: Node) -> Headers:
    lines = []
    for name, values in (node.value or {}).items():
        for one in values if isinstance(values, list) else [values]:
            if not isinstance(one, str):
                message = f"expected text, got {shown(one)}"
                raise InputError(message, at=node.at(str(name)))
            lines.append((str(name), str(one)))
    return check_headers(lines, node)


def _size(interaction: Interaction) -> int:
    request, response = interaction.request, interaction.response
    headers = len(request.headers) + len(response.headers)
    return len(request.body) + len(response.body) + headers * _HEADER_SIZE


class _Binary(str):
    """Bytes as latin-1 text, which messages can show."""

    __slots__ = ()


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # either
    """PyYAML's safe loader; dates stay text."""


def _construct_binary(loader: Any, node: yaml.Node) -> _Binary:
    data: bytes = loader.construct_yaml_binary(node)
    return _Binary(data.decode("latin-1"))


def _construct_text(loader: Any, node: yaml.Node) -> str:
    text: str = loader.construct_scalar(node)
    return text


_Loader.add_constructor(_BINARY, _construct_binary)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _construct_text)


def _load_yaml(data: bytes, source: str) -> Node:
    """Return the value of a YAML text, read by PyYAML's safe loader.

    The loader recurses and merges mappings, so a small text can end the process or
    fill the memory: both are refused before it sees the text.
    """
    try:
        text = data.decode("utf-8-sig")
        _check(yaml.parse(text, Loader=_Loader), source)
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"expected UTF-8, got the byte 0x{data[error.start]:02X}"
        raise InputError(message, source=source, line=line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = mark.line + 1 if mark else None
        message = cut(f"not YAML: {error.problem}", 200)
        if "nesting depth" in message:
            # A limit of newer versions of libyaml, which looks ahead of the events.
            message = f"nested deeper than {_DEPTH_MAX} levels"
        raise InputError(message, source=source, line=at) from None
    except (yaml.YAMLError, ValueError) as error:  # a wrong number or date
        raise InputError(cut(f"not YAML: {error}", 200), source=source) from None
    return Node(value, Origin(source))


def _check(events: Iterator[yaml.Event], source: str) -> None:
    depth = aliases = 0
    for event in events:
        mark = event.start_mark
        here = Node(None, Origin(source, mark.line + 1 if mark else None))
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            continue
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH_MAX:
                raise InputError(f"nested deeper than {_DEPTH_MAX} levels", at=here)
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            if aliases > _ALIASES_MAX:
                raise InputError(f"more than {_ALIASES_MAX} aliases (*name)", at=here)
            continue
        elif not isinstance(event, yaml.ScalarEvent):
            continue
        elif event.value == "<<" and event.implicit[0]:
            raise InputError(
                "merge keys (<<) are not supported: write the value out", at=here
            )
        if event.tag is not None and event.tag != _BINARY:
            message = (
                f"tags other than !!binary are not supported, got {shown(event.tag)}"
            )
            raise InputError(message, at=here)


_CASSETTE = Draft202012Validator(
    {
        "description": "a cassette of VCR.py",
        "type": "object",
        "required": ["interactions"],
        "properties": {"interactions": {"type": "array"}, "version": {"const": 1}},
    }
)
_STATUS = {"type": "integer", "minimum": 100, "maximum": 999}
_HEADERS = {"type": ["object", "null"]}
_INTERACTION = Draft202012Validator(
    {
        "type": "object",
        "required": ["request", "response"],
        "properties": {
            "request": {
                "type": "object",
                "required": ["method", "uri"],
                "properties": {
                    "method": {
                        "description": "a method such as POST",
                        "type": "string",
                        "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
                    },
                    "uri": {"type": "string", "minLength": 1},
                    "headers": _HEADERS,
                },
            },
            "response": {
                "type": "object",
                "properties": {
                    "status": {
                        "type": "object",
                        "required": ["code"],
                        "properties": {"code": _STATUS},
                    },
                    "status_code": _STATUS,
                    "headers": _HEADERS,
                },
                "anyOf": [
                    {"required": ["status", "body"]},
                    {"required": ["status_code", "content"]},
                ],
            },
        },
    }
)
