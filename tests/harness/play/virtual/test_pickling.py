"""Pickled relays: copies that share nothing but classes and enumerations."""

from __future__ import annotations

import threading
from enum import IntEnum, StrEnum

import pytest

from harness.play.virtual.pickling import pickled, unpickled


class Small(IntEnum):
    """Equal to a member of another enumeration, as numbers are."""

    ONE = 1


class Other(IntEnum):
    """See `Small`."""

    ONE = 1


class Phase(StrEnum):
    """Equal to a plain string."""

    OPEN = "open"


class Holder:
    """Anything a relay may be."""

    def __init__(self, **values):
        self.__dict__.update(values)


def test_every_copy_is_new():
    """What one changes is not changed in another."""
    kept = pickled(Holder(seen=[1]))
    one, two = unpickled(kept), unpickled(kept)
    one.seen.append(2)

    assert ([1, 2], [1]) == (one.seen, two.seen)


def test_what_is_shared_inside_is_shared_in_the_copy():
    """One list in two places is one list again."""
    shared = []
    first, second = unpickled(pickled([Holder(a=shared), Holder(a=shared)]))

    assert first.a is second.a
    assert first.a is not shared


def test_members_of_enumerations_are_the_same_again():
    """Also those that are equal to others."""
    values = [Small.ONE, Other.ONE, Phase.OPEN, "open", 1, Small]
    copies = unpickled(pickled(values))

    assert [type(value) for value in values] == [type(copy) for copy in copies]
    assert copies[:3] == [Small.ONE, Other.ONE, Phase.OPEN]
    assert copies[0] is Small.ONE
    assert copies[1] is Other.ONE
    assert copies[5] is Small


def test_what_cannot_be_pickled_says_so():
    """Nothing is guessed."""
    with pytest.raises(TypeError, match="lock"):
        pickled(Holder(lock=threading.Lock()))
