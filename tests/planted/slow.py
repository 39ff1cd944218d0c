"""A relay that takes real time, like one that computes too much."""

from __future__ import annotations

import time
from collections.abc import Mapping

from tests.planted.stutter import PassThrough


class Slow(PassThrough):
    """Sleeps before every piece."""

    def change(self, data: bytes) -> bytes:
        """Wait, and change nothing."""
        time.sleep(0.02)
        return data


def make_relay(settings: Mapping[str, str], seed: int) -> Slow:
    """Make one."""
    return Slow()
