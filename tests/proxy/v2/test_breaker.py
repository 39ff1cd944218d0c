from __future__ import annotations

import itertools

import pytest

from proxy.v2.breaker import (
    TRANSITIONS,
    Change,
    CircuitBreaker,
    IllegalSignError,
    Limits,
    Sign,
    Standing,
    step,
)

LIMITS = Limits(max_errors=3, open_ns=100, probe_ns=1000)

EXPECTED = {
    (Standing.CLOSED, Sign.SUCCEEDED): Standing.CLOSED,
    (Standing.CLOSED, Sign.FAILED): Standing.CLOSED,
    (Standing.CLOSED, Sign.TRIPPED): Standing.OPEN,
    (Standing.CLOSED, Sign.ABANDONED): Standing.CLOSED,
    (Standing.OPEN, Sign.WAITED): Standing.HALF_OPEN,
    (Standing.HALF_OPEN, Sign.SUCCEEDED): Standing.CLOSED,
    (Standing.HALF_OPEN, Sign.TRIPPED): Standing.OPEN,
    (Standing.HALF_OPEN, Sign.ABANDONED): Standing.HALF_OPEN,
}


@pytest.mark.parametrize(("standing", "sign"), list(itertools.product(Standing, Sign)))
def test_every_pair_leads_on_or_is_an_error(standing, sign):
    """Each pair of state and sign has one successor, or raises."""
    expected = EXPECTED.get((standing, sign))

    if expected is None:
        with pytest.raises(IllegalSignError, match=sign.value):
            step(standing, sign)
    else:
        assert expected is step(standing, sign)


def test_every_state_has_a_row():
    """What is absent from the table is absent on purpose."""
    assert set(Standing) == set(TRANSITIONS)


def asked(breaker, now_ns=0):
    """Return a permit that must be given."""
    permit, _ = breaker.ask(now_ns, LIMITS)
    assert permit is not None
    return permit


def opened(at_ns=0):
    """Return a breaker that has just opened."""
    breaker = CircuitBreaker()
    changes = [breaker.failed(asked(breaker), at_ns, LIMITS) for _ in range(3)]
    assert changes == [None, None, Change(Standing.OPEN, 3)]
    return breaker


def half_open():
    """Return a breaker and the permit of its probe."""
    breaker = opened()
    permit, change = breaker.ask(100, LIMITS)
    assert Change(Standing.HALF_OPEN, 3) == change
    return breaker, permit


class TestClosed:
    def test_failures_in_a_row_open_it(self):
        """As many as are allowed, and no sooner."""
        assert opened().standing is Standing.OPEN

    def test_success_begins_the_count_anew(self):
        """Only failures in a row count."""
        breaker = CircuitBreaker()
        for failed in [True, True, False, True, True]:
            permit = asked(breaker)
            if failed:
                breaker.failed(permit, 0, LIMITS)
            else:
                breaker.succeeded(permit)

        assert breaker.standing is Standing.CLOSED
        assert breaker.failures == 2

    def test_answer_that_only_began_does_not_begin_the_count_anew(self):
        """An upstream that breaks every answer off is left alone in the end."""
        breaker = CircuitBreaker()
        for _ in range(3):
            permit = asked(breaker)
            assert breaker.progressed(permit) is None
            breaker.failed(permit, 0, LIMITS)

        assert breaker.standing is Standing.OPEN

    def test_abandoned_attempts_tell_nothing(self):
        """Neither do they count, nor do they reset the count."""
        breaker = CircuitBreaker()
        breaker.failed(asked(breaker), 0, LIMITS)
        for _ in range(100):
            breaker.abandoned(asked(breaker))

        assert breaker.failures == 1
        assert breaker.standing is Standing.CLOSED

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

        assert breaker.ask(149, LIMITS) == (None, None)
        assert breaker.refused_for_ns(149) == 1
        assert breaker.ask(150, LIMITS)[0] is not None

    def test_answers_from_before_change_nothing(self):
        """They began when the circuit was closed."""
        breaker = CircuitBreaker()
        early = [asked(breaker) for _ in range(5)]
        for permit in early[:3]:
            breaker.failed(permit, 0, LIMITS)
        breaker.failed(early[3], 50, LIMITS)
        breaker.succeeded(early[4])

        assert breaker.standing is Standing.OPEN
        assert breaker.refused_for_ns(0) == 100


class TestHalfOpen:
    def test_one_probe_goes_at_a_time(self):
        """Fifty streams that wait do not fall upon an upstream that recovers."""
        breaker, _ = half_open()

        assert [breaker.ask(100 + n, LIMITS)[0] for n in range(50)] == [None] * 50

    def test_first_good_sign_closes_it(self):
        """Streams wait for the beginning of an answer, not for its end."""
        breaker, probe = half_open()

        assert breaker.progressed(probe) == Change(Standing.CLOSED, 0)
        assert breaker.ask(101, LIMITS)[0] is not None

    def test_probe_counts_on_once_the_circuit_is_closed(self):
        """Its answer can still be broken off."""
        breaker, probe = half_open()
        breaker.progressed(probe)
        breaker.failed(probe, 0, LIMITS)

        assert breaker.failures == 1

    def test_probe_that_fails_opens_it_again(self):
        """For as long as before."""
        breaker, probe = half_open()

        assert breaker.failed(probe, 200, LIMITS) == Change(Standing.OPEN, 4)
        assert breaker.refused_for_ns(200) == 100

    def test_probe_that_is_given_up_makes_room(self):
        """A client that leaves does not wedge the circuit."""
        breaker, probe = half_open()
        breaker.abandoned(probe)

        assert breaker.standing is Standing.HALF_OPEN
        assert breaker.ask(101, LIMITS)[0] is not None

    def test_probe_that_is_never_heard_of_makes_room(self):
        """A stream that crashed does not wedge the circuit; its word comes too late."""
        breaker, lost = half_open()
        assert breaker.ask(1099, LIMITS)[0] is None
        probe, _ = breaker.ask(1100, LIMITS)
        assert probe is not None
        assert breaker.failed(lost, 1101, LIMITS) is None
        assert breaker.abandoned(lost) is None
        assert breaker.ask(1101, LIMITS)[0] is None

        assert breaker.succeeded(probe) == Change(Standing.CLOSED, 0)

    def test_answers_from_before_change_nothing(self):
        """Neither a success nor a failure of old streams decides."""
        breaker = CircuitBreaker()
        early = [asked(breaker) for _ in range(6)]
        for permit in early[:3]:
            breaker.failed(permit, 0, LIMITS)
        breaker.ask(100, LIMITS)
        breaker.succeeded(early[3])
        breaker.failed(early[4], 100, LIMITS)
        breaker.abandoned(early[5])

        assert breaker.standing is Standing.HALF_OPEN
        assert breaker.ask(101, LIMITS)[0] is None
