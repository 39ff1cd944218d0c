"""Checks: each compares one aspect of an observation with its expectation."""
