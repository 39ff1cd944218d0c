"""One observation against one expectation, an aspect at a time."""
