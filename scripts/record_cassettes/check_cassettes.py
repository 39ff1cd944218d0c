"""Check that the recordings of ``record.py`` match ``requests.yaml``.

It needs no server, and reads only the folders that are named like one::

    python check_cassettes.py [FOLDER]

Every cassette must hold the request as written, the scripted answer, its own times, and
nothing about the machine that it was recorded on. The exit code is 1 if one does not,
is missing, or belongs to no request.
"""

from __future__ import annotations

import json
import platform
import re
import socket
import sys
from pathlib import Path

from check_requests import find_fault
from servers import SERVERS, Request, load_requests

from harness.cassette.codec import dump_cassette
from harness.cassette.files import find_cassettes, read_cassette
from harness.cassette.model import Cassette, EndingKind
from harness.cassette.model import Request as Sent
from harness.errors import InputError

__all__ = ["FOLDER", "find_flaw", "main", "to_send"]

FOLDER = Path(__file__).resolve().parents[2] / "cassettes"
"""Where the recordings of this project are."""

_MACHINE = re.compile(
    r"127\.0\.0\.1|\[::1\]"
    r"|/(?:Users|etc|home|mnt|opt|private|root|srv|tmp|usr|var|work)/"
    r"|(?i:authorization|api[-_]key|cookie|bearer )"
)


def to_send(request: Request) -> Sent:
    """Return a request as sent, with JSON formatted as OpenAI's client does."""
    body = json.dumps(request.body, ensure_ascii=False, separators=(",", ":"))
    return Sent(
        method="POST",
        path=request.path,
        headers=(("content-type", "application/json"),),
        body=body.encode(),
    )


def find_flaw(cassette: Cassette, request: Request) -> str | None:
    """Return why this is not a recording of the request's answer, None if it is."""
    (interaction,) = cassette.interactions
    response = interaction.response
    if interaction.request != to_send(request):
        return "the request differs from requests.yaml"
    if response.ending.kind is not _ending(request):
        return f"the ending is {response.ending.kind.value}"
    if not response.segments or response.segments[0].at_ns <= 0:
        return "no time at which the answer began"
    body = response.body
    if request.is_broken_off:
        body = body[: body.rfind(b"\n\n") + 2]  # its last event is incomplete JSON
    try:
        fault = find_fault(request, response.status, body)
    except json.JSONDecodeError as error:
        return f"a chunk or the arguments of a tool are not JSON: {error}"
    return fault or _find_machine(cassette)


def _ending(request: Request) -> EndingKind:
    if request.kill_after_ms is not None:
        return EndingKind.TRUNCATED
    if request.leave_after_events is not None:
        return EndingKind.CLIENT_CLOSED
    return EndingKind.COMPLETE


def _find_machine(cassette: Cassette) -> str | None:
    text = dump_cassette(cassette)
    if match := _MACHINE.search(text):
        return f"contains {text[max(0, match.start() - 20) : match.end() + 20]!r}"
    names = {socket.gethostname(), platform.release(), str(Path.home())}
    for name in names - {"", "/"}:
        # As a word: a host may be called "vm", and an id may contain these letters.
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            return f"contains {name!r}"
    return None


def main(folder: Path) -> int:
    """Check the cassettes in a folder; return the exit code."""
    requests = {request.name: request for request in load_requests()}
    good = True
    for path in find_cassettes(folder / server for server in SERVERS):
        name = path.relative_to(folder).with_suffix("").as_posix()
        request = requests.pop(name, None)
        try:
            cassette = read_cassette(path)
        except InputError as error:
            flaw: str | None = str(error)
        else:
            flaw = find_flaw(cassette, request) if request else "no such request"
        good = good and flaw is None
        print(f"{'ok' if flaw is None else 'BAD':4}{name:34}{flaw or ''}".rstrip())
    for name in requests:
        good = False
        print(f"BAD {name:34}not recorded")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
