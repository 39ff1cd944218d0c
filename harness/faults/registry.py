"""The registry of faults by name, and the decorator that declares a fault.

A fault is a function; its keyword-only parameters, their annotations and defaults, and
its docstring are its definition::

    @fault(Layer.EVENTS, example={"times": 2})
    def repeat_first(draft: EventDraft, *, times: int = 2) -> EventDraft:
        "Send the first text delta again before the stream goes on."

A fault that needs randomness takes a generator as second argument: ``(draft, rng, *,
…)``. The values of a scenario are checked against the annotations
(`harness.faults.parameters`); the docstring is the help (`harness.faults.docstrings`).
A parameter whose name is a keyword of Python ends in ``_`` (``from_``); scenarios
write it without. Faults apply layer by layer in the order of `Layer`, and left to
right within a layer. A fault that cannot apply raises `FaultError`: a scenario that
tests nothing must not pass.
"""

from __future__ import annotations

import importlib
import inspect
import json
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from harness.errors import InputError, closest, joined
from harness.faults.changes import note_changes
from harness.faults.docstrings import FaultDoc, parse_docstring
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.lowering import lower
from harness.faults.draft.wire import WireDraft
from harness.faults.errors import FaultDefectError, FaultError
from harness.faults.parameters import check_value

if TYPE_CHECKING:
    from random import Random

__all__ = [
    "REGISTRY",
    "FaultCall",
    "FaultDefinition",
    "FaultError",
    "Layer",
    "apply_faults",
    "check_call",
    "fault",
    "find_fault",
    "find_live_only",
    "flow_yaml",
]

_Draft = TypeVar("_Draft", EventDraft, WireDraft)
_Function = TypeVar("_Function", bound=Callable[..., Any])


class Layer(StrEnum):
    """The layer on which a fault works; faults apply in the order of the members."""

    EVENTS = "events"
    LINES = "lines"
    HTTP = "http"
    SOCKET = "socket"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultDefinition:
    """A registered fault.

    Attributes:
        doc: The parsed docstring.
        example: Parameters that show a typical use.
        cassette: A recording of the project to which the example applies.
        parameters: The keyword-only parameters of the function, in order, by the names
            that scenarios use.
        types: The annotation of every parameter.
        keywords: The name of every parameter in Python.
        function: The fault itself: takes a draft, returns a draft.
        uses_chance: Whether the function takes a generator as its second argument.
        live_only: Whether virtual time cannot show the fault, since it has neither
            sockets nor a parser before the relay. True: always. A mapping: only when a
            named parameter has one of the listed values; an empty tuple means any.
    """

    name: str
    layer: Layer
    doc: FaultDoc
    example: Mapping[str, Any]
    cassette: str
    parameters: Mapping[str, inspect.Parameter]
    types: Mapping[str, Any]
    keywords: Mapping[str, str]
    function: Callable[..., Any]
    uses_chance: bool
    live_only: bool | Mapping[str, tuple[Any, ...]] = False

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.doc.summary


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCall:
    """A fault with its parameters, as a scenario names it."""

    name: str
    parameters: Mapping[str, Any]


REGISTRY: dict[str, FaultDefinition] = {}


PLAIN = "llama.cpp/plain.yaml"
"""The recording for the examples of faults that name no other."""


def fault(
    layer: Layer,
    *,
    example: Mapping[str, Any],
    cassette: str = PLAIN,
    live_only: bool | Mapping[str, tuple[Any, ...]] = False,
) -> Callable[[_Function], _Function]:
    """Declare a function as a fault and register it under its own name.

    Args:
        layer: The layer on which it works.
        example: Parameters that show a typical use.
        cassette: A recording to which the example applies, as a path below
            ``cassettes/`` of the project.
        live_only: See `FaultDefinition`.

    Raises:
        ValueError: Another fault already has the name.
    """

    def declare(function: _Function) -> _Function:
        definition = replace(
            _define(function, layer, example), cassette=cassette, live_only=live_only
        )
        if definition.name in REGISTRY:
            raise ValueError(f"a fault {definition.name!r} already exists")
        REGISTRY[definition.name] = definition
        return function

    return declare


def find_fault(name: str) -> FaultDefinition:
    """Return the fault with this name or dotted path (``module:function``).

    Raises:
        InputError: There is none. The error names the nearest one.
    """
    if name in REGISTRY:
        return REGISTRY[name]
    if ":" in name:
        return _import_fault(name)
    nearest = closest(name, REGISTRY)
    hint = "" if nearest else "; `harness faults` lists all"
    raise InputError(f"unknown fault {name!r}{hint}", key=name, nearest=nearest)


def check_call(definition: FaultDefinition, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that are unknown, missing or of the wrong type.

    Raises:
        FaultError: The key is the path of the parameter; the error names the nearest
            valid one.
    """
    if not isinstance(parameters, Mapping):
        raise FaultError(
            "expected parameters such as "
            f"{flow_yaml(definition.example)}, got {parameters!r}"
        )
    known = definition.parameters
    errors = []
    for name, value in parameters.items():
        if name not in known:
            names = ", ".join(known)
            expected = f"expected one of {names}" if names else "this fault has none"
            nearest = closest(name, set(known) - set(parameters))
            message = f"unknown parameter; {expected}"
            errors.append(FaultError(message, key=name, nearest=nearest))
            continue
        try:
            check_value(value, definition.types[name])
        except FaultError as error:
            key = f"{name}.{error.key}" if error.key else name
            errors.append(FaultError(error.message, key=key, nearest=error.nearest))
    # A mistyped name is one mistake: what it was meant to be is not missing as well.
    given = {*parameters, *(error.nearest for error in errors)}
    errors.extend(
        FaultError(f"the parameter {name!r} is missing")
        for name, parameter in known.items()
        if parameter.default is inspect.Parameter.empty and name not in given
    )
    if errors:
        raise joined(errors)


def find_live_only(calls: Iterable[FaultCall]) -> str | None:
    """Return, in words, the first fault that virtual time cannot show, or None.

    Raises:
        InputError: A call names an unknown fault.
    """
    for call in calls:
        rule = find_fault(call.name).live_only
        if rule is True:
            return call.name
        if rule is False:
            continue
        for name, values in rule.items():
            if name in call.parameters and (
                not values or call.parameters[name] in values
            ):
                return f"{call.name} with {name}: {flow_yaml(call.parameters[name])}"
    return None


def apply_faults(
    draft: EventDraft, calls: tuple[FaultCall, ...], rng: Random
) -> WireDraft:
    """Apply faults to a draft, layer by layer, left to right within a layer.

    Args:
        draft: The stream as recorded.
        calls: The faults, in the order of the scenario.
        rng: The only source of randomness.

    Raises:
        FaultError: A fault cannot apply. The key names the fault and, where one is
            wrong, its parameter.
        FaultDefectError: The code of a fault is wrong.
    """
    found = [(find_fault(call.name), call) for call in calls]
    for definition, call in found:
        try:
            check_call(definition, call.parameters)
        except FaultError as error:
            raise _named(error, call) from None
    for layer in (Layer.EVENTS, Layer.LINES):
        for definition, call in found:
            if definition.layer is layer:
                changed = _apply(definition, call, draft, rng)
                try:
                    draft = note_changes(draft, changed, call.name)
                except FaultError as error:
                    raise _named(error, call) from None
    wire = lower(draft)
    for layer in (Layer.HTTP, Layer.SOCKET):
        for definition, call in found:
            if definition.layer is layer:
                wire = _apply(definition, call, wire, rng)
    return wire


def _apply(
    definition: FaultDefinition, call: FaultCall, draft: _Draft, rng: Random
) -> _Draft:
    try:
        chance = (rng,) if definition.uses_chance else ()
        named = {
            definition.keywords[key]: call.parameters[key] for key in call.parameters
        }
        changed = definition.function(draft, *chance, **named)
    except FaultError as error:
        raise _named(error, call) from None
    except Exception as error:
        raise FaultDefectError(
            f"the fault failed with {type(error).__name__}: {error}{_line_of(error)}",
            key=call.name,
        ) from error
    if not isinstance(changed, type(draft)):
        raise FaultDefectError(
            f"expected the fault to return {type(draft).__name__}, "
            f"got {type(changed).__name__}",
            key=call.name,
        )
    return changed


def _line_of(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _named(error: FaultError, call: FaultCall) -> FaultError:
    key = f"{call.name}.{error.key}" if error.key else call.name
    return FaultError(error.message, key=key, nearest=error.nearest)


def flow_yaml(value: Any) -> str:
    """Return a value in YAML's flow style, as scenarios write it."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name}: {flow_yaml(part)}" for name, part in value.items())
        return "{" + inner + "}"
    return json.dumps(value) if not isinstance(value, tuple) else flow_yaml([*value])


def _define(
    function: Callable[..., Any], layer: Layer, example: Mapping[str, Any]
) -> FaultDefinition:
    signature = inspect.signature(function)
    parameters = {
        name.removesuffix("_"): parameter
        for name, parameter in signature.parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    # A module may import the types of draft and generator for type checkers only.
    namespace = {"Random": object, "EventDraft": EventDraft, "WireDraft": WireDraft}
    hints = get_type_hints(function, localns=namespace, include_extras=True)
    keywords = {name: parameter.name for name, parameter in parameters.items()}
    return FaultDefinition(
        name=function.__name__,
        layer=layer,
        doc=parse_docstring(inspect.getdoc(function) or ""),
        example=example,
        cassette=PLAIN,
        parameters=parameters,
        types={name: hints.get(keywords[name], Any) for name in parameters},
        keywords=keywords,
        function=function,
        uses_chance=len(signature.parameters) - len(parameters) > 1,
    )


def _import_fault(path: str) -> FaultDefinition:
    module_name, _, attribute = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # noqa: BLE001 - it runs the user's own module
        words = f"{type(error).__name__}: {error}"
        raise InputError(f"cannot load the fault {path!r}: {words}", key=path) from None
    function = getattr(module, attribute, None)
    own = {}
    for definition in REGISTRY.values():
        if definition.function is function:
            return definition
        if definition.function.__module__ == module_name:
            own[f"{module_name}:{definition.name}"] = definition
    if function is None:
        raise InputError(
            f"{module_name} has no {attribute!r}", key=path, nearest=closest(path, own)
        )
    raise InputError(
        f"{path!r} is not a fault: declare it with harness.faults.fault",
        key=path,
    )
