"""The clock of virtual time: its order, its reserved places, and its copies."""

from __future__ import annotations

from harness.play.virtual.clock import Priority, VirtualClock


def names(clock):
    """All that happens from now on, in order, with the times."""
    found = []
    while (action := clock.advance()) is not None:
        found.append((clock.now_ns, action[1]))
    return found


def put(clock, at_ns, priority, name):
    """Put in what only has a name."""
    clock.at(at_ns, priority, (0, name, ()))


def test_time_goes_first_then_priority_then_order_of_insertion():
    """At one instant client, upstream, timers, deadline; of equals the first one in."""
    clock = VirtualClock()
    put(clock, 5, Priority.DEADLINE, "deadline")
    put(clock, 5, Priority.TIMER, "timer")
    put(clock, 5, Priority.UPSTREAM, "upstream 1")
    put(clock, 5, Priority.UPSTREAM, "upstream 2")
    put(clock, 5, Priority.CLIENT, "client")
    put(clock, 4, Priority.DEADLINE, "earlier")

    assert names(clock) == [
        (4, "earlier"),
        (5, "client"),
        (5, "upstream 1"),
        (5, "upstream 2"),
        (5, "timer"),
        (5, "deadline"),
    ]


def test_what_is_past_happens_now():
    """Time never goes back."""
    clock = VirtualClock()
    clock.now_ns = 10
    put(clock, 3, Priority.TIMER, "late")

    assert names(clock) == [(10, "late")]


def test_what_is_past_happens_now_under_a_reserved_number_as_well():
    """An upstream may have been held up."""
    clock = VirtualClock()
    number = clock.reserve(1)
    clock.now_ns = 10
    clock.at_reserved(3, Priority.UPSTREAM, number, (0, "late", ()))

    assert names(clock) == [(10, "late")]


def test_a_reserved_number_keeps_its_place():
    """What is put in later, under a number of before, comes before what is between."""
    clock = VirtualClock()
    first = clock.reserve(2)
    put(clock, 5, Priority.UPSTREAM, "between")
    clock.at_reserved(5, Priority.UPSTREAM, first + 1, (0, "second", ()))
    clock.at_reserved(5, Priority.UPSTREAM, first, (0, "first", ()))

    assert [name for _, name in names(clock)] == ["first", "second", "between"]


def test_what_comes_next_can_be_seen():
    """Its time and its action, and None where nothing will happen."""
    clock = VirtualClock()
    assert (None, None) == (clock.next_at_ns, clock.next_action)
    put(clock, 7, Priority.CLIENT, "one")

    assert clock.next_at_ns == 7
    assert clock.next_action == (0, "one", ())
    assert clock.now_ns == 0


def test_a_fork_has_a_future_of_its_own():
    """The same is to happen to both, and what is put into one is not in the other."""
    clock = VirtualClock()
    put(clock, 1, Priority.CLIENT, "both")
    twin = clock.fork()
    put(clock, 2, Priority.CLIENT, "one")
    put(twin, 2, Priority.CLIENT, "other")

    assert names(clock) == [(1, "both"), (2, "one")]
    assert names(twin) == [(1, "both"), (2, "other")]
