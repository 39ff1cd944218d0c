"""The comparison of two reports."""

from __future__ import annotations

import json

import pytest

from scripts.same_reports import SHOWN_MAX, differences, leaves, main


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [".a: 1, 2 in the second"]),
        ({"a": 1}, {}, [".a: only in the first"]),
        ({}, {"a": 1}, [".a: only in the second"]),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, [".a.b[0]: 1, 2 in the second"]),
        ([1], [1, 2], [": 1 entries, 2 in the second"]),
        ([1, 2], [2], [": 2 entries, 1 in the second", "[0]: 1, 2 in the second"]),
        ({"a": 1}, {"a": True}, [".a: 1, True in the second"]),
        ({"a": 1}, {"a": 1.0}, [".a: 1, 1.0 in the second"]),
        ({"a": []}, {"a": {}}, [".a: [], {} in the second"]),
    ],
)
def test_every_difference_is_named(one, two, expected):
    """With its place and both values; types count."""
    assert expected == list(differences(one, two))


@pytest.mark.parametrize("key", ["volatile", "reason", "why", "got", "what", "notes"])
def test_prose_and_measurements_do_not_count(key):
    """Wherever they are, and even if one report lacks them."""
    assert [] == list(differences({"a": [{key: 1}]}, {"a": [{key: "x"}]}))
    assert [] == list(differences({key: 1}, {}))
    assert 1 == leaves({"a": 1, key: {"b": [1, 2]}})


def test_scenarios_are_named_by_id_and_mode():
    """Other entries by their index."""
    one = [{"id": "a/b", "mode": "live", "x": 1}, {"x": 1}]
    two = [{"id": "a/b", "mode": "live", "x": 2}, {"x": 2}]
    assert ["[a/b live].x: 1, 2 in the second", "[1].x: 1, 2 in the second"] == list(
        differences(one, two)
    )


def test_the_exit_code_says_whether_reports_are_equal(tmp_path, capsys):
    """The number of compared values, or of differences, is printed."""
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text(json.dumps({"a": [1, 2], "b": {"c": None}, "why": "x"}))
    two.write_text(json.dumps({"a": [1, 2], "b": {"c": None}, "why": "y"}))
    assert 0 == main(str(one), str(two))
    assert "equal: 3 values\n" == capsys.readouterr().out
    many = SHOWN_MAX + 5
    one.write_text(json.dumps([0] * many))
    two.write_text(json.dumps([1] * many))
    assert 1 == main(str(one), str(two))
    lines = capsys.readouterr().out.splitlines()
    assert (SHOWN_MAX + 1, f"{many} differences") == (len(lines), lines[-1])
