"""The cycle collector stays out of what is measured."""

from __future__ import annotations

import gc

import pytest

from harness.play.gc_pause import gc_paused


@pytest.fixture(autouse=True)
def _enabled_again():
    yield
    gc.enable()


def test_nothing_is_collected_inside_the_block():
    """It collects once before, is off inside, and on again also after an error."""
    collected = gc.get_stats()[2]["collections"]

    def fail_inside():
        with gc_paused():
            assert not gc.isenabled()
            assert collected + 1 == gc.get_stats()[2]["collections"]
            raise RuntimeError("as planned")

    with pytest.raises(RuntimeError, match="as planned"):
        fail_inside()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    """Blocks nest, and a caller that measures by itself is left alone."""
    gc.disable()
    with gc_paused():
        pass
    assert not gc.isenabled()
