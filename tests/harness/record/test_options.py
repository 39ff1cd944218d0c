"""The options of the addon are read by us, whatever they hold."""

from __future__ import annotations

import pytest

from harness.errors import InputError
from harness.record.options import OPTIONS, check_names, read_options
from harness.record.settings import RecorderSettings


def read(**given: list[str]) -> RecorderSettings:
    """Read the options, some of them set."""
    values = {name: list(default) for name, (default, _) in OPTIONS.items()}
    values |= {f"harness_{name}": value for name, value in given.items()}
    return read_options(values.__getitem__)


def test_the_defaults_are_those_of_the_command():
    """Nothing set means the same in both faces."""
    assert RecorderSettings() == read()


def test_every_option_arrives():
    """Each of them changes what it names."""
    settings = read(
        out=["o"],
        all=["true"],
        path=["/a", "/b"],
        model=["m"],
        name=["{model}"],
        max_bytes=["1k"],
        tag=["t"],
        redact_header=["H"],
        redact_parameter=["P"],
        redact_key=["K"],
        redact_pattern=["x+"],
    )
    assert ("o", "{model}", 1024, ("t",)) == (
        settings.out,
        settings.name,
        settings.max_bytes,
        settings.tags,
    )
    selection = settings.selection
    assert (True, ("/a", "/b"), ("m",)) == (
        selection.everything,
        selection.paths,
        selection.models,
    )
    rules = settings.rules
    assert ({"h"}, {"p"}, {"k"}, ("x+",)) == (
        rules.headers,
        rules.parameters,
        rules.keys,
        rules.patterns,
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"out": []}, "harness_out: expected one value, got 0 values"),
        ({"out": ["a", "b"]}, "harness_out: expected one value, got 2 values"),
        ({"out": [""]}, "harness_out: expected one value, got an empty one"),
        ({"path": [""]}, "harness_path: expected a value, got an empty one"),
        ({"all": ["5"]}, "harness_all: expected true or false"),
        ({"max_bytes": ["x"]}, "harness_max_bytes: expected a number"),
        ({"redact_pattern": ["("]}, "harness_redact_pattern: "),
    ],
)
def test_refuses_what_it_cannot_read(given, said):
    """The message names the option."""
    with pytest.raises(InputError) as caught:
        read(**given)
    assert str(caught.value).startswith(said)


def test_refuses_unknown_names_of_its_own():
    """A misspelt option is reported; those of others are ignored."""
    check_names(["other_addon", "harnessed"])
    with pytest.raises(InputError, match="did you mean 'harness_model'"):
        check_names(["other", "harness_modle"])
