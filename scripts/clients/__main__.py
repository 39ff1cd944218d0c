"""Let official SDKs read every shape, and write the page with the results.

Usage: ``python -m scripts.clients [--output FILE]``.
It needs the extra ``sdks``. For the clients in JavaScript it needs Node.js and ``npm
install --prefix scripts/clients/node``; without those it reports and omits them.
It exits with 1 if a client does worse through v2 than directly.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

_PAGE = Path(__file__).parents[2] / "docs" / "clients.md"


def main() -> int:
    """Run, write the page, and print the readings that are worse through v2."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.clients", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--output", type=Path, default=_PAGE, help="the page (default: docs/clients.md)"
    )
    output: Path = parser.parse_args().output
    for package in ("openai", "anthropic"):
        if find_spec(package) is None:
            print(f"{package} is missing: pip install -e '.[sdks]'", file=sys.stderr)
            return 2
    return _run(output)


def _run(output: Path) -> int:
    # These import the SDKs.
    from scripts.clients.measure import SDKS, measure, measure_repeats  # noqa: PLC0415
    from scripts.clients.node_sdk import NODE_CLIENTS, node_is_missing  # noqa: PLC0415
    from scripts.clients.page import page, worse_ones  # noqa: PLC0415

    missing = node_is_missing()
    if missing is not None:
        left_out = " and ".join(NODE_CLIENTS)
        print(f"{left_out} are left out: {missing}", file=sys.stderr)
    names = [name for name in SDKS if missing is None or name not in NODE_CLIENTS]
    columns = asyncio.run(measure(names))
    repeats = asyncio.run(measure_repeats())
    output.write_text(page(columns, repeats), encoding="utf-8")
    print(f"wrote {output}")
    found = worse_ones(columns, "v2")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
