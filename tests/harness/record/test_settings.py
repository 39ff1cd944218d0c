"""Sizes, flags, and what travels to the saver."""

from __future__ import annotations

import json

import pytest

from harness.errors import InputError
from harness.privacy.redact import RedactionRules
from harness.record.settings import (
    RecorderSettings,
    parse_flag,
    parse_size,
    read_saver_settings,
    saver_settings,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1500", 1500),
        ("2k", 2048),
        ("64M", 64 * 1024**2),
        ("1 GiB", 1024**3),
        ("5b", 5),
    ],
)
def test_reads_sizes(text, expected):
    """Bytes, with or without a unit."""
    assert expected == parse_size(text, "--max-bytes")


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5m", "1t", "\u0661"])
def test_refuses_other_sizes(text):
    """The message names the option."""
    with pytest.raises(InputError, match=r"^--max-bytes: expected a number"):
        parse_size(text, "--max-bytes")


def test_reads_flags():
    """The words for yes and no, and nothing else."""
    assert all(parse_flag(text, "x") for text in ("true", "Yes", "on", "1"))
    assert not any(parse_flag(text, "x") for text in ("false", "NO", "off", "0"))
    with pytest.raises(InputError, match=r"^x: expected true or false, got 'maybe'"):
        parse_flag("maybe", "x")


def test_settings_refuse_a_wrong_name():
    """A template is checked where it is set, and not when the first stream ends."""
    with pytest.raises(InputError):
        RecorderSettings(name="{nonsense}")


def test_settings_reach_the_saver():
    """All that it needs survives the way, as JSON."""
    settings = RecorderSettings(
        out="o",
        name="{model}",
        max_bytes=5,
        tags=("a", "b"),
        rules=RedactionRules(
            headers=frozenset({"h"}),
            parameters=frozenset({"p"}),
            keys=frozenset({"k"}),
            patterns=("x+",),
        ),
    )
    sent = json.loads(json.dumps(saver_settings(settings, "us")))
    assert (settings, "us") == read_saver_settings(sent)
