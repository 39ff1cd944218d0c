"""Builds ``report.json``, the one document of a run."""
