"""Stutter detection: repeats at the opening of a text are sent once."""
