"""The facts about a run's machine that its report holds."""

from __future__ import annotations

import os
import platform
from typing import Any

__all__ = ["environment"]


def environment() -> dict[str, Any]:
    """Return facts that may explain a figure, and no name of a person or a host.

    Returns:
        ``python``, ``platform``, ``cores`` that this process may use, and
        ``load_average`` over 1, 5 and 15 minutes, or None if the system has none.
    """
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": _cores(),
        "load_average": _load(),
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> list[float] | None:
    try:
        return [round(figure, 2) for figure in os.getloadavg()]
    except OSError:
        return None
