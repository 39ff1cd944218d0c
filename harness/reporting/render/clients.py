"""What clients see: the answers of a run as models of two SDKs take them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["client_rows"]


def client_rows(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return headers and a row for each target and client; no rows: nothing was seen.

    *Worse* counts answers that the client takes worse than the upstream's own;
    *differ* those that the two clients of a target do not take alike.
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
