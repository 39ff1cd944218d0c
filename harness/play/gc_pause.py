"""A pause of Python's cycle collector, for streams that are measured.

A full collection stops the loop for 30 ms and more (measured with 50 streams and what
this package imports), a hundred times the lateness that a replay may have.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["gc_paused"]


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Collect once, then not again until the block ends.

    A stream leaves some 200 objects in cycles, about 30 kB; call `gc.collect` between
    batches where there are thousands of streams.
    """
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
