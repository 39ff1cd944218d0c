from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import uuid
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.rollout import rollout as rollout_module
from proxy.rollout.rollout import (
    BUCKETS,
    ENABLE,
    KEY_HEADER,
    PERCENTAGE,
    SALT,
    Rollout,
    RolloutError,
    bucket_of,
)

RAMP = ("0", "10", "25", "50", "100")
KEYS = st.binary(min_size=1, max_size=40)
SALTS = st.text(max_size=10)
PERCENTAGES = st.integers(0, BUCKETS).map(lambda n: f"{n // 100}.{n % 100:02}")


def rollout(**environ: str) -> Rollout:
    """Read switches given by short names."""
    names = {"enable": ENABLE, "percentage": PERCENTAGE}
    names |= {"key_header": KEY_HEADER, "salt": SALT}
    return Rollout.from_environ({names[k]: v for k, v in environ.items()})


def served(switches: Rollout, key: bytes | None) -> str:
    """Return what serves a stream with this key."""
    headers = () if key is None else ((b"X-Key", key),)
    return switches.decide(headers).architecture


@pytest.mark.parametrize(
    ("enable", "percentage", "with_key", "without_key"),
    [
        ("false", None, "v1", "v1"),
        ("false", "100", "v1", "v1"),
        ("true", None, "v2", "v2"),
        ("true", "100", "v2", "v2"),
        ("true", "0", "v1", "v1"),
        ("true", "99.99", "v2", "v1"),
        (None, None, "v1", "v1"),
        (None, "0", "v1", "v1"),
        (None, "0.00", "v1", "v1"),
        (None, "100", "v2", "v2"),
        (None, "99.99", "v2", "v1"),
        (None, "0.01", "v1", "v1"),
        ("", "", "v1", "v1"),
    ],
)
def test_switch_and_percentage(enable, percentage, with_key, without_key):
    """The table of the module, row by row."""
    environ = {KEY_HEADER: "x-key"}
    if enable is not None:
        environ[ENABLE] = enable
    if percentage is not None:
        environ[PERCENTAGE] = percentage
    switches = Rollout.from_environ(environ)
    assert served(switches, b"session-1") == with_key
    assert served(switches, None) == without_key


@pytest.mark.parametrize("value", ["1", "t", "T", "true", "TRUE", "True"])
def test_true_is_spelt_in_several_ways(value):
    """Every spelling that the legacy accepted means true."""
    assert rollout(enable=value).enabled is True


@pytest.mark.parametrize("value", ["0", "f", "F", "false", "FALSE", "False"])
def test_false_is_spelt_in_several_ways(value):
    """Every spelling that the legacy accepted means false."""
    assert rollout(enable=value).enabled is False


@pytest.mark.parametrize("value", ["yes", "on", "tRuE", " true", "2", "nul"])
def test_a_switch_that_does_not_parse_stops_the_start(value):
    """Values that the legacy silently read as off are errors here."""
    with pytest.raises(RolloutError) as caught:
        rollout(enable=value)
    assert str(
        caught.value
    ) == f"{ENABLE}: expected true or false (or 1, 0, t, f), " + (f"got {value!r}")


@pytest.mark.parametrize(
    "value",
    ["101", "100.01", "-1", "+60", "50%", " 50", "1e1", "0.001", "nan", "\u0665\u0660"],
)
def test_a_percentage_that_does_not_parse_stops_the_start(value):
    """Only 0 to 100 in steps of 0.01 is a percentage."""
    with pytest.raises(RolloutError, match=PERCENTAGE):
        rollout(percentage=value)


@pytest.mark.parametrize(
    ("text", "hundredths"),
    [("0", 0), ("100", 10000), ("25", 2500), ("0.5", 50), ("0.05", 5), ("060", 6000)],
)
def test_a_percentage_counts_in_hundredths(text, hundredths):
    """A percentage is exact, without floating point."""
    assert rollout(percentage=text).hundredths == hundredths


def test_a_key_header_must_be_a_header_name():
    """A name that no header can have stops the start."""
    with pytest.raises(RolloutError, match="name of a header"):
        rollout(key_header="x key")


@pytest.mark.parametrize(
    ("enable", "percentage", "key_header", "words"),
    [
        ("true", "25", "x", ["true does not mean everyone, 25 % of the keys"]),
        ("true", "0", "x", ["every stream takes v1"]),
        ("false", "25", "x", ["the switch wins, every stream takes v1"]),
        ("", "25", "", ["streams without one take v1"]),
        ("true", "100", "", []),
        ("false", "0", "", []),
        ("false", "", "", []),
        ("", "25", "x", []),
    ],
)
def test_combinations_that_may_surprise_are_named(
    enable, percentage, key_header, words
):
    """A warning says what a surprising combination does."""
    switches = rollout(enable=enable, percentage=percentage, key_header=key_header)
    assert len(switches.warnings) == len(words)
    for warning, word in zip(switches.warnings, words, strict=True):
        assert word in warning


def test_the_key_is_the_header_then_the_credential():
    """The named header wins; a missing or empty one leaves the credential."""
    switches = rollout(percentage="50", key_header="X-Session")
    bearer = (b"Authorization", b"Bearer one")
    api_key = (b"X-API-Key", b"one")

    def bucket(*headers: tuple[bytes, bytes]) -> int | None:
        return switches.decide(headers).bucket

    assert bucket(bearer, (b"x-session", b"s1")) == bucket_of(b"s1", "")
    assert bucket(bearer, (b"x-session", b"")) == bucket(bearer)
    assert bucket(bearer) not in (None, bucket(api_key))
    assert bucket((b"x-other", b"s1")) is None
    assert switches.decide(()).reason == "no key"


def test_a_percentage_takes_the_buckets_below_it():
    """The border is exact: bucket 3,747 is out at 37.47 % and in at 37.48 %."""
    assert bucket_of(b"session-1", "") == 3747
    out, in_ = (rollout(percentage=p, key_header="x-key") for p in ("37.47", "37.48"))
    assert (served(out, b"session-1"), served(in_, b"session-1")) == ("v1", "v2")


@given(KEYS, SALTS, PERCENTAGES, PERCENTAGES)
def test_a_higher_percentage_keeps_who_was_in(key, salt, one, two):
    """A key on v2 at a percentage is on v2 at every higher one."""
    low, high = sorted((one, two), key=float)
    before = served(rollout(percentage=low, salt=salt, key_header="x-key"), key)
    after = served(rollout(percentage=high, salt=salt, key_header="x-key"), key)
    assert (before, after) != ("v2", "v1")


@given(KEYS, SALTS)
def test_the_way_back_is_the_way_there_reversed(key, salt):
    """Each step of the ramp decides alike on the way up and on the way down."""
    steps = [rollout(percentage=p, salt=salt, key_header="x-key") for p in RAMP]
    up = [served(step, key) for step in steps]
    down = [served(step, key) for step in reversed(steps)]
    assert up == down[::-1]
    assert (up[0], up[-1]) == ("v1", "v2")


@given(KEYS, SALTS)
def test_buckets_stay_in_range(key, salt):
    """Every key has a bucket below 10,000, so that 100 % leaves nobody out."""
    assert 0 <= bucket_of(key, salt) < BUCKETS


def shapes() -> dict[str, list[bytes]]:
    """Return keys of the shapes that occur."""
    count = 20_000
    namespace = uuid.UUID(int=7)
    return {
        "uuid": [str(uuid.uuid5(namespace, str(n))).encode() for n in range(count)],
        "sequential": [b"%d" % n for n in range(count)],
        "padded": [b"session-%08d" % n for n in range(count)],
        "prefix": [b"x" * 200 + b"%d" % n for n in range(count)],
    }


@pytest.mark.parametrize("shape", ["uuid", "sequential", "padded", "prefix"])
def test_keys_spread_evenly(shape):
    """Chi-square over 100 whole bins, and the share of each step within 3 sigma."""
    keys = shapes()[shape]
    buckets = [bucket_of(key, "salt") for key in keys]
    bins = [0] * 100
    for bucket in buckets:
        bins[bucket // 100] += 1
    expected = len(keys) / 100
    statistic = sum((found - expected) ** 2 / expected for found in bins)
    # 99 degrees of freedom: p = 1e-4 at 158.
    assert statistic < 158
    for percent in (10, 25, 50):
        share = sum(bucket < percent * 100 for bucket in buckets) / len(keys)
        sigma = (percent / 100 * (1 - percent / 100) / len(keys)) ** 0.5
        assert abs(share - percent / 100) < 3 * sigma


def test_a_salt_and_a_key_do_not_run_into_each_other():
    """The salt carries its length, and a new salt draws new lots."""
    assert bucket_of(b"b|x", "a") != bucket_of(b"x", "a|b")
    keys = shapes()["padded"]
    first = {key for key in keys if bucket_of(key, "one") < 1000}
    both = sum(bucket_of(key, "two") < 1000 for key in first)
    # Independent: 10 % of the first cohort, within 4 sigma.
    assert abs(both / len(first) - 0.1) < 4 * (0.09 / len(first)) ** 0.5


VECTORS = json.loads(
    (Path(__file__).parents[2] / "data" / "rollout_vectors.json").read_text()
)
"""Frozen: a bucket that changes moves users of a running rollout to the other side."""


def generated() -> list[dict[str, Any]]:
    """Compute the vectors by the definition, without the code under test.

    The bucket is the first 64 bits of SHA-256, as a fraction of 2 to the 64th, times
    10,000, rounded down; what is hashed is the number of characters of the salt, a
    colon, the salt, a bar, the name of the switch, a bar, and the bytes of the key.
    The input: keys of the shapes that occur, in four salts of which one looks like the
    framing around it, and keys that are hard: empty, binary, beyond ASCII in both
    normal forms, with the separators in them, long.
    """
    keys = [b"session-%d" % n for n in range(1, 11)]
    keys += [str(uuid.UUID(int=n * 0x9E3779B97F4A7C15)).encode() for n in range(1, 11)]
    keys += [b"%d" % (7**n) for n in range(10)]
    keys += [b"", b"\xff\x00", b"a|b", b":", b"0:|", b"x" * 1000]
    keys += ["\u00fcn\u00efcode-\u7528\u6237".encode(), b"u\xcc\x88", b"\xc3\xbc"]
    vectors = []
    for salt in ("", "spring", "sel", "3:x|"):
        for key in keys:
            frame = str(len(salt)) + ":" + salt + "|new-streaming-architecture|"
            digest = hashlib.sha256(frame.encode("utf-8") + key).hexdigest()
            part = Fraction(int(digest[:16], 16), 2**64)
            bucket = int(part * 10_000)
            vectors.append({"salt": salt, "key_hex": key.hex(), "bucket": bucket})
    return vectors


def test_the_frozen_vectors_follow_from_the_definition():
    """The file is what the definition says, computed in another way."""
    assert generated() == VECTORS
    assert len(VECTORS) == 156


@pytest.mark.parametrize("seed", ["0", "1"])
def test_frozen_vectors_hold_in_every_process(seed):
    """A bucket never changes: not by process, not by hash seed, not by release."""
    code = (
        "import json, sys; from proxy.rollout.rollout import bucket_of;"
        "print(json.dumps([bucket_of(bytes.fromhex(v['key_hex']), v['salt'])"
        " for v in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(VECTORS).encode(),
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
        check=True,
    )
    assert json.loads(done.stdout) == [vector["bucket"] for vector in VECTORS]


def test_two_normal_forms_of_a_name_are_two_keys():
    """Keys are bytes; nothing is normalised, and that is documented."""
    composed, decomposed = "\u00fc".encode(), "u\u0308".encode()
    assert bucket_of(composed, "") != bucket_of(decomposed, "")


def test_zero_is_nobody_and_a_hundred_is_everybody_at_both_ends_of_the_hash(
    monkeypatch,
):
    """The smallest and the largest hash that there can be."""
    for digest in (bytes(32), b"\xff" * 32):
        monkeypatch.setattr(
            rollout_module.hashlib,
            "sha256",
            lambda _text, digest=digest: SimpleNamespace(digest=lambda: digest),
        )
        assert bucket_of(b"k", "") in (0, 9_999)
        nobody = Rollout(hundredths=0, key_header=b"x-key")
        everybody = Rollout(hundredths=BUCKETS, key_header=b"x-key")
        almost = Rollout(hundredths=BUCKETS - 1, key_header=b"x-key")
        assert served(nobody, b"k") == "v1"
        assert served(everybody, b"k") == "v2"
        assert served(almost, b"k") == ("v2" if digest[0] == 0 else "v1")


@pytest.mark.parametrize(("count", "tolerance"), [(10_000, 0.009), (100_000, 0.0028)])
@pytest.mark.parametrize("percent", [10, 25, 50])
def test_the_share_of_the_keys_is_the_percentage(count, tolerance, percent):
    """Within 0.9 points of 10,000 keys and 0.28 of 100,000: 3 sigma at 10 %."""
    inside = sum(bucket_of(b"tenant/%d" % n, "") < percent * 100 for n in range(count))
    sigma_over_10 = (percent * (100 - percent) / 900) ** 0.5
    assert abs(inside / count - percent / 100) < tolerance * sigma_over_10


def test_a_nested_split_is_independent_of_the_rollout():
    """The name of the switch is hashed: another name gives independent buckets."""
    keys = [b"session-%08x" % n for n in range(40_000)]

    def inside(flag: str, percent: int) -> set[bytes]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rollout_module, "_FLAG", flag)
            return {key for key in keys if bucket_of(key, "s") < percent * 100}

    first = inside("new-streaming-architecture", 10)
    for name in ("new-streaming-architecturf", "oew-streaming-architecture"):
        both = len(first & inside(name, 10)) / len(first)
        assert abs(both - 0.1) < 4 * (0.09 / len(first)) ** 0.5
