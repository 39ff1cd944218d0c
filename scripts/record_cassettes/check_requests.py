"""Check that the servers stream the scripted answers, word for word.

Run it after ``build_model.py`` and before recording::

    python check_requests.py [SERVER ...]

For every request it prints the number of events and of reads, the time to the
first event and the gaps between reads. It ends with 1 if an answer differs.
"""

from __future__ import annotations

import http.client
import itertools
import json
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from conversations import Answer, load_conversations, parse_answer
from servers import SERVERS, Request, load_requests, serving, versions

__all__ = ["find_fault", "main"]


@dataclass(slots=True)
class Choice:
    """One choice of an answer, assembled from its deltas."""

    content: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    calls: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    arguments: dict[int, str] = field(default_factory=lambda: defaultdict(str))

    def add(self, delta: dict[str, Any]) -> None:
        """Append a delta; a whole message is one big delta."""
        self.content += delta.get("content") or ""
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        self.reasoning += thought or ""
        for call in delta.get("tool_calls") or []:
            if "name" in call["function"]:
                self.calls[call["index"]].append(call["function"]["name"])
            self.arguments[call["index"]] += call["function"]["arguments"]

    def means(self, answer: Answer, raw: str, *, parsed: bool) -> bool:
        """Tell whether this is the scripted answer.

        White space at the borders of reasoning and tool calls is the server's
        choice; one that does not parse them sends the raw text.
        """
        if not parsed or self.content.startswith("<think>"):
            return raw == self.content
        calls = tuple(
            ("".join(self.calls[index]), json.loads(self.arguments[index]))
            for index in sorted(self.calls)
        )
        return (
            answer.content.strip() == self.content.strip()
            and answer.reasoning == self.reasoning.strip()
            and answer.tool_calls == calls
        )


def read_answer(url: str, request: Request) -> tuple[int, bytes, list[float]]:
    """Send a request; return status, body and the times of the reads in ms."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request(
        "POST",
        request.path,
        json.dumps(request.body).encode(),
        {"content-type": "application/json"},
    )
    started = time.monotonic_ns()
    response = connection.getresponse()
    body, times = b"", []
    while piece := response.read1():
        times.append((time.monotonic_ns() - started) / 1e6)
        body += piece
    connection.close()
    return response.status, body, times


def assemble(body: bytes) -> list[Choice]:
    """Assemble the choices of a stream, or of a whole answer."""
    if body.startswith(b"{"):
        payloads = [json.loads(body)]
    else:
        lines = [line for line in body.split(b"\n") if line.startswith(b"data: {")]
        payloads = [json.loads(line.removeprefix(b"data: ")) for line in lines]
    choices: dict[int, Choice] = defaultdict(Choice)
    for payload in payloads:
        for part in payload["choices"]:
            choice = choices[part["index"]]
            choice.add(part.get("delta") or part.get("message") or {})
            choice.finish_reason = part.get("finish_reason") or choice.finish_reason
    return [choices[index] for index in sorted(choices)]


def find_fault(request: Request, status: int, body: bytes) -> str | None:
    """Return the difference of an answer from its script, None if there is none."""
    if status != request.status:
        return f"status {status}: {body[:200]!r}"
    if status != 200:
        return None
    choices = assemble(body)
    if len(choices) != request.body.get("n", 1):
        return f"{len(choices)} choices"
    for choice in choices:
        if choice.finish_reason != request.finish_reason:
            return f"finish_reason {choice.finish_reason}"
        if request.starts is not None:
            good = choice.content.startswith(request.starts)
        else:
            assert request.conversation is not None
            good = any(
                choice.means(
                    parse_answer(raw), raw, parsed=request.server != "transformers"
                )
                for raw in load_conversations()[request.conversation].answers
            )
        if not good:
            return f"another answer: {choice}"
    return None


def check(url: str, request: Request) -> bool:
    """Send one request, print the result, tell whether it was right."""
    status, body, times = read_answer(url, request)
    fault = find_fault(request, status, body)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    print(
        f"{'ok' if fault is None else 'BAD':4}{request.name:34}"
        f"{body.count(b'data: '):5} events{len(times):5} reads"
        f"{times[0]:8.1f} ms to the first"
        f"{statistics.median(gaps) if gaps else 0:7.2f} ms median gap"
        f"{max(gaps, default=0):7.2f} longest  {fault or ''}",
        flush=True,
    )
    return fault is None


def main(names: list[str]) -> int:
    """Check the named servers, all by default; return the exit code."""
    good = True
    for name in names or SERVERS:
        print(name, versions(name))
        with serving(name) as server:
            for request in load_requests():
                # Answers that are broken off are checked by record.py.
                if request.server == name and not request.is_broken_off:
                    good = check(server.url, request) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
