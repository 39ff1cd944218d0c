"""Relays by name, and what their factories are given."""

from __future__ import annotations

import pytest

from harness.errors import InputError
from harness.play.virtual.relays import RelayUnderTest, load_relay, new_relay


class Relay:
    """Does nothing."""


def test_relays_of_one_proxy_share_what_their_factory_asks_for():
    """By keyword, by any keyword, or not at all: every form of a factory works."""
    told = []

    def asks(settings, seed, shared=None):
        told.append(shared)
        return Relay()

    def takes_all(settings, seed, **more):
        return asks(settings, seed, **more)

    shared = {}
    for factory in (asks, takes_all, lambda settings, seed: Relay()):
        assert isinstance(new_relay(factory, {}, 1, shared), Relay)

    assert [True, True] == [one is shared for one in told]


@pytest.mark.parametrize(
    "path", ["proxy.v9:make_relay", "proxy.v1:make_realy", "proxy.v1", "", "proxy.v1:"]
)
def test_relay_that_cannot_be_loaded_is_told(path):
    """A wrong dotted path is the configuration's error."""
    with pytest.raises(InputError, match="relay"):
        load_relay(path)


def test_a_relay_under_test_has_its_settings_by_name():
    """Plain values, as a mapping where one is asked for."""
    relay = RelayUnderTest(name="x", path="a:b", settings=(("A", "1"), ("B", "2")))

    assert relay.mapping == {"A": "1", "B": "2"}
