"""The annotations of faults' parameters: checks of values, and descriptions."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from harness.errors import closest
from harness.faults.draft.position import Position, check_position
from harness.faults.errors import FaultError
from harness.printable import visible

__all__ = [
    "AtLeast",
    "AtMost",
    "Bytes",
    "Count",
    "Milliseconds",
    "Number",
    "Unit",
    "check_value",
    "describe_type",
]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The smallest allowed value of a number, in an annotation."""

    limit: float


@dataclass(frozen=True, slots=True)
class AtMost:
    """The largest allowed value of a number, in an annotation."""

    limit: float


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a number, in an annotation."""

    name: str


Count = Annotated[int, AtLeast(1), AtMost(100_000)]
"""A count of at least one. The upper limit keeps a typo from filling the memory."""

Number = Annotated[int, AtLeast(0), AtMost(100_000)]
"""A count that may be zero."""

Bytes = Annotated[int, AtLeast(1), AtMost(64 * 1024 * 1024), Unit("bytes")]
"""A size; 64 MiB is sixteen times an event of 4 MiB, which is already very large."""

Milliseconds = Annotated[float, AtLeast(0), AtMost(604_800_000), Unit("milliseconds")]
"""A duration; not negative, at most a week."""


def check_value(value: Any, annotation: Any) -> None:
    """Refuse a value that the annotation does not allow.

    Raises:
        FaultError: The message says what was expected. The key names the wrong part of
            the value; it is None where the whole value is wrong.
    """
    if annotation is Position:
        check_position(value)
        return
    options = _options(annotation)
    if any(_fits(value, option) for option in options):
        return
    if Position in options and isinstance(value, Mapping):
        check_position(value)
        return
    names = _literals(options)
    raise FaultError(
        f"expected {describe_type(annotation)}, got {value!r}",
        nearest=closest(value, names) if isinstance(value, str) else None,
    )


def describe_type(annotation: Any) -> str:
    """Return in words which values an annotation allows."""
    return " or ".join(dict.fromkeys(map(_describe, _options(annotation))))


def _options(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(
            inner for option in get_args(annotation) for inner in _options(option)
        )
    return (annotation,)


def _literals(options: tuple[Any, ...]) -> list[str]:
    return [
        name
        for option in options
        if get_origin(option) is Literal
        for name in get_args(option)
        if isinstance(name, str)
    ]


def _fits(value: Any, option: Any) -> bool:
    origin = get_origin(option)
    if origin is Annotated:
        inner, *limits = get_args(option)
        return _fits(value, inner) and all(_within(value, limit) for limit in limits)
    if origin is Literal:
        # 1 == True in Python, but not in a scenario.
        return any(
            value == name and type(value) is type(name) for name in get_args(option)
        )
    if origin is list:
        (inner,) = get_args(option)
        return isinstance(value, list | tuple) and all(
            _fits(item, inner) for item in value
        )
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(key, inner_key) and _fits(item, inner)
            for inner_key, inner in [get_args(option)]
            for key, item in value.items()
        )
    return _fits_plain(value, option)


def _within(value: Any, limit: Any) -> bool:
    if isinstance(limit, AtLeast):
        return bool(value >= limit.limit)
    return not isinstance(limit, AtMost) or bool(value <= limit.limit)


def _fits_plain(value: Any, option: Any) -> bool:
    if option is Any:
        return True
    if option is types.NoneType:
        return value is None
    if option is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)
    if option is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(option, type) and type(value) is option


_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    types.NoneType: "null",
    Any: "anything",
    Position: "a position",
}


def _describe(option: Any) -> str:
    origin = get_origin(option)
    if origin is Annotated:
        return _describe_number(option)
    if origin is Literal:
        return "one of " + ", ".join(_option(name) for name in get_args(option))
    if origin is list:
        return f"a list of {describe_type(get_args(option)[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    return _WORDS.get(option, str(option))


def _option(name: Any) -> str:
    if isinstance(name, bool):
        return str(name).lower()
    # A line break or an empty text would be invisible.
    return visible(str(name))


def _describe_number(option: Any) -> str:
    inner, *limits = get_args(option)
    words = describe_type(inner)
    words += "".join(f" of {unit.name}" for unit in limits if isinstance(unit, Unit))
    least = [_plain(bound.limit) for bound in limits if isinstance(bound, AtLeast)]
    most = [_plain(bound.limit) for bound in limits if isinstance(bound, AtMost)]
    if least and most:
        return f"{words} from {least[0]} to {most[0]}"
    return words + "".join(f" of at least {bound}" for bound in least)


def _plain(number: float) -> str:
    return f"{number:,}".replace(",", "_") if abs(number) >= 10_000 else f"{number:g}"
