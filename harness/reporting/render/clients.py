"""The table of clients: the answers of a run as models of two SDKs read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["client_rows"]


def client_rows(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return headers and a row for each target and client; no rows: no answers.

    *Worse* counts answers whose result for the client is worse than that of the
    upstream's own answer; *differ* those with different results for the two clients.
    """
    rows = []
    for side in ("baseline", "candidate"):
        seen: dict[str, Counter[str]] = {}
        for clients, worse in _answers(report, side):
            outcomes = {
                (one["error"] is None, one["characters"]) for one in clients.values()
            }
            for name, one in clients.items():
                counts = seen.setdefault(name, Counter())
                counts["error" if one["error"] else "success"] += 1
                counts["differ"] += len(outcomes) > 1
                counts["worse"] += f"{name} client" in worse
        target = report["targets"][side]["name"]
        rows += [
            [target, name, *(str(counts[column]) for column in _COLUMNS)]
            for name, counts in seen.items()
        ]
    return ["target", "client", *_COLUMNS], rows


_COLUMNS = ("success", "error", "worse", "differ")


def _answers(
    report: Mapping[str, Any], side: str
) -> Iterator[tuple[Mapping[str, Any], set[str]]]:
    for scenario in report["scenarios"]:
        for answer in scenario[side]["answers"][:1]:
            worse = {
                violation["where"]
                for violation in answer["violations"]
                if violation["kind"] == "client_worse"
            }
            if answer.get("clients"):
                yield answer["clients"], worse
