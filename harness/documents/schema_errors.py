"""Says in plain words what a JSON Schema error means to whoever wrote the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from jsonschema.exceptions import ValidationError

from harness.errors import closest
from harness.printable import cut, one_line

__all__ = ["Path", "explain", "shown"]

Path = tuple[str | int, ...]
"""The keys and list positions that lead from the root of a document to a value."""

_SHOWN_MAX = 60


def explain(
    data: Any, errors: Sequence[ValidationError]
) -> tuple[str, Path, str | None]:
    """Choose the error that a person should mend first, and say what is wrong.

    An unknown key comes first (a mistyped key is also a missing one), missing keys
    come last, and the others in the order of the text.

    Args:
        data: The value that was held against the schema.
        errors: At least one.

    Returns:
        The message, the place, and the nearest valid name where one is close enough.
    """
    told = min(map(_innermost, errors), key=partial(_rank, data))
    return _explain(told)


def shown(value: Any) -> str:
    """Return a value for a message: one line, printable, cut after 60 characters."""
    match value:
        case str():
            # Far more than is shown, so that a huge text is not escaped for nothing.
            text = repr(value[: 2 * _SHOWN_MAX])
        case dict():
            text = "a mapping" if value else "an empty mapping"
        case list():
            text = "a list" if value else "an empty list"
        case _:
            text = json.dumps(value)
    return cut(text)


_KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def _innermost(error: ValidationError) -> ValidationError:
    """Return the error to tell: of alternatives, the one that came nearest to fit."""
    while error.validator in {"oneOf", "anyOf"} and error.context:
        branches: dict[Any, list[ValidationError]] = {}
        for inner in error.context:
            branches.setdefault(inner.relative_schema_path[0], []).append(inner)
        fitting = [
            errors
            for errors in branches.values()
            if not any(_refuses_whole(inner) for inner in errors)
        ]
        if len(fitting) != 1:
            return error
        error = min(fitting[0], key=lambda inner: inner.validator == "required")
    return error


def _refuses_whole(error: ValidationError) -> bool:
    """Tell whether a branch was not meant at all: wrong type, or another form."""
    here = not error.relative_path
    return here and error.validator in {"type", "const", "enum", "required", "not"}


def _rank(data: Any, error: ValidationError) -> tuple[int, list[int]]:
    unknown = error.validator in {"additionalProperties", "unevaluatedProperties"}
    kind = 0 if unknown else 2 if error.validator == "required" else 1
    order = []
    for step in error.absolute_path:
        order.append(list(data).index(step) if isinstance(data, dict) else int(step))
        data = data[step]
    return kind, order


def _explain(error: ValidationError) -> tuple[str, Path, str | None]:
    path: Path = tuple(error.absolute_path)
    limit: Any = error.validator_value
    came: Any = error.instance
    if error.validator in {"additionalProperties", "unevaluatedProperties"}:
        return _explain_unknown(error, path)
    if error.validator == "required":
        missing = next(key for key in limit if key not in came)
        return f"the key {missing!r} is missing", path, None
    nearest = None
    if error.validator == "enum" and isinstance(came, str):
        nearest = closest(came, [name for name in limit if isinstance(name, str)])
    what = shown(came)
    several = error.validator in {"oneOf", "anyOf", "maxProperties"}
    if several and isinstance(came, dict) and came:
        what = "the keys " + cut(", ".join(map(one_line, came)))
    return f"expected {_expected(error)}, came {what}", path, nearest


def _explain_unknown(
    error: ValidationError, path: Path
) -> tuple[str, Path, str | None]:
    schema: Any = error.schema
    came: Any = error.instance
    known = list(schema.get("properties", ()))
    patterns = list(schema.get("patternProperties", ()))
    key = next(
        name
        for name in came
        if name not in known and not any(re.search(p, name) for p in patterns)
    )
    nearest = closest(key, [name for name in known if name not in came])
    names = ", ".join(known)
    expected = f"expected one of {names}" if known else "no key is expected here"
    return f"unknown key; {cut(expected, 200)}", (*path, key), nearest


_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "at least {} in the list",
    "maxItems": "at most {} in the list",
    "minLength": "at least {} character(s)",
    "maxLength": "at most {} character(s)",
    "minProperties": "at least {} key(s)",
    "maxProperties": "at most {} key(s)",
    "uniqueItems": "a list without repeats",
}


def _expected(error: ValidationError) -> str:
    limit: Any = error.validator_value
    schema: Any = error.schema
    keyword = str(error.validator)
    if keyword in _LIMITS:
        return _LIMITS[keyword].format(limit)
    match keyword:
        case "type":
            kinds = [limit] if isinstance(limit, str) else list(limit)
            words = " or ".join(_KINDS[kind] for kind in kinds)
            such = schema.get("examples", ())
            return f"{words} such as {json.dumps(such[0])}" if such else words
        case "enum":
            return "one of " + ", ".join(str(name) for name in limit)
        case "const":
            return shown(limit)
        case "oneOf" | "anyOf" if forms := _forms(limit):
            return forms
        case "pattern" if "description" not in schema:
            return f"text like {limit}"
    return str(schema.get("description", f"what {keyword} asks for"))


def _forms(branches: Iterable[Any]) -> str:
    """Name the alternatives: the kinds of value, or the keys that tell them apart."""
    names = []
    for branch in branches:
        if not isinstance(branch, Mapping):
            return ""
        if "required" in branch:
            names.append(" and ".join(repr(key) for key in branch["required"]))
        elif isinstance(branch.get("type"), str):
            names.append(_KINDS[branch["type"]])
        elif "enum" in branch:
            names.extend(str(name) for name in branch["enum"])
        elif "const" in branch:
            names.append(shown(branch["const"]))
        else:
            return ""
    return "either " + " or ".join(dict.fromkeys(names))
