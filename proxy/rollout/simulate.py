"""``python -m proxy simulate``: what a percentage will do, over the keys of production.

The prediction uses the function that decides (:mod:`proxy.rollout.rollout`), over real
keys, so it is exact for them. Share of keys and share of streams are told apart: one
busy tenant may carry half of the load, and falls to one side whole.

It also proves on these keys what the rollout promises: whoever is in stays in as the
percentage rises, the way back is the way there in reverse, and asking again, in another
order, gives the same answer.
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
    """The file of keys cannot be used; the message says where and why."""


_HEADER = b"key"
_SPACE = b" \t\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class RampStep:
    """One percentage over all keys.

    Attributes:
        hundredths: The percentage in steps of 0.01 %.
        keys: How many keys v2 serves.
        streams: How many streams these keys stand for.
        joined: Keys that v1 served in the step before.
        left: Keys that v2 served in the step before; never above 0 while it rises.
    """

    hundredths: int
    keys: int
    streams: int
    joined: int
    left: int


def read_keys(source: Iterable[bytes], name: str) -> Counter[bytes]:
    """Return how many streams each key stands for.

    A line is a key, or a key, a tab and a count. Lines of one key add up, so a column
    of an access log will do. Empty lines are left out.

    Raises:
        KeysError: A count is no positive number, or there is no key at all.
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
                f"{name}:{number}: expected a number of streams above 0 behind the "
                f"tab, got {shown!r}"
            )
        # As a header's value would come: without white space around it.
        counts[key.strip(_SPACE)] += int(count)
    if not counts:
        raise KeysError(f"{name}: expected one key a line, found none")
    return counts


def predict(
    counts: Counter[bytes], buckets: dict[bytes, int], ramp: Sequence[int]
) -> list[RampStep]:
    """Return what each percentage of ``ramp`` does, in hundredths, in order."""
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
    """Return which promises of the rollout these keys break; none, if all is well.

    Every step is decided as for a stream of each key, up the ramp and down again in
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
        broken.append("the way back was not the way there in reverse")
    if up[0] or len(up[-1]) != len(counts):
        broken.append("0 % was not nobody, or 100 % not everybody")
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
    help="One key a line, with a tab and a number of streams behind it if you have "
    "that; lines of one key add up. - reads standard input.",
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
    "key header; they are hashed as the proxy does, and not shown.",
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
    """Predict the share of v2 over real keys, and prove ramp and stickiness on them."""
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
            "Proved on these keys: nobody leaves v2 while the percentage rises, the\n"
            "way back is the way there in reverse, 0 % is nobody, 100 % everybody,\n"
            "and every key falls into the same bucket whenever it is asked for."
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
