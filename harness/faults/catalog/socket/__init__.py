"""Faults of the connection: the borders and times of sends, and its closing."""
