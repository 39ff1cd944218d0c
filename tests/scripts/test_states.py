from __future__ import annotations

from proxy.v2 import phases, states
from proxy.v2.recovery import breaker
from scripts.states import PAGE, page


def test_page_is_what_the_tables_say():
    """A table that changes without its page fails here: python -m scripts.states."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_transition_is_an_arrow():
    """The diagrams leave nothing out."""
    drawn = page()
    for table in (states.TRANSITIONS, breaker.TRANSITIONS, phases.TRANSITIONS):
        for state, row in table.items():
            for trigger, follower in row.items():
                arrow = f"    {state.value} --> {follower.value}: ".replace("-o", "_o")
                lines = [line for line in drawn.splitlines() if line.startswith(arrow)]
                assert trigger.value in "".join(lines)


def test_every_phase_and_every_meaning_is_told():
    """Readers need not open the source."""
    drawn = page()
    for member in (
        *phases.Phase,
        *phases.PhaseTrigger,
        *states.StateTrigger,
        *breaker.CircuitEvent,
    ):
        assert f"- *{member.value}*: " in drawn
