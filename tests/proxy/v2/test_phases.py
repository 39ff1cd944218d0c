from __future__ import annotations

import itertools

import pytest

from proxy.v2.phases import TRANSITIONS, Phase, PhaseTrigger, step
from proxy.v2.states import IllegalTransitionError

AT_ANY_TIME = ["ended", "client_gone", "writable", "timer"]

# The events of the contract that each phase may see.
EVENTS = {
    Phase.READY: ["request"],
    Phase.ASKED: [*AT_ANY_TIME, "head"],
    Phase.WAITING: [*AT_ANY_TIME, "data"],
    Phase.STREAMING: [*AT_ANY_TIME, "data"],
    Phase.PASSING: [*AT_ANY_TIME, "data"],
    Phase.OVER: [*AT_ANY_TIME, "head", "data"],
}

# Where each decision leads.
DECISIONS = {
    (Phase.READY, "attempt"): Phase.ASKED,
    (Phase.READY, "failed"): Phase.OVER,
    (Phase.ASKED, "retry"): Phase.WAITING,
    (Phase.ASKED, "event stream"): Phase.STREAMING,
    (Phase.ASKED, "other answer"): Phase.PASSING,
    (Phase.ASKED, "failed"): Phase.OVER,
    (Phase.WAITING, "attempt"): Phase.ASKED,
    (Phase.WAITING, "failed"): Phase.OVER,
    (Phase.STREAMING, "finished"): Phase.OVER,
    (Phase.STREAMING, "failed"): Phase.OVER,
    (Phase.PASSING, "finished"): Phase.OVER,
    (Phase.PASSING, "failed"): Phase.OVER,
}


@pytest.mark.parametrize(
    ("phase", "trigger"), list(itertools.product(Phase, PhaseTrigger))
)
def test_every_pair_leads_on_or_is_an_error(phase, trigger):
    """A decision moves the phase; events do not, except a client that left."""
    expected = DECISIONS.get((phase, trigger.value))
    if trigger.value in EVENTS[phase]:
        expected = Phase.OVER if trigger is PhaseTrigger.CLIENT_GONE else phase

    if expected is None:
        with pytest.raises(IllegalTransitionError, match=f"{trigger} in phase"):
            step(phase, trigger)
    else:
        assert expected is step(phase, trigger)


def test_every_phase_has_a_row():
    """Pairs that are absent from the table are errors."""
    assert set(Phase) == set(TRANSITIONS)


def test_nothing_leads_out_of_over():
    """Events that still arrive there are late."""
    assert set(TRANSITIONS[Phase.OVER].values()) == {Phase.OVER}


def test_an_event_is_found_by_its_name():
    """The relay looks up what the driver hands in, a plain string."""
    assert "head" in TRANSITIONS[Phase.ASKED]
    assert "data" not in TRANSITIONS[Phase.ASKED]
