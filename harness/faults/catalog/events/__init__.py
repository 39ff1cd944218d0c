"""Faults of whole events and of their content."""
