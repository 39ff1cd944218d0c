"""``harness faults``: every fault with its parameters, its oracle and an example."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from harness.faults.parameters import describe_type
from harness.faults.registry import (
    REGISTRY,
    FaultDefinition,
    Layer,
    find_fault,
    flow_yaml,
)

__all__ = ["describe", "faults", "faults_page"]

_LAYERS = {
    Layer.EVENTS: "events: the content of the chunks",
    Layer.LINES: "lines: the bytes of server-sent events",
    Layer.HTTP: "http: status, body and framing",
    Layer.SOCKET: "socket: borders, times and endings",
}


@click.command(short_help="List the faults, or explain some.")
@click.argument("names", nargs=-1)
@click.option(
    "--markdown", is_flag=True, help="Print the reference part of docs/faults.md."
)
def faults(names: tuple[str, ...], markdown: bool) -> None:  # noqa: FBT001 - click's
    """List all faults by layer, or explain the named ones.

    The name of your own fault is its dotted path, MODULE:FUNCTION.

    Faults of a scenario apply layer by layer in this order, and left to right within
    a layer.

    \b
    Examples:
      harness faults                the list
      harness faults close_at       parameters, oracle and an example
      harness faults my_faults:shout
    """  # noqa: D301 - \b is click's
    found = [find_fault(name) for name in names]
    if markdown:
        click.echo(faults_page(), nl=False)
    elif found:
        click.echo("\n\n".join(describe(definition) for definition in found))
    else:
        _list()


def _list() -> None:
    for layer, title in _LAYERS.items():
        click.echo(title)
        for definition in _of(layer):
            click.echo(f"  {definition.name:<18} {definition.summary}")
            click.echo(f"  {'':<18} - {_example(definition)}")
        click.echo()
    click.echo(
        "`harness faults NAME` explains one. Classes are those of docs/classes.md."
    )


def _of(layer: Layer) -> list[FaultDefinition]:
    found = [entry for entry in REGISTRY.values() if entry.layer is layer]
    return sorted(found, key=lambda entry: entry.name)


def describe(definition: FaultDefinition) -> str:
    """Return the description of a fault: parameters, oracle and an example."""
    return "\n".join(_description(definition))


def _description(definition: FaultDefinition) -> Iterator[str]:
    yield f"{definition.name} ({definition.layer}): {definition.summary}"
    for paragraph in definition.doc.body:
        yield from ("", *_wrapped(paragraph, "  "))
    if definition.parameters:
        yield ""
        yield "  Parameters"
    for name in definition.parameters:
        yield from _wrapped(f"{name}: {_kind(definition, name)}", "    ")
        for line in definition.doc.parameters.get(name, ()):
            yield from _wrapped(line, "        ")
    if definition.doc.oracle:
        yield ""
        yield "  Oracle"
        yield from _wrapped(definition.doc.oracle, "    ")
    if definition.live_only:
        yield ""
        yield f"  Live only{_when(definition)}: virtual time cannot show it"
    yield ""
    yield "  Example"
    yield f"    - {_example(definition)}"
    yield f"    on {definition.cassette}"


def _wrapped(text: str, indent: str) -> list[str]:
    further = indent + "  " if text.startswith("- ") else indent
    text = text.replace("``", "`")
    return click.wrap_text(
        text, width=88, initial_indent=indent, subsequent_indent=further
    ).splitlines()


def _kind(definition: FaultDefinition, name: str) -> str:
    default = definition.parameters[name].default
    required = default is inspect.Parameter.empty
    words = "required" if required else f"default: {flow_yaml(default)}"
    return f"{describe_type(definition.types[name])} ({words})"


def _when(definition: FaultDefinition) -> str:
    rule = definition.live_only
    if isinstance(rule, bool):
        return ""
    cases = [
        f"{name}: {' or '.join(map(str, values))}" if values else name
        for name, values in rule.items()
    ]
    return " with " + ", ".join(cases)


def _example(definition: FaultDefinition) -> str:
    return f"{definition.name}: {flow_yaml(definition.example)}"


def faults_page() -> str:
    """Return the reference part of docs/faults.md."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    for layer, title in _LAYERS.items():
        yield f"### {title[0].upper()}{title[1:]}\n"
        for definition in _of(layer):
            yield from _entry(definition)


def _entry(definition: FaultDefinition) -> Iterator[str]:
    yield f"#### `{definition.name}`\n"
    for paragraph in (definition.summary, *definition.doc.body):
        yield f"{_code(paragraph)}\n"
    for name in definition.parameters:
        head, *points = definition.doc.parameters.get(name, ("",))
        text = f". {_code(head)}" if head else ""
        yield f"- `{name}`: {_kind(definition, name)}{text}"
        for point in points:
            yield f"  {_code(point)}"
    if definition.parameters:
        yield ""
    if definition.doc.oracle:
        yield f"Oracle: {_code(definition.doc.oracle)}\n"
    if definition.live_only:
        yield f"Live only{_when(definition)}: virtual time cannot show it.\n"
    yield f"```yaml\n- {_example(definition)}  # {definition.cassette}\n```\n"


def _code(text: str) -> str:
    return text.replace("``", "`")
