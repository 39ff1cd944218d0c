"""The recorder for one's own mitmproxy: ``mitmdump -s …/harness/record/addon.py``.

Nothing else stands here: mitmproxy runs this file itself and not as the module that it
is, and loads it again whenever it changes.
"""

from __future__ import annotations

from harness.record.recorder import Recorder

__all__ = ["addons"]

addons = [Recorder()]
