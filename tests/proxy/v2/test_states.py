from __future__ import annotations

import itertools

import pytest

from proxy.v2.states import (
    TRANSITIONS,
    IllegalTransitionError,
    State,
    StateTrigger,
    step,
)

EXPECTED = {
    (State.INITIAL, StateTrigger.OPENING): State.STUTTERING,
    (State.INITIAL, StateTrigger.FLOWING): State.NORMAL_FLOW,
    (State.INITIAL, StateTrigger.BROKEN): State.RECOVERING,
    (State.INITIAL, StateTrigger.ENDED): State.TERMINATING,
    (State.STUTTERING, StateTrigger.OPENING): State.STUTTERING,
    (State.STUTTERING, StateTrigger.FLOWING): State.NORMAL_FLOW,
    (State.STUTTERING, StateTrigger.BROKEN): State.RECOVERING,
    (State.STUTTERING, StateTrigger.ENDED): State.TERMINATING,
    (State.NORMAL_FLOW, StateTrigger.OPENING): State.STUTTERING,
    (State.NORMAL_FLOW, StateTrigger.FLOWING): State.NORMAL_FLOW,
    (State.NORMAL_FLOW, StateTrigger.BROKEN): State.RECOVERING,
    (State.NORMAL_FLOW, StateTrigger.ENDED): State.TERMINATING,
    (State.RECOVERING, StateTrigger.OPENING): State.STUTTERING,
    (State.RECOVERING, StateTrigger.FLOWING): State.NORMAL_FLOW,
    (State.RECOVERING, StateTrigger.BROKEN): State.RECOVERING,
    (State.RECOVERING, StateTrigger.ENDED): State.TERMINATING,
}


@pytest.mark.parametrize(
    ("state", "trigger"), list(itertools.product(State, StateTrigger))
)
def test_every_pair_leads_on_or_is_an_error(state, trigger):
    """Each pair of state and trigger has one successor, or raises."""
    expected = EXPECTED.get((state, trigger))

    if expected is None:
        with pytest.raises(IllegalTransitionError, match=trigger.value):
            step(state, trigger)
    else:
        assert expected is step(state, trigger)


def test_nothing_leads_out_of_terminating():
    """Every state has a row, and the last one's is empty."""
    assert set(State) == set(TRANSITIONS)
    assert not TRANSITIONS[State.TERMINATING]


def test_states_have_the_words_of_the_log_lines():
    """Operators search for these words."""
    words = ["Initial", "Stuttering", "NormalFlow", "Recovering", "Terminating"]

    assert words == [state.value for state in State]
