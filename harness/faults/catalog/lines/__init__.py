"""Faults of the event-stream grammar: lines, comments, and borders of events."""
