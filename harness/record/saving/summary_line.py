"""The line and the name of a finished recording."""

from __future__ import annotations

from urllib.parse import urlsplit

from harness.cassette.content_coding import CodingError, codings_of, decode_body
from harness.cassette.model import Interaction, Response
from harness.dialects.registry import dialect_at
from harness.printable import printable, python_escape
from harness.record.recording import RecordingStart
from harness.record.selection import model_of
from harness.sse import is_event_stream, parse
from harness.units import NS_PER_S

__all__ = ["count_events", "dialect_tags", "name_values", "summary_line"]


def summary_line(interaction: Interaction, size: int) -> str:
    """Return a line with path, model, events, bytes, duration and ending.

    Args:
        interaction: Redacted, as saved.
        size: Bytes of the body, kept or not.
    """
    request, response = interaction.request, interaction.response
    model = model_of(request.path, request.body)
    events = count_events(response)
    words = [f"{size} bytes", f"{response.ending.at_ns / NS_PER_S:.3f} s"]
    if events is not None:
        words.insert(0, f"{events} event{'' if events == 1 else 's'}")
    if response.status != 200:
        words.insert(0, f"status {response.status}")
    what = " ".join(
        part for part in (request.method, request.path, model) if part is not None
    )
    line = f"{what}: {', '.join(words)}, {response.ending.kind}"
    return printable(line, python_escape)


def count_events(response: Response) -> int | None:
    """Return the number of events of a body; None: it cannot be read as events."""
    if not is_event_stream(response.header("content-type")):
        return None
    try:
        body = decode_body(response.body, codings_of(response.headers))
    except CodingError:
        return None
    return len(parse(body).events)


def name_values(
    start: RecordingStart, interaction: Interaction, number: int
) -> dict[str, str | None]:
    """Return the values for a name template; none of them is a secret.

    Args:
        start: Gives time and upstream.
        interaction: Redacted, as saved.
        number: Of the recording.
    """
    request, response = interaction.request, interaction.response
    date, _, clock = start.at.partition("T")
    seconds = clock.partition(".")[0].removesuffix("Z").replace(":", "")
    return {
        "date": date,
        "time": f"{date.replace('-', '')}T{seconds}Z",
        "number": f"{number:04}",
        "method": request.method,
        "host": urlsplit(start.upstream).hostname,
        "path": request.path.partition("?")[0].strip("/"),
        "model": model_of(request.path, request.body),
        "status": str(response.status),
        "ending": response.ending.kind.value,
    }


def dialect_tags(path: str) -> tuple[str, ...]:
    """Return the tag of a path's dialect, if it is known and can be read in full."""
    dialect = dialect_at(path)
    return (dialect.name,) if dialect and dialect.is_complete else ()
