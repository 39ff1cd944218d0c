"""JSON Schema errors in plain words, for the person who wrote the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from jsonschema.exceptions import ValidationError

from harness.errors import closest
from harness.printable import cut, one_line

__all__ = ["Explained", "Path", "explain", "shown"]

Path = tuple[str | int, ...]
"""The keys and list positions that lead from the root of a document to a value."""

_SHOWN_MAX = 60


class Explained(NamedTuple):
    """A mistake in plain words."""

    message: str
    path: Path
    nearest: str | None = None
    missing: str | None = None


def explain(data: Any, errors: Iterable[ValidationError]) -> list[Explained]:
    """Say what is wrong with a value, each mistake once.

    A mistyped key is also a missing one, and a value of the wrong type also breaks
    other rules: such consequences are left out. Unknown keys come first, missing keys
    last, and each kind in the order of the text.

    Args:
        data: The value that the schema refuses.
        errors: All of them, as `jsonschema` finds them.
    """
    errors = [inner for error in errors for inner in _innermost(error)]
    unknown: dict[Path, list[Explained]] = {}
    wrong: set[Path] = set()
    found: list[tuple[tuple[int, list[int]], Explained]] = []
    for error in sorted(errors, key=_precedence):
        path: Path = tuple(error.absolute_path)
        if error.validator in _UNKNOWN:
            told = unknown[path] = _explain_unknown(error, path)
        elif error.validator == "required":
            meant = {one.nearest for one in unknown.get(path, ())}
            told = _explain_missing(error, path, meant)
        elif path in wrong or _may_be_meant(error, unknown.get(path, ())):
            continue
        else:
            told = [_explain_value(error, path)]
            if "propertyNames" not in error.absolute_schema_path:
                wrong.add(path)
        kind = 2 if error.validator == "required" else error.validator not in _UNKNOWN
        found.extend(((kind, _position(data, one.path)), one) for one in told)
    found.sort(key=itemgetter(0))
    return list(dict.fromkeys(one for _, one in found))


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


_UNKNOWN = frozenset({"additionalProperties", "unevaluatedProperties"})


def _precedence(error: ValidationError) -> int:
    """Put causes before their consequences: unknown keys, wrong types, the others."""
    if error.validator in _UNKNOWN:
        return 0
    return 1 if error.validator == "type" else 2


def _innermost(error: ValidationError) -> list[ValidationError]:
    """Return the errors to report: of alternatives, those of the one that was meant."""
    if error.validator not in {"oneOf", "anyOf"} or not error.context:
        return [error]
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    fitting = [
        errors
        for errors in branches.values()
        if not any(_refuses_whole(inner) for inner in errors)
    ]
    if len(fitting) != 1:
        return [error]
    return [deeper for inner in fitting[0] for deeper in _innermost(inner)]


def _refuses_whole(error: ValidationError) -> bool:
    """Return whether a branch was not meant: another type, or another form."""
    here = not error.relative_path
    return here and error.validator in {"type", "const", "enum", "required", "not"}


def _may_be_meant(error: ValidationError, unknown: Iterable[Explained]) -> bool:
    """Return whether an unknown key may be the one that alternatives ask for."""
    if error.validator not in {"oneOf", "anyOf"}:
        return False
    branches: Any = error.validator_value
    mappings = [branch for branch in branches if isinstance(branch, Mapping)]
    wanted = {None, *(key for branch in mappings for key in branch.get("required", ()))}
    return any(one.nearest in wanted for one in unknown)


def _position(data: Any, path: Path) -> list[int]:
    """Return where in the text a value is, as a key to sort by."""
    order = []
    for step in path:
        order.append(list(data).index(step) if isinstance(data, dict) else int(step))
        data = data[step]
    return order


def _explain_value(error: ValidationError, path: Path) -> Explained:
    limit: Any = error.validator_value
    got: Any = error.instance
    nearest = None
    if error.validator == "enum" and isinstance(got, str):
        nearest = closest(got, [name for name in limit if isinstance(name, str)])
    what = shown(got)
    several = error.validator in {"oneOf", "anyOf", "maxProperties"}
    if several and isinstance(got, dict) and got:
        what = "the keys " + cut(", ".join(map(one_line, got)))
    return Explained(f"expected {_expected(error)}, got {what}", path, nearest)


def _explain_missing(
    error: ValidationError, path: Path, meant: set[str | None]
) -> list[Explained]:
    required: Any = error.validator_value
    given: Any = error.instance
    return [
        Explained(f"the key {key!r} is missing", path, missing=key)
        for key in required
        if key not in given and key not in meant
    ]


def _explain_unknown(error: ValidationError, path: Path) -> list[Explained]:
    schema: Any = error.schema
    given: Any = error.instance
    known = list(schema.get("properties", ()))
    patterns = list(schema.get("patternProperties", ()))
    names = ", ".join(known)
    expected = f"expected one of {names}" if known else "no key is expected here"
    message = f"unknown key; {cut(expected, 200)}"
    free = [name for name in known if name not in given]
    return [
        Explained(message, (*path, key), closest(key, free))
        for key in given
        if key not in known and not any(re.search(p, key) for p in patterns)
    ]


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
