from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from proxy.cli import main
from proxy.rollout import rollout
from proxy.rollout.rollout import BUCKETS, bucket_of, credential_key
from proxy.rollout.simulate import KeysError, broken_promises, predict, read_keys

KEYS = st.binary(min_size=1, max_size=20).filter(
    lambda k: k.strip(b" \t\r\n") == k and not {9, 10, 13} & set(k)
)
RAMPS = st.lists(st.integers(0, BUCKETS), min_size=1, max_size=8)


def run(*arguments: str, stdin: str | bytes = "", **environ: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["simulate", *arguments], input=stdin, env=environ)


@given(st.dictionaries(KEYS, st.integers(1, 10**9), min_size=1))
def test_keys_and_counts_are_read_as_they_were_written(counts):
    """Lines of one key add up; empty ones are left out."""
    lines = [b"%b\t%d\n" % pair for pair in counts.items()]
    lines += [b"\n", *(key + b"\r\n" for key in counts)]
    assert read_keys(lines, "f") == {key: n + 1 for key, n in counts.items()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a\nb\tx\n", "f:2: expected a number of streams above 0"),
        (b"a\t0\n", "f:1: expected a number of streams above 0"),
        (b"a\t-3\n", "f:1: expected a number"),
        (b"a\t\n", "f:1: expected a number"),
        (b"\t3\n", "f:1: expected a key before the tab"),
        (b"", "f: expected one key per line, found none"),
        (b"\n \n", "f: expected one key per line, found none"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_place(text, message):
    """File and line, the expected form and the text."""
    with pytest.raises(KeysError, match=message):
        read_keys(text.splitlines(keepends=True), "f")


@given(st.dictionaries(KEYS, st.integers(1, 1000), min_size=1), RAMPS)
def test_the_prediction_is_what_the_proxy_would_decide(counts, ramp):
    """Shares by key and by stream, and who joined and left with each step."""
    counts = Counter(counts)
    buckets = {key: bucket_of(key, "s") for key in counts}
    steps = predict(counts, buckets, ramp)
    inside: set[bytes] = set()
    for hundredths, step in zip(ramp, steps, strict=True):
        now = {key for key in counts if bucket_of(key, "s") < hundredths}
        assert step.keys == len(now)
        assert step.streams == sum(counts[key] for key in now)
        assert (step.joined, step.left) == (len(now - inside), len(inside - now))
        inside = now
    assert broken_promises(counts, "s", ramp) == []


def flipping():
    """A function that changes its mind."""
    turns = itertools.cycle([0, 9_999, 5_000])
    return lambda _key, _salt: next(turns)


@pytest.mark.parametrize(
    ("bucket", "broken"),
    [
        (bucket_of, []),
        (flipping(), ["a key left v2", "the rollback"]),
    ],
    ids=["sound", "fickle"],
)
def test_a_broken_function_is_found(monkeypatch, bucket, broken):
    """The proof fails if the promise is broken."""
    monkeypatch.setattr(rollout, "bucket_of", bucket)
    counts = Counter({b"a": 1, b"b": 1})
    found = broken_promises(counts, "", [1000, 2500, 5000])
    assert len(found) == len(broken)
    for text, words in zip(found, broken, strict=True):
        assert words in text


def test_the_ramp_is_printed_with_both_shares():
    """One heavy key: the share of keys is not the share of streams."""
    keys = [f"tenant-{n}" for n in range(999)]
    result = run("--keys", "-", stdin="\n".join([*keys, "heavy\t9001"]))
    assert result.exit_code == 0, result.output
    assert "1000 keys, 10000 streams" in result.output
    assert "the heaviest key carries 90.01 %" in result.output
    rows = [line.split() for line in result.output.splitlines() if " % " in line]
    assert [row[0] for row in rows if row[0].isdigit()] == [
        *("0", "10", "25", "50", "100")
    ]
    assert "Proved on these keys" in result.output


def test_figures_for_machines_and_a_percentage_of_ones_own(tmp_path):
    """``--json``; the salt is that of the environment unless it is given."""
    path = tmp_path / "keys"
    path.write_text("\n".join(f"k{n}" for n in range(1000)))
    salt = {"NEW_STREAMING_ROLLOUT_SALT": "pepper"}
    wanted = sum(bucket_of(b"k%d" % n, "pepper") < 750 for n in range(1000))
    arguments = ("--keys", str(path), "--percentage", "7.5", "--json")
    for found in (run(*arguments, **salt), run(*arguments, "--salt", "pepper")):
        (step,) = json.loads(found.output)["steps"]
        assert (step["percentage"], step["keys"]) == (7.5, wanted)
        assert step["share_of_keys"] == wanted / 1000


def test_credentials_are_hashed_as_the_proxy_does():
    """The prediction holds for a rollout without a key header."""
    keys = [b"Bearer sk-%d" % n for n in range(500)]
    wanted = sum(bucket_of(credential_key(key), "") < 2500 for key in keys)
    arguments = ("--keys", "-", "--percentage", "25", "--credentials", "--json")
    result = run(*arguments, stdin=b"\n".join(keys))
    assert json.loads(result.output)["steps"][0]["keys"] == wanted
    assert "sk-" not in result.output


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("--keys", "-"), "", "standard input: expected one key per line, found none"),
        (("--keys", "-"), "a\tb", "standard input:1: expected a number of streams"),
        (("--keys", "/no/such"), "", "does not exist"),
        ((), "", "Missing option '--keys'"),
        (
            ("--keys", "-", "--percentage", "101"),
            "a",
            "--percentage: expected a number from 0 to 100 in steps of 0.01, got '101'",
        ),
        (("--keys", "-", "--percentage", ""), "a", "--percentage: expected a number"),
    ],
)
def test_what_is_wrong_is_said_in_one_message(arguments, stdin, message):
    """Exit status 2, no traceback."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_the_environment_is_checked_too():
    """A salt with an invalid switch is a configuration that never ran."""
    result = run("--keys", "-", stdin="a", ENABLE_NEW_STREAMING_ARCHITECTURE="yes")
    assert result.exit_code == 2
    assert "expected true or false" in result.stderr


def test_white_space_around_a_key_does_not_count():
    """It would not be in the value of a header either."""
    assert read_keys([b" a \t2\n", b"a\r\n"], "f") == {b"a": 3}
