"""``harness show``: a readable timeline of a recording."""

from __future__ import annotations

import json
import os
import re
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from harness.cassette.files import read_cassette
from harness.cassette.model import (
    Cassette,
    EndingKind,
    Interaction,
    Response,
    Segment,
)
from harness.cli.describe import clip, describe, describe_comment, describe_usage
from harness.dialects.interface import Dialect
from harness.dialects.message import Choice, Message
from harness.dialects.payload import Payload
from harness.dialects.registry import OPENAI_CHAT, dialect_at
from harness.printable import excerpt, printable, short_escape
from harness.sse import Comment, EventStreamParser, ServerSentEvent, is_event_stream
from harness.units import NS_PER_MS

__all__ = ["show"]

_EXAMPLES = """\b
Examples:
  harness show cassettes/short-answer.yaml
  harness show cassettes/short-answer.yaml --events | grep finish
  harness show cassettes/cut.yaml --raw       # the bytes of every segment
"""

_VIOLATIONS_MAX = 20
_BAD = re.compile(r"(?:^|; |^\d+: )(?:malformed|error)\b")

_ENDINGS = {
    EndingKind.COMPLETE: "complete",
    EndingKind.TRUNCATED: "truncated: closed before the end of the body",
    EndingKind.RESET: "reset by the upstream",
    EndingKind.TIMEOUT: "timeout: the upstream fell silent",
    EndingKind.CLIENT_CLOSED: "the client left",
    EndingKind.RECORDER_STOPPED: "the recorder was stopped",
}


@click.command(epilog=_EXAMPLES)
@click.argument("cassette", type=click.Path(path_type=Path))
@click.option("--events", is_flag=True, help="One line for each event, not segment.")
@click.option("--raw", is_flag=True, help="The bytes themselves, escaped and whole.")
def show(*, cassette: Path, events: bool, raw: bool) -> None:
    """Show when a recording's bytes arrived, and what they say.

    Times count from the end of the request. Control characters are escaped.
    """
    held = read_cassette(cassette)
    width = shutil.get_terminal_size().columns
    # click leaves colours out if the output is no terminal.
    color = False if os.environ.get("NO_COLOR") else None
    for line in _lines(held, str(cassette), events=events, raw=raw):
        text = line.text if line.whole else clip(line.text, width)
        click.echo(click.style(text, **line.style), color=color)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of output; ``whole`` if it must not be cut at the terminal's edge."""

    text: str
    style: dict[str, Any]
    whole: bool = False


def _plain(text: str = "", *, whole: bool = False) -> _Line:
    return _Line(text, {}, whole)


def _field(name: str, value: str, **style: Any) -> Iterator[_Line]:
    text = printable(value, short_escape)
    for part in textwrap.wrap(text, 68, break_on_hyphens=False) or [""]:
        yield _Line(f"{name:<11}{part}".rstrip(), style, whole=True)
        name = ""


def _lines(held: Cassette, name: str, *, events: bool, raw: bool) -> Iterator[_Line]:
    yield _plain(f"cassette   {printable(name, short_escape)}", whole=True)
    recorded = held.recorded
    origin = [recorded.at, f"by {recorded.by}"]
    origin += [f"from {recorded.upstream}"] if recorded.upstream else []
    yield from _field("recorded", " ".join(part for part in origin if part))
    if held.tags:
        yield from _field("tags", ", ".join(held.tags))
    if held.reconstructed:
        yield from _field("invented", ", ".join(held.reconstructed))
    count = len(held.interactions)
    for number, interaction in enumerate(held.interactions, start=1):
        yield _plain()
        if count > 1:
            yield _Line(f"interaction {number} of {count}", {"bold": True})
        yield from _interaction_lines(interaction, events=events, raw=raw)


def _interaction_lines(
    interaction: Interaction, *, events: bool, raw: bool
) -> Iterator[_Line]:
    yield from _field("request", _describe_request(interaction))
    for note in interaction.notes:
        yield from _field("note", note, fg="yellow")
    response = interaction.response
    kind = response.header("content-type") or "no content type"
    framing = response.framing.value.replace("_", "-")
    head = f"{response.status} {response.http_version}, {framing}, {kind}"
    coding = response.header("content-encoding")
    yield from _field("response", head + (f", coded {coding}" if coding else ""))
    yield _plain()
    what = "event" if events else "segment"
    yield _Line(f"{'ms':>12}{'gap':>11}{'bytes':>8}  {what}", {"bold": True})
    dialect = dialect_at(interaction.request.path) or OPENAI_CHAT
    reading = _ResponseReader(response, dialect)
    yield from reading.timeline(events=events, raw=raw)
    yield _plain()
    yield from reading.summary()


def _describe_request(interaction: Interaction) -> str:
    request = interaction.request
    words = [f"{request.method} {request.path}", f"{len(request.body)} bytes"]
    try:
        asked = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        asked = None
    if isinstance(asked, dict):
        if isinstance(asked.get("model"), str):
            words.append(f"model {asked['model']}")
        if asked.get("stream") is True:
            words.append("streamed")
    return ", ".join(words)


class _ResponseReader:
    """Reads a response once, line by line, and keeps what the summary needs."""

    def __init__(self, response: Response, dialect: Dialect) -> None:
        kind = response.header("content-type")
        self._response = response
        self._is_stream = (not kind or is_event_stream(kind, anywhere=True)) and (
            response.header("content-encoding") is None
        )
        self._parser = EventStreamParser()
        self._dialect = dialect
        self._assembler = dialect.assembler()
        self._payloads: list[tuple[str, Payload]] = []
        self._comments = 0
        self._last_ns: int | None = None
        self._longest_ns = 0

    def timeline(self, *, events: bool, raw: bool) -> Iterator[_Line]:
        """Yield a line for each segment or event, and one for the ending."""
        events = events and self._is_stream
        body = self._response.body if events and raw else b""
        for segment in self._response.segments:
            found = self._parser.feed(segment.data) if self._is_stream else []
            words = [self._feed(item) for item in found]
            if not events:
                said = _shown_bytes(segment.data) if raw else ""
                text = said or self._describe_segment(segment, words)
                yield self._row(segment.at_ns, len(segment.data), text, whole=raw)
                continue
            for item, text in zip(found, words, strict=True):
                said = _shown_bytes(body[item.start : item.end]) if raw else text
                yield self._row(segment.at_ns, item.end - item.start, said, whole=raw)
        self._parser.close()
        ending = self._response.ending
        style = {} if ending.kind is EndingKind.COMPLETE else {"fg": "red"}
        rest = len(self._parser.pending)
        note = f"; {rest} bytes begin an event that never ends" if rest else ""
        row = self._row(ending.at_ns, None, _ENDINGS[ending.kind] + note)
        yield _Line(row.text, style)

    def summary(self) -> Iterator[_Line]:
        """Yield the summary; to be called after the timeline."""
        segments = self._response.segments
        size = sum(len(segment.data) for segment in segments)
        yield from _field("body", f"{size} bytes in {len(segments)} segments")
        if segments:
            first, gap = _ms(segments[0].at_ns), _ms(self._longest_ns)
            yield from _field("timing", f"first byte at {first}, longest gap {gap} ms")
        if not self._is_stream:
            yield from _field("", "not read as an event stream")
            return
        comments = f", {self._comments} comments" if self._comments else ""
        yield from _field("stream", f"{len(self._payloads)} events{comments}")
        kinds = Counter(found.kind.value for found in self._parser.deviations)
        if kinds:
            counts = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
            yield from _field("notable", counts)
        violations = self._dialect.check(self._payloads)
        for broken in violations[:_VIOLATIONS_MAX]:
            text = f"{broken.rule} at event {broken.index}: {broken.detail}"
            yield from _field("grammar", text, fg="yellow")
        if len(violations) > _VIOLATIONS_MAX:
            yield from _field(
                "grammar", f"and {len(violations) - _VIOLATIONS_MAX} more"
            )
        yield from _message_lines(self._assembler.message(), self._dialect)

    def _feed(self, item: ServerSentEvent | Comment) -> str:
        if isinstance(item, Comment):
            self._comments += 1
            return describe_comment(item)
        payload = self._dialect.read(item.data, item.event)
        self._payloads.append((item.data, payload))
        self._assembler.feed(payload)
        return describe(item, payload, self._dialect)

    def _describe_segment(self, segment: Segment, words: list[str]) -> str:
        pending = len(self._parser.pending)
        if pending:
            words = [*words, f"({pending} bytes of the next)"]
        if not words:
            return excerpt(segment.data.decode(errors="backslashreplace"))
        count = f"{len(words)}: " if len(words) > 1 else ""
        return count + "; ".join(words)

    def _row(
        self, at_ns: int, size: int | None, text: str, *, whole: bool = False
    ) -> _Line:
        gap = ""
        if self._last_ns is not None:
            gap = _ms(at_ns - self._last_ns)
            if size is not None:
                self._longest_ns = max(self._longest_ns, at_ns - self._last_ns)
        self._last_ns = at_ns
        bad = not whole and _BAD.search(text)
        style = {"fg": "red"} if bad else {}
        count = "" if size is None else str(size)
        row = f"{_ms(at_ns):>12}{gap:>11}{count:>8}  {text}"
        return _Line(row.rstrip(), style, whole)


def _message_lines(message: Message, dialect: Dialect) -> Iterator[_Line]:
    for choice in message.choices:
        yield _plain()
        ending = printable(choice.finish_reason or "no finish_reason", short_escape)
        role = printable(choice.role or "no role", short_escape)
        title = f"choice {choice.index}: {role}, {ending}"
        yield _Line(title, {"bold": True})
        yield from _choice_lines(choice)
    yield _plain()
    if message.usage is not None:
        yield _plain(describe_usage(message.usage, dialect))
    for error in message.errors:
        text = error if isinstance(error, str) else json.dumps(error)
        yield _Line(f"error {excerpt(text)}", {"fg": "red"})
    if message.malformed:
        yield _Line(f"{message.malformed} malformed", {"fg": "red"})
    yield _plain(dialect.end if message.done else f"no {dialect.end}")


def _choice_lines(choice: Choice) -> Iterator[_Line]:
    texts = {
        "reasoning": choice.reasoning,
        "refusal": choice.refusal,
        "content": choice.content,
    }
    texts |= {
        f"tool {call.index}: {call.name}, id {call.id or 'none'}": call.arguments
        for call in choice.tool_calls
    }
    for name, text in texts.items():
        if text or name.startswith("tool"):
            yield _plain(f"  {printable(name, short_escape)} ({len(text)} characters)")
            for line in text.splitlines():
                for part in textwrap.wrap(printable(line, short_escape), 74) or [""]:
                    yield _plain(f"    {part}".rstrip(), whole=True)


def _shown_bytes(data: bytes) -> str:
    return printable(data.decode(errors="backslashreplace"), short_escape)


def _ms(at_ns: int) -> str:
    return f"{at_ns / NS_PER_MS:.3f}"
