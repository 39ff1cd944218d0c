from __future__ import annotations

import itertools

import pytest

from proxy.v2.recovery.breaker import (
    TRANSITIONS,
    BreakerLimits,
    CircuitBreaker,
    CircuitChange,
    CircuitEvent,
    CircuitState,
    IllegalCircuitEventError,
    step,
)

LIMITS = BreakerLimits(max_errors=3, open_ns=100, probe_ns=1000)

EXPECTED = {
    (CircuitState.CLOSED, CircuitEvent.SUCCEEDED): CircuitState.CLOSED,
    (CircuitState.CLOSED, CircuitEvent.FAILED): CircuitState.CLOSED,
    (CircuitState.CLOSED, CircuitEvent.TRIPPED): CircuitState.OPEN,
    (CircuitState.CLOSED, CircuitEvent.ABANDONED): CircuitState.CLOSED,
    (CircuitState.OPEN, CircuitEvent.WAITED): CircuitState.HALF_OPEN,
    (CircuitState.HALF_OPEN, CircuitEvent.SUCCEEDED): CircuitState.CLOSED,
    (CircuitState.HALF_OPEN, CircuitEvent.TRIPPED): CircuitState.OPEN,
    (CircuitState.HALF_OPEN, CircuitEvent.ABANDONED): CircuitState.HALF_OPEN,
}


@pytest.mark.parametrize(
    ("state", "event"), list(itertools.product(CircuitState, CircuitEvent))
)
def test_every_pair_leads_on_or_is_an_error(state, event):
    """Each pair of state and event has one successor, or raises."""
    expected = EXPECTED.get((state, event))

    if expected is None:
        with pytest.raises(IllegalCircuitEventError, match=event.value):
            step(state, event)
    else:
        assert expected is step(state, event)


def test_every_state_has_a_row():
    """Pairs that are absent from the table are errors."""
    assert set(CircuitState) == set(TRANSITIONS)


def asked(breaker, now_ns=0):
    """Return a permit that must be given."""
    permit, _ = breaker.acquire(now_ns, LIMITS)
    assert permit is not None
    return permit


def opened(at_ns=0):
    """Return a breaker that has just opened."""
    breaker = CircuitBreaker()
    changes = [breaker.failed(asked(breaker), at_ns, LIMITS) for _ in range(3)]
    assert changes == [None, None, CircuitChange(CircuitState.OPEN, 3)]
    return breaker


def half_open():
    """Return a breaker and the permit of its probe."""
    breaker = opened()
    permit, change = breaker.acquire(100, LIMITS)
    assert CircuitChange(CircuitState.HALF_OPEN, 3) == change
    return breaker, permit


class TestClosed:
    def test_failures_in_a_row_open_it(self):
        """As many as are allowed, and no sooner."""
        assert opened().state is CircuitState.OPEN

    def test_success_begins_the_count_anew(self):
        """Only failures in a row count."""
        breaker = CircuitBreaker()
        for failed in [True, True, False, True, True]:
            permit = asked(breaker)
            if failed:
                breaker.failed(permit, 0, LIMITS)
            else:
                breaker.succeeded(permit)

        assert breaker.state is CircuitState.CLOSED
        assert breaker.failures == 2

    def test_answer_that_only_began_does_not_begin_the_count_anew(self):
        """An upstream that breaks every answer off is left alone in the end."""
        breaker = CircuitBreaker()
        for _ in range(3):
            permit = asked(breaker)
            assert breaker.progressed(permit) is None
            breaker.failed(permit, 0, LIMITS)

        assert breaker.state is CircuitState.OPEN

    def test_abandoned_attempts_tell_nothing(self):
        """Neither do they count, nor do they reset the count."""
        breaker = CircuitBreaker()
        breaker.failed(asked(breaker), 0, LIMITS)
        for _ in range(100):
            breaker.abandoned(asked(breaker))

        assert breaker.failures == 1
        assert breaker.state is CircuitState.CLOSED

    def test_permit_counts_once(self):
        """An attempt that is reported twice has failed once."""
        breaker = CircuitBreaker()
        permit = asked(breaker)
        breaker.failed(permit, 0, LIMITS)
        breaker.failed(permit, 0, LIMITS)

        assert breaker.failures == 1


class TestOpen:
    def test_attempts_are_refused_until_its_time_is_over(self):
        """To the nanosecond."""
        breaker = opened(at_ns=50)

        assert breaker.acquire(149, LIMITS) == (None, None)
        assert breaker.refused_for_ns(149) == 1
        assert breaker.acquire(150, LIMITS)[0] is not None

    def test_answers_from_before_change_nothing(self):
        """They began when the circuit was closed."""
        breaker = CircuitBreaker()
        early = [asked(breaker) for _ in range(5)]
        for permit in early[:3]:
            breaker.failed(permit, 0, LIMITS)
        breaker.failed(early[3], 50, LIMITS)
        breaker.succeeded(early[4])

        assert breaker.state is CircuitState.OPEN
        assert breaker.refused_for_ns(0) == 100


class TestHalfOpen:
    def test_one_probe_goes_at_a_time(self):
        """Fifty streams that wait do not fall upon an upstream that recovers."""
        breaker, _ = half_open()

        assert [breaker.acquire(100 + n, LIMITS)[0] for n in range(50)] == [None] * 50

    def test_first_good_sign_closes_it(self):
        """Streams wait for the beginning of an answer, not for its end."""
        breaker, probe = half_open()

        assert breaker.progressed(probe) == CircuitChange(CircuitState.CLOSED, 0)
        assert breaker.acquire(101, LIMITS)[0] is not None

    def test_probe_counts_on_once_the_circuit_is_closed(self):
        """Its answer can still be broken off."""
        breaker, probe = half_open()
        breaker.progressed(probe)
        breaker.failed(probe, 0, LIMITS)

        assert breaker.failures == 1

    def test_probe_that_fails_opens_it_again(self):
        """For as long as before."""
        breaker, probe = half_open()

        assert breaker.failed(probe, 200, LIMITS) == CircuitChange(CircuitState.OPEN, 4)
        assert breaker.refused_for_ns(200) == 100

    def test_probe_that_is_given_up_makes_room(self):
        """A client that leaves does not wedge the circuit."""
        breaker, probe = half_open()
        breaker.abandoned(probe)

        assert breaker.state is CircuitState.HALF_OPEN
        assert breaker.acquire(101, LIMITS)[0] is not None

    def test_probe_that_is_never_heard_of_makes_room(self):
        """A crashed stream does not block the circuit; its late result is ignored."""
        breaker, lost = half_open()
        assert breaker.acquire(1099, LIMITS)[0] is None
        probe, _ = breaker.acquire(1100, LIMITS)
        assert probe is not None
        assert breaker.failed(lost, 1101, LIMITS) is None
        assert breaker.abandoned(lost) is None
        assert breaker.acquire(1101, LIMITS)[0] is None

        assert breaker.succeeded(probe) == CircuitChange(CircuitState.CLOSED, 0)

    def test_answers_from_before_change_nothing(self):
        """Neither a success nor a failure of old streams decides."""
        breaker = CircuitBreaker()
        early = [asked(breaker) for _ in range(6)]
        for permit in early[:3]:
            breaker.failed(permit, 0, LIMITS)
        breaker.acquire(100, LIMITS)
        breaker.succeeded(early[3])
        breaker.failed(early[4], 100, LIMITS)
        breaker.abandoned(early[5])

        assert breaker.state is CircuitState.HALF_OPEN
        assert breaker.acquire(101, LIMITS)[0] is None
