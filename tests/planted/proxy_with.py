"""The reference proxy with v2 replaced by a relay that is wrong on purpose.

Usage: ``python proxy_with.py DEFECT [proxy options]``; DEFECT is a name of `relays`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import proxy.cli
import proxy.v2


def main() -> None:
    """Plant the defect, then run the proxy."""
    defect = sys.argv.pop(1)
    path = Path(__file__).with_name("relays.py")
    spec = importlib.util.spec_from_file_location("planted_relays", path)
    assert spec is not None
    assert spec.loader is not None
    relays = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(relays)
    # The command line looks the factory up when it composes the server.
    proxy.v2.make_relay = getattr(relays, defect)
    proxy.cli.main()


if __name__ == "__main__":
    main()
