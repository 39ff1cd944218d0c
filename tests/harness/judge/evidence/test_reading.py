"""Answers as a client reads them."""

from __future__ import annotations

import pytest

from harness.judge.evidence.reading import (
    EMPTY_READING,
    read_events,
    read_stream,
    structural_events,
)

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"Once"}}]}\n\n'
OTHER = b'data: {"choices":[{"index":1,"delta":{"content":"No"}}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"total_tokens":1}}\n\n'
TOOL = (
    b'data: {"choices":[{"index":0,"delta":{"tool_calls":'
    b'[{"index":0,"function":{"arguments":"{}"}}]}}]}\n\n'
)
DONE = b"data: [DONE]\n\n"


def test_reading_stops_at_the_event_that_ends_the_stream():
    """What follows is kept apart, and is no part of the message."""
    reading = read_stream(TEXT + DONE + TEXT)

    assert (2, 1) == (len(reading.events), len(reading.after_done))
    assert reading.done
    assert "Once" == reading.message.choices[0].content


def test_offsets_are_those_of_the_body():
    """An event ends with its blank line, a comment with its line."""
    body = ROLE + b": ping\n\n" + TEXT
    reading = read_stream(body)

    assert [len(ROLE), len(body)] == [event.end for event in reading.events]
    assert [len(ROLE) + len(b": ping\n")] == list(reading.comments)


def test_text_and_the_rest_of_an_event_are_told_apart():
    """An event with text alone has no structure; one without text has only that."""
    role, text, usage = read_stream(ROLE + TEXT + USAGE).events

    assert ((), True) == (role.deltas, role.canonical is not None)
    assert (((0, "content", "Once"),), None) == (text.deltas, text.canonical)
    assert "total_tokens" in usage.canonical


@pytest.mark.parametrize(
    ("body", "finished"),
    [
        (TEXT, False),
        (TEXT + FINISH, True),
        (TEXT + OTHER + FINISH, False),
        (b'data: {"type":"message_start","message":{}}\n\n', False),
        (b"", False),
    ],
)
def test_finished_is_every_choice_that_was_begun(body, finished):
    """One finish_reason for two choices is not enough."""
    assert finished is read_stream(body).finished


def test_another_dialect_finishes_by_an_event():
    """It has no choices to look at."""
    body = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    assert read_stream(body).finished


def test_nothing_is_the_empty_reading():
    """No event, no message, no end."""
    assert EMPTY_READING == read_events(())
    assert not EMPTY_READING.done
    assert () == EMPTY_READING.message.choices


def test_structural_events_know_the_text_before_them():
    """A place is the number of characters of each text, however they are cut."""
    two = TEXT.replace(b"Once", b"On") + TEXT.replace(b"Once", b"ce")
    [whole] = structural_events(read_stream(TEXT + USAGE).events)
    [halves] = structural_events(read_stream(two + USAGE).events)
    [before] = structural_events(read_stream(USAGE + TEXT).events)
    [elsewhere] = structural_events(
        read_stream(TEXT.replace(b'"index":0', b'"index":1') + USAGE).events
    )

    assert whole.text_position == halves.text_position
    assert (1, 2, 0) == (whole.index, halves.index, before.index)
    positions = {one.text_position for one in (whole, before, elsewhere)}
    assert 3 == len(positions)
    assert ((0, "content", 4),) == halves.offsets


def test_arguments_of_tool_calls_are_no_text_before_an_event():
    """They are structure themselves."""
    found = structural_events(read_stream(TOOL + USAGE).events)

    assert 2 == len(found)
    assert found[0].text_position == found[1].text_position
    assert () == found[1].offsets
