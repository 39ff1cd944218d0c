"""Faults of the connection: where bytes are cut, when they are sent, how it closes."""
