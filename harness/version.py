"""The version of the installed program."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["program_version"]


def program_version() -> str:
    """Return the version, or words that it is not known."""
    try:
        return version("stream-rollout-harness")
    except PackageNotFoundError:
        return "(not installed)"
