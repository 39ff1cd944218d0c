"""Faults of whole events and of what they say."""
