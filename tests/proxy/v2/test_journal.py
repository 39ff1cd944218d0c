from __future__ import annotations

from proxy.v2.journal import Journal
from proxy.v2.states import State, StateTrigger
from proxy.v2.stutter.openings import Openings


def chunk(text):
    """Return a chunk with a text."""
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


def test_notes_are_taken_once():
    """And there is nothing more to see to."""
    journal = Journal()
    journal.count("retries", 2, cause="x")

    assert journal.notable
    assert journal.take() == [("count", "retries", 2, {"cause": "x"})]
    assert not journal.notable
    assert journal.take() == []


def test_transitions_are_logged_and_staying_is_not():
    """Every change of the state is a line, in the words of the runbook."""
    journal = Journal()
    journal.step(StateTrigger.OPENING)
    journal.step(StateTrigger.OPENING)

    line = "State transition: Initial -> Stuttering"
    assert journal.take() == [("log", "info", line, {})]
    assert journal.state is State.STUTTERING


def test_dropped_events_are_told_by_place_and_size():
    """Never by what was in them, and counted at the end."""
    journal = Journal()
    journal.dropped(3, b"{secret", lossy=True)
    journal.dropped(4, b"word", lossy=False)
    journal.over(5, None)

    notes = journal.take()
    assert "secret" not in str(notes)
    fields = {"event": 3, "bytes": 7, "text_may_be_lost": True}
    assert ("log", "warning", "Malformed event dropped", fields) in notes
    assert notes[-1] == ("count", "malformed_events", 2, {})
    assert "Chunks processed: 5, Errors: 2" in notes[-2][2]


def test_decisions_are_told_without_the_text():
    """With choice, field, relation, confidence and reason, at debug."""
    openings, journal = Openings(), Journal()
    for text in ("Hello there", "Hello there", "!"):
        openings.judge(chunk(text))
    journal.decided(openings)

    repeats, differs, counted = journal.take()
    assert repeats == (
        "log",
        "debug",
        "Stutter decision",
        {
            "choice": 0,
            "field": "content",
            "decision": "repeats",
            "confidence": 1.0,
            "reason": "repeats, 100% alike, long, same shape, at once",
        },
    )
    assert differs[3]["decision"] == "differs"
    assert counted == ("count", "stutter_decisions", 1, {"decision": "repeated"})
    journal.decided(openings)
    assert journal.take() == []


def test_openings_under_way_are_counted_at_the_end():
    """The number of withheld characters is logged."""
    openings, journal = Openings(), Journal()
    for text in ("Hello", "Hello you"):
        openings.judge(chunk(text))
    journal.over(2, openings)

    notes = journal.take()
    assert ("count", "stutter_decisions", 1, {"decision": "cumulative"}) in notes
    assert notes[-1][3]["withheld_chars"] == 5


def test_first_text_is_timed_in_seconds():
    """From the request, and of that how long it was held."""
    journal = Journal()
    journal.first_token(1_500_000_000, 50_000_000)

    assert journal.take() == [
        ("observe", "ttft_seconds", 1.5, {}),
        ("observe", "hold_seconds", 0.05, {}),
    ]
