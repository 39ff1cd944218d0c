"""The faults by name, and how one is declared.

A fault is a function; its keyword-only parameters, with their annotations, defaults and
docstring, are its definition::

    @fault(Layer.EVENTS, example={"times": 2})
    def repeat_first(draft: EventDraft, rng: Random, *, times: int = 2) -> EventDraft:
        "Send the first text delta again before the stream goes on."

Faults compose left to right within a layer, layers in the order of `Layer`. A fault
that cannot apply raises `FaultError`: a scenario that tests nothing must not pass.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from harness.errors import InputError, closest
from harness.faults.draft import EventDraft, WireDraft, lower

if TYPE_CHECKING:
    from random import Random

__all__ = [
    "REGISTRY",
    "FaultCall",
    "FaultDefinition",
    "FaultError",
    "Layer",
    "apply_faults",
    "fault",
    "find_fault",
]

_Draft = TypeVar("_Draft", EventDraft, WireDraft)


class FaultError(InputError):
    """A fault that cannot apply to this stream, or with these parameters."""


class Layer(StrEnum):
    """Where a fault works; the order of the members is the order of application."""

    EVENTS = "events"
    LINES = "lines"
    HTTP = "http"
    SOCKET = "socket"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultDefinition:
    """A fault as it is listed.

    Attributes:
        name: What a scenario calls it.
        layer: Where it works.
        summary: First line of its docstring.
        example: Parameters that show a typical use.
        parameters: Keyword-only parameters of the function, in order.
        types: The annotation of every parameter.
        function: Draft in, draft out.
    """

    name: str
    layer: Layer
    summary: str
    example: Mapping[str, Any]
    parameters: Mapping[str, inspect.Parameter]
    types: Mapping[str, Any]
    function: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCall:
    """A fault with its parameters, as a scenario names it."""

    name: str
    parameters: Mapping[str, Any]


REGISTRY: dict[str, FaultDefinition] = {}


def fault(
    layer: Layer, *, example: Mapping[str, Any]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function as a fault and register it under its own name.

    Args:
        layer: Where it works.
        example: Parameters that show a typical use.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        definition = _define(function, layer, example)
        REGISTRY[definition.name] = definition
        return function

    return declare


def find_fault(name: str) -> FaultDefinition:
    """Return the fault of that name, or of that dotted path (``module:function``).

    Raises:
        InputError: If there is none; it names the nearest.
    """
    if name in REGISTRY:
        return REGISTRY[name]
    if ":" in name:
        return _import_fault(name)
    raise InputError(
        f"unknown fault {name!r}", key=name, nearest=closest(name, REGISTRY)
    )


def apply_faults(
    draft: EventDraft, calls: tuple[FaultCall, ...], rng: Random
) -> WireDraft:
    """Apply faults to a draft, layer by layer, left to right within a layer.

    Args:
        draft: The stream as recorded.
        calls: The faults, as the scenario lists them.
        rng: The only source of chance.

    Raises:
        FaultError: If a fault cannot apply; its key names the fault.
    """
    found = [(find_fault(call.name), call) for call in calls]
    for layer in (Layer.EVENTS, Layer.LINES):
        for definition, call in found:
            if definition.layer is layer:
                draft = _apply(definition, call, draft, rng)
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
        changed: _Draft = definition.function(draft, rng, **call.parameters)
    except FaultError as error:
        error.key = error.key or call.name
        raise
    return changed


def _define(
    function: Callable[..., Any], layer: Layer, example: Mapping[str, Any]
) -> FaultDefinition:
    signature = inspect.signature(function)
    parameters = {
        name: parameter
        for name, parameter in signature.parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    # Annotations of the draft and the generator need not be importable at run time.
    namespace = {"Random": object, "EventDraft": EventDraft, "WireDraft": WireDraft}
    hints = get_type_hints(function, localns=namespace)
    return FaultDefinition(
        name=function.__name__,
        layer=layer,
        summary=(inspect.getdoc(function) or "").split("\n", 1)[0],
        example=example,
        parameters=parameters,
        types={name: hints[name] for name in parameters},
        function=function,
    )


def _import_fault(path: str) -> FaultDefinition:
    module_name, _, attribute = path.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"cannot load the fault {path!r}: {error}", key=path) from None
    for definition in REGISTRY.values():
        if definition.function is function:
            return definition
    raise InputError(
        f"{path!r} is not a fault: declare it with harness.faults.registry.fault",
        key=path,
    )
