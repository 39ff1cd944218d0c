"""Builds ``report.json``, the one truth of a run."""
