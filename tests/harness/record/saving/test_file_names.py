"""Names of cassettes stay in their folder and are never taken twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.record.saving.file_names import (
    DEFAULT_TEMPLATE,
    FIELDS,
    NameTemplate,
    free_path,
)


def fill(text: str, **values: str | None) -> str:
    """Fill a template; fields that are not given have no value."""
    return NameTemplate(text).fill({**dict.fromkeys(FIELDS), **values})


def test_fills_a_template():
    """Fields get their values; a value that is not there is said."""
    assert "a/x-0001-none" == fill(
        "a/{model}-{number}-{host}", model="x", number="0001"
    )


def test_the_suffix_may_be_written():
    """A template with the suffix means the same as one without."""
    assert "x" == fill("{model}.yaml", model="x")


@pytest.mark.parametrize("sign", [" ", ".", "/"])
def test_a_long_value_is_cut_and_does_not_end_with_a_sign(sign):
    """A sign at the cut is dropped."""
    assert "x" * 79 == fill("{model}", model=f"{'x' * 79}{sign}yyy")
    assert "x" * 80 == fill("{model}", model="x" * 90)


@given(value=st.text())
def test_no_value_leaves_its_folder(value):
    """Any value becomes one plain name of a reasonable length."""
    name = fill("a/{model}", model=value)
    part = name.removeprefix("a/")
    assert part
    assert len(part) <= 80
    assert part.isascii()
    assert not set(part) & set("/\\ \0\n:*?\"'<>|$`")
    assert not part.startswith((".", "-"))
    assert ".." not in part


@pytest.mark.parametrize(
    "text", ["", "/x", "../x", "a/../x", "a//b", ".x", "a/.b", "a\\b", "a\nb", "x/"]
)
def test_refuses_other_folders(text):
    """A template names a visible file below the folder."""
    with pytest.raises(InputError, match="below the folder"):
        NameTemplate(text)


@pytest.mark.parametrize("text", ["{modle}", "{}", "{model!r}", "{model:>9}", "{0}"])
def test_refuses_unknown_fields(text):
    """The fields of a template are listed, with the nearest name."""
    with pytest.raises(InputError, match="expected one of date, time"):
        NameTemplate(text)
    with pytest.raises(InputError, match="did you mean 'model'"):
        NameTemplate("{modle}")


def test_refuses_broken_braces():
    """Half a field is no template."""
    with pytest.raises(InputError, match="fields in braces"):
        NameTemplate("{model")


def test_the_default_is_one():
    """The default template can be read."""
    assert DEFAULT_TEMPLATE == NameTemplate(DEFAULT_TEMPLATE).text


def test_never_takes_a_name_twice():
    """A name that is there gets a number."""
    taken = {Path("c/x.yaml"), Path("c/x-2.yaml")}
    exists = taken.__contains__
    assert Path("c/x-3.yaml") == free_path(Path("c"), "x", exists=exists)
    assert Path("c/y.yaml") == free_path(Path("c"), "y", exists=exists)
