"""The recorder for a user's own mitmproxy: ``mitmdump -s …/harness/record/addon.py``.

The file holds nothing else: mitmproxy runs it as a script, not as a module of its
package, and loads it again whenever it changes.
"""

from __future__ import annotations

from harness.record.recorder import Recorder

__all__ = ["addons"]

addons = [Recorder()]
