"""``python -m proxy simulate``: the effect of a percentage on the keys of production.

The prediction uses the deciding function itself (:mod:`proxy.rollout.rollout`), on real
keys, so it is exact for them. The share of keys and the share of streams are separate
figures: one busy tenant may carry half of the load, and is on one side as a whole.

It also proves on these keys the promises of the rollout: a key that is in stays in as
the percentage rises, a rollback is the ramp in reverse, and a second decision, in
another order, is the same.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import click
from tabulate import tabulate

from proxy.rollout.config import ConfigError, resolve
from proxy.rollout.rollout import (
    BUCKETS,
    SALT,
    Rollout,
    bucket_of,
    credential_key,
    parse_percentage,
)

__all__ = [
    "KeysError",
    "RampStep",
    "broken_promises",
    "predict",
    "read_keys",
    "simulate",
]

_RAMP = ("0", "10", "25", "50", "100")
"""The steps of the rollout in docs/proxy.md."""


class KeysError(ValueError):
    """The file of keys cannot be used; the message names the line and the reason."""


_HEADER = b"key"
_SPACE = b" \t\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class RampStep:
    """The effect of one percentage on all keys.

    Attributes:
        hundredths: The percentage in steps of 0.01 %.
        keys: Number of keys that v2 serves.
        streams: Number of streams with these keys.
        joined: Keys that v1 served in the previous step.
        left: Keys that v2 served in the previous step; 0 while it rises.
    """

    hundredths: int
    keys: int
    streams: int
    joined: int
    left: int


def read_keys(source: Iterable[bytes], name: str) -> Counter[bytes]:
    """Return the number of streams of each key.

    A line is a key, or a key, a tab and a count. Lines of one key add up, so a column
    of an access log can be used. Empty lines are skipped.

    Raises:
        KeysError: A count is not a positive number, or there is no key at all.
    """
    counts: Counter[bytes] = Counter()
    for number, line in enumerate(source, 1):
        text = line.rstrip(b"\r\n")
        key, tab, count = text.rpartition(b"\t")
        if not tab:
            key, count = text, b"1"
        if not text.strip(_SPACE):
            continue
        if not key.strip(_SPACE):
            raise KeysError(f"{name}:{number}: expected a key before the tab")
        if not count.isdigit() or len(count) > 15 or int(count) == 0:
            shown = count[:40].decode("utf-8", "replace")
            raise KeysError(
                f"{name}:{number}: expected a number of streams above 0 after the "
                f"tab, got {shown!r}"
            )
        # Like a header's value: without white space around it.
        counts[key.strip(_SPACE)] += int(count)
    if not counts:
        raise KeysError(f"{name}: expected one key per line, found none")
    return counts


def predict(
    counts: Counter[bytes], buckets: dict[bytes, int], ramp: Sequence[int]
) -> list[RampStep]:
    """Return the effect of each percentage of ``ramp`` (in hundredths), in order."""
    steps = []
    before: set[bytes] = set()
    for hundredths in ramp:
        inside = {key for key, bucket in buckets.items() if bucket < hundredths}
        steps.append(
            RampStep(
                hundredths=hundredths,
                keys=len(inside),
                streams=sum(counts[key] for key in inside),
                joined=len(inside - before),
                left=len(before - inside),
            )
        )
        before = inside
    return steps


def broken_promises(
    counts: Counter[bytes], salt: str, ramp: Sequence[int]
) -> list[str]:
    """Return the promises of the rollout that these keys break; normally none.

    Every step is decided for one stream of each key, up the ramp and down again in
    another order of keys.
    """
    rising = sorted({0, BUCKETS, *ramp})
    keys = list(counts)
    up = [_served(keys, salt, step) for step in rising]
    down = [_served(keys[::-1], salt, step) for step in reversed(rising)]
    broken = []
    if any(not lower <= higher for lower, higher in pairwise(up)):
        broken.append("a key left v2 while the percentage rose")
    if down != up[::-1]:
        broken.append("the rollback was not the ramp in reverse")
    if up[0] or len(up[-1]) != len(counts):
        broken.append("0 % had keys, or 100 % not all of them")
    return broken


def _served(keys: Iterable[bytes], salt: str, hundredths: int) -> set[bytes]:
    """Return the keys whose streams v2 serves."""
    switches = Rollout(hundredths=hundredths, key_header=_HEADER, salt=salt)
    return {
        key for key in keys if switches.decide(((_HEADER, key),)).architecture == "v2"
    }


_EPILOG = """\b
Exit status: 0 all promises hold, 1 one is broken, 2 wrong option or file.
"""


@click.command(epilog=_EPILOG, context_settings={"max_content_width": 88})
@click.option(
    "--keys",
    "path",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    required=True,
    metavar="FILE",
    help="One key per line, optionally followed by a tab and a number of streams; "
    "lines of one key add up. - reads standard input.",
)
@click.option(
    "--percentage",
    "percentages",
    multiple=True,
    metavar="P",
    help="A step to predict, 0 to 100; may be repeated.  [default: 0 10 25 50 100]",
)
@click.option(
    "--salt",
    metavar="TEXT",
    help="The salt of the hash.  [default: NEW_STREAMING_ROLLOUT_SALT]",
)
@click.option(
    "--credentials",
    is_flag=True,
    help="The lines are values of Authorization or X-Api-Key, for a rollout without a "
    "key header; they are hashed like in the proxy, and not shown.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def simulate(
    *,
    path: str,
    percentages: tuple[str, ...],
    salt: str | None,
    credentials: bool,
    as_json: bool,
) -> None:
    """Predict the share of v2 for real keys, and prove ramp and stickiness on them."""
    name = "standard input" if path == "-" else path
    try:
        ramp = [parse_percentage(text) for text in percentages or _RAMP]
        if salt is None:
            salt = resolve(os.environ).rollout.salt
        with click.open_file(path, "rb") as source:
            counts = read_keys(source, name)
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror}") from error
    except (ConfigError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    if credentials:
        counts = Counter({credential_key(key): n for key, n in counts.items()})
    buckets = {key: bucket_of(key, salt) for key in counts}
    steps = predict(counts, buckets, ramp)
    broken = broken_promises(counts, salt, ramp)
    if as_json:
        click.echo(json.dumps(_as_dict(counts, steps, broken)))
    else:
        click.echo(_report(counts, steps, broken, salted=bool(salt)))
    if broken:
        raise SystemExit(1)


def _report(
    counts: Counter[bytes], steps: list[RampStep], broken: list[str], *, salted: bool
) -> str:
    total = counts.total()
    heaviest = max(counts.values())
    rows = [
        (
            f"{step.hundredths / 100:g} %",
            step.keys,
            _share(step.keys, len(counts)),
            _share(step.streams, total),
            step.joined,
            step.left,
        )
        for step in steps
    ]
    headers = ("percentage", "keys on v2", "of keys", "of streams", "joined", "left")
    table = tabulate(rows, headers, colalign=("right",) * 6, disable_numparse=True)
    lines = [
        f"{len(counts)} keys, {total} streams, "
        + (f"salt of {SALT}" if salted else "no salt"),
        f"the heaviest key carries {_share(heaviest, total)} of the streams",
        "",
        table,
        "",
    ]
    if broken:
        lines += [f"BROKEN: {text}" for text in broken]
    else:
        lines.append(
            "Proved on these keys: no key leaves v2 while the percentage rises, the\n"
            "rollback is the ramp in reverse, 0 % is no key, 100 % is every key,\n"
            "and every key always has the same bucket."
        )
    return "\n".join(lines)


def _as_dict(
    counts: Counter[bytes], steps: list[RampStep], broken: list[str]
) -> dict[str, Any]:
    total = counts.total()
    return {
        "keys": len(counts),
        "streams": total,
        "heaviest_key_share": max(counts.values()) / total,
        "steps": [
            {
                "percentage": step.hundredths / 100,
                "keys": step.keys,
                "share_of_keys": step.keys / len(counts),
                "share_of_streams": step.streams / total,
                "joined": step.joined,
                "left": step.left,
            }
            for step in steps
        ],
        "broken": broken,
    }


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %"
