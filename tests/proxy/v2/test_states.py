from __future__ import annotations

import itertools

import pytest

from proxy.v2.states import (
    TRANSITIONS,
    IllegalTransitionError,
    Occurrence,
    State,
    step,
)

EXPECTED = {
    (State.INITIAL, Occurrence.OPENING): State.STUTTERING,
    (State.INITIAL, Occurrence.FLOWING): State.NORMAL_FLOW,
    (State.INITIAL, Occurrence.BROKEN): State.RECOVERING,
    (State.INITIAL, Occurrence.ENDED): State.TERMINATING,
    (State.STUTTERING, Occurrence.OPENING): State.STUTTERING,
    (State.STUTTERING, Occurrence.FLOWING): State.NORMAL_FLOW,
    (State.STUTTERING, Occurrence.BROKEN): State.RECOVERING,
    (State.STUTTERING, Occurrence.ENDED): State.TERMINATING,
    (State.NORMAL_FLOW, Occurrence.OPENING): State.STUTTERING,
    (State.NORMAL_FLOW, Occurrence.FLOWING): State.NORMAL_FLOW,
    (State.NORMAL_FLOW, Occurrence.BROKEN): State.RECOVERING,
    (State.NORMAL_FLOW, Occurrence.ENDED): State.TERMINATING,
    (State.RECOVERING, Occurrence.OPENING): State.STUTTERING,
    (State.RECOVERING, Occurrence.FLOWING): State.NORMAL_FLOW,
    (State.RECOVERING, Occurrence.BROKEN): State.RECOVERING,
    (State.RECOVERING, Occurrence.ENDED): State.TERMINATING,
}


@pytest.mark.parametrize(
    ("state", "occurrence"), list(itertools.product(State, Occurrence))
)
def test_every_pair_leads_on_or_is_an_error(state, occurrence):
    """Each pair of state and occurrence has one successor, or raises."""
    expected = EXPECTED.get((state, occurrence))

    if expected is None:
        with pytest.raises(IllegalTransitionError, match=occurrence.value):
            step(state, occurrence)
    else:
        assert expected is step(state, occurrence)


def test_nothing_leads_out_of_terminating():
    """Every state has a row, and the last one's is empty."""
    assert set(State) == set(TRANSITIONS)
    assert not TRANSITIONS[State.TERMINATING]


def test_states_have_the_words_of_the_log_lines():
    """Operators search for these words."""
    words = ["Initial", "Stuttering", "NormalFlow", "Recovering", "Terminating"]

    assert words == [state.value for state in State]
