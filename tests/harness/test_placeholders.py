"""Names in braces."""

from __future__ import annotations

import pytest

from harness.placeholders import fill, fill_template, unknown_placeholder

VALUES = {
    "dir": "/d",
    "port": "8",
    "upstream": "http://u:9",
    "upstream_host": "u",
    "upstream_port": "9",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--to={upstream}", "--to=http://u:9"),
        ("{upstream_host}:{upstream_port}{dir}{port}", "u:9/d8"),
        ('{"a": 1}', '{"a": 1}'),
        ("{}", "{}"),
        ("{{port}} {{other}}", "{port} {other}"),
    ],
)
def test_arguments_are_filled(text, expected):
    """Known names are filled in, doubled braces are text, JSON is left alone."""
    assert unknown_placeholder(text) is None
    assert expected == fill(text, VALUES)


def test_an_unknown_name_is_found():
    """A name that is close to a placeholder is told with it."""
    assert ("upstraem", "upstream") == unknown_placeholder("a {port} {upstraem}")
    assert ("else", None) == unknown_placeholder("{else}")


def test_templates_keep_all_other_braces():
    """A configuration file may hold any braces; only exact names are replaced."""
    text = "http { server { listen {port}; ${x} {{port}} {other} { upstream } } }"
    expected = "http { server { listen 8; ${x} {8} {other} { upstream } } }"
    assert expected == fill_template(text, VALUES)
