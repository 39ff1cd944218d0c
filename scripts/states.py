"""Draw the state machines of the proxy's new architecture, from the tables that run.

``python -m scripts.states`` writes ``docs/states.md``; a test compares the page with
the tables.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Mapping
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

from tabulate import tabulate

from proxy.v2 import phases, states
from proxy.v2.recovery import breaker

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[1] / "docs" / "states.md"


def page() -> str:
    """Return the page, in Markdown with Mermaid diagrams."""
    parts = [
        "# The state machines of v2",
        "Drawn by `python -m scripts.states` from the tables in `proxy/v2`.",
        "## The text of an answer",
        _rules(states),
        _diagram(states.TRANSITIONS, states.State.INITIAL),
        _table(states.TRANSITIONS, states.State, states.StateTrigger),
        _meanings(states.StateTrigger),
        "Every transition is logged, as `State transition: Initial -> Stuttering`.",
        "## The circuit breaker",
        _rules(breaker),
        _diagram(breaker.TRANSITIONS, breaker.CircuitState.CLOSED),
        _table(breaker.TRANSITIONS, breaker.CircuitState, breaker.CircuitEvent),
        _meanings(breaker.CircuitEvent),
        "## The phases of an exchange",
        _rules(phases),
        _diagram(phases.TRANSITIONS, phases.Phase.READY),
        _table(phases.TRANSITIONS, phases.Phase, phases.PhaseTrigger),
        _meanings(phases.Phase),
        _meanings(phases.PhaseTrigger),
    ]
    return "\n\n".join(parts) + "\n"


def _rules(module: Any) -> str:
    """Return the prose above a table, without its title."""
    _, _, prose = inspect.cleandoc(module.__doc__).partition("\n\n")
    return re.sub(r":\w+:`", "`", prose.replace("``", "`"))


def _diagram(table: Mapping[Any, Mapping[Any, Any]], first: Enum) -> str:
    """Return the transitions as a Mermaid diagram; parallel arrows are joined."""
    arrows: dict[tuple[Enum, Enum], list[str]] = {}
    for state, row in table.items():
        for trigger, follower in row.items():
            arrows.setdefault((state, follower), []).append(trigger.value)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_name(first)}"]
    lines += [
        f"    {_name(state)} --> {_name(follower)}: {', '.join(words)}"
        for (state, follower), words in arrows.items()
    ]
    # An end is a state without a way out.
    lines += [
        f"    {_name(state)} --> [*]"
        for state, row in table.items()
        if set(row.values()) <= {state}
    ]
    return "\n".join([*lines, "```"])


def _name(state: Enum) -> str:
    return str(state.value).replace("-", "_")


def _table(
    table: Mapping[Any, Mapping[Any, Any]], rows: type[Enum], columns: type[Enum]
) -> str:
    """Return the table of all pairs; a dot is a pair that is an error."""
    body = []
    for state in rows:
        followers = (table[state].get(column) for column in columns)
        cells = [follower.value if follower else "." for follower in followers]
        body.append([f"**{state.value}**", *cells])
    headers = ["", *(column.value for column in columns)]
    return tabulate(body, headers, tablefmt="github")


def _meanings(enum: type[Enum]) -> str:
    """Return the meanings of the members: the strings below them in the source."""
    (class_,) = ast.parse(inspect.getsource(enum)).body
    assert isinstance(class_, ast.ClassDef)
    said = []
    for one, follower in pairwise(class_.body):
        match one, follower:
            case (
                ast.Assign(targets=[ast.Name(name)]),
                ast.Expr(ast.Constant(str(words))),
            ):
                said.append(f"- *{enum[name].value}*: {inspect.cleandoc(words)}")
    return "\n".join(said)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")


if __name__ == "__main__":
    main()
