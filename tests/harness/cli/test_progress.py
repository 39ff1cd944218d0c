"""Work in several processes, and its end by a signal; tests/e2e ends processes."""

from __future__ import annotations

import signal

import pytest

from harness.cli.progress import map_with_progress
from harness.errors import InterruptedRunError


def double(value):
    """Work of no time."""
    return 2 * value


def interrupt(number):
    """Stop the run as a terminal does."""
    signal.raise_signal(number)


def swallow(number):
    """Stop the run within code that handles every interrupt itself."""
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt:
        return
    raise AssertionError


def fail(message):
    """Work that is wrong."""
    raise ValueError(message)


def test_results_are_in_order(capsys):
    """Nothing is shown where there is no terminal."""
    assert [2, 4, 6] == map_with_progress(double, [1, 2, 3], 1, quiet=False)
    captured = capsys.readouterr()
    assert ("", "") == (captured.out, captured.err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("work", [interrupt, swallow])
def test_a_signal_is_an_interrupted_run(number, work):
    """Also where code of others swallows it; handlers are those of before."""
    before = signal.getsignal(number)
    with pytest.raises(InterruptedRunError):
        map_with_progress(work, [number], 1, quiet=True)
    assert before is signal.getsignal(number)


def test_an_error_stays_an_error():
    """Nobody stopped the run."""
    with pytest.raises(ValueError, match="boom"):
        map_with_progress(fail, ["boom"], 1, quiet=True)
