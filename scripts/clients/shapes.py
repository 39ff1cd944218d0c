"""Reads the shapes of the tables in ``tests/data/clients`` as scripts to play.

A shape is a scenario with two more facts: the answer that the server meant, and the
readings of official SDKs without a proxy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.cassette.model import Cassette
from harness.documents.node import Node
from harness.documents.yaml_document import Document, load
from harness.errors import InputError
from harness.scenario.parse.scenario import parse_scenario
from harness.scenario.script import Script, make_script
from scripts.clients.reading import TIMEOUT, Meant, Reading

__all__ = ["TABLES", "Shape", "read_shapes"]

TABLES = Path(__file__).parents[2] / "tests" / "data" / "clients"

_ITL_MS = 2.0
_SCENARIO_KEYS = ("headers", "framing", "ending", "status", "itl_ms", "faults")
_CHUNK_KEYS = frozenset({"role", "text", "finish", "delta", "calls", "id", "times"})
_HELLO = {"text": "Hello 你好 world", "finish": "stop"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape of an answer on the wire.

    Attributes:
        name: As in the table.
        what: A description for people.
        script: For the upstream.
        meant: The answer that the server meant.
        meant_by: The same for an SDK that splits what others join.
        directly: By SDK, its reading without a proxy.
        excused: By SDK, the reason why it may do worse through a proxy.
    """

    name: str
    what: str
    script: Script
    meant: Meant
    meant_by: Mapping[str, Meant] = field(default_factory=dict)
    directly: Mapping[str, Reading]
    excused: Mapping[str, str] = field(default_factory=dict)

    @property
    def hangs(self) -> bool:
        """Whether the table has a client that gives up on it."""
        return any(reading.error == TIMEOUT for reading in self.directly.values())

    def meant_for(self, sdk: str) -> Meant:
        """Return the answer that the server meant, as an SDK would split it."""
        return self.meant_by.get(sdk, self.meant)


def read_shapes(path: Path) -> list[Shape]:
    """Read a table.

    Args:
        path: One of the files in `TABLES`.

    Raises:
        InputError: A shape is not a scenario, or one of its faults does not fit.
    """
    table = load(path.read_text(encoding="utf-8"), source=path.name).value
    return [_shape(path, table, entry) for entry in table["shapes"]]


def _no_cassette(name: Node) -> Cassette:
    raise InputError("a shape has a stream, not a cassette", at=name)


def _shape(path: Path, table: Mapping[str, Any], entry: Mapping[str, Any]) -> Shape:
    name = entry["shape"]
    scenario = {
        "scenario": f"clients/{name.replace('_', '-')}",
        "why": entry["what"],
        "stream": [_event(event) for event in _answer(table, entry)],
        "itl_ms": _ITL_MS,
        **{key: entry[key] for key in _SCENARIO_KEYS if key in entry},
    }
    text = json.dumps(scenario)
    root = Node(scenario, Document(source=f"{path.name}: {name}", text=text))
    today = datetime.now(UTC).date()
    parsed = parse_scenario(root, find_cassette=_no_cassette, today=today)
    meant = _meant(entry.get("meant", table.get("meant", _HELLO)), entry)
    meant_by = {
        sdk: _meant(told, entry) for sdk, told in entry.get("meant_by", {}).items()
    }
    return Shape(
        name=name,
        what=entry["what"],
        script=make_script(replace(parsed, source=root.source), seed=0),
        meant=meant,
        meant_by=meant_by,
        directly={sdk: _reading(told) for sdk, told in entry["directly"].items()},
        excused=entry.get("excused", {}),
    )


def _answer(table: Mapping[str, Any], entry: Mapping[str, Any]) -> Sequence[Any]:
    answers: Mapping[str, Sequence[Any]] = table["answers"]
    match entry.get("answer", "hello"):
        case str(name):
            return answers[name]
        case {"first": count, "then": events}:
            return [*answers["hello"][:count], *events]
        case events:
            return list(events)


def _meant(told: Mapping[str, Any], entry: Mapping[str, Any]) -> Meant:
    reading = _reading(told)
    return Meant(
        text=reading.text,
        finish=reading.finish,
        tools=reading.tools,
        whole=entry.get("whole", True),
        says=entry.get("says"),
    )


def _reading(told: Mapping[str, Any]) -> Reading:
    return Reading(
        text=told.get("text", "") * told.get("times", 1),
        finish=told.get("finish"),
        tools=dict(told.get("tools", {})),
        error=told.get("error"),
    )


def _event(event: Any) -> Any:
    if not isinstance(event, dict):
        return event
    if "type" in event:  # Anthropic's events repeat their name in the data.
        return {"event": event["type"], "json": event}
    if not _CHUNK_KEYS.issuperset(event):
        return event
    return {"data": _chunk(event)}


def _chunk(event: Mapping[str, Any]) -> str:
    delta = dict(event.get("delta", {}))
    if "role" in event:
        delta |= {"role": event["role"], "content": ""}
    if "text" in event:
        delta["content"] = event["text"] * event.get("times", 1)
    if "calls" in event:
        delta["tool_calls"] = event["calls"]
    choices: Sequence[Any] = [
        {"index": 0, "delta": delta, "finish_reason": event.get("finish")}
    ]
    chunk = {
        "id": event.get("id", "chatcmpl-shape"),
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "shape",
        "choices": choices,
    }
    return json.dumps(chunk, ensure_ascii=False, separators=(",", ":"))
