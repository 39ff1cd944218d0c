"""``harness faults``: every fault with its parameters and an example."""

from __future__ import annotations

import click

from harness.errors import InputError, closest
from harness.faults.registry import REGISTRY, FaultDefinition, Layer, describe

__all__ = ["faults", "faults_page"]

_LAYERS = {
    Layer.EVENTS: "events: what the chunks say",
    Layer.LINES: "lines: how server-sent events are written",
    Layer.HTTP: "http: status, body and framing",
    Layer.SOCKET: "socket: borders, times and endings",
}


@click.command(short_help="List the faults, or explain some.")
@click.argument("names", nargs=-1)
@click.option("--markdown", is_flag=True, help="As the page docs/faults.md has them.")
def faults(names: tuple[str, ...], markdown: bool) -> None:  # noqa: FBT001 - click's
    """List all faults by layer, or explain those that are named.

    Faults of a scenario apply layer by layer in this order, and left to right within
    a layer.

    \b
    Examples:
      harness faults                the list
      harness faults close_at       parameters and an example
    """  # noqa: D301 - \b is click's
    for name in names:
        if name not in REGISTRY:
            raise InputError(f"unknown fault {name!r}", nearest=closest(name, REGISTRY))
    if markdown:
        click.echo(faults_page(), nl=False)
    elif names:
        click.echo("\n\n".join(describe(REGISTRY[name]) for name in names))
    else:
        _list()


def _list() -> None:
    width = max(map(len, REGISTRY))
    for layer, title in _LAYERS.items():
        click.echo(title)
        for definition in _of(layer):
            click.echo(f"  {definition.name:<{width}}  {definition.summary}")
        click.echo()
    click.echo("`harness faults NAME` explains one.")


def _of(layer: Layer) -> list[FaultDefinition]:
    found = [entry for entry in REGISTRY.values() if entry.layer is layer]
    return sorted(found, key=lambda entry: entry.name)


def faults_page() -> str:
    """Return the reference part of docs/faults.md."""
    parts = []
    for layer, title in _LAYERS.items():
        parts.append(f"### {title[0].upper()}{title[1:]}\n")
        for definition in _of(layer):
            _, *rest = describe(definition).splitlines()
            body = "\n".join(line[2:] for line in rest)
            parts.append(
                f"**`{definition.name}`**: {definition.summary}\n\n```\n{body}\n```\n"
            )
    return "\n".join(parts)
