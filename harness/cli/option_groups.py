"""Options in named groups, so that the help of a command with many can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["GroupedCommand", "combined", "option"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


_UNGROUPED = "Options"


class _GroupedOption(click.Option):
    """An option that knows the heading it is listed under."""

    def __init__(self, *args: Any, group: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help lists its options by group, in the order of declaration."""

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write a section for each group; options without one are the last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            # Arguments are explained in the text above, as click does it.
            if record is not None and isinstance(parameter, click.Option):
                title = getattr(parameter, "group", _UNGROUPED)
                groups.setdefault(title, []).append(record)
        last = {_UNGROUPED: groups.pop(_UNGROUPED, [])}
        for title, records in (groups | last).items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def option(
    *names: str, group: str, **attributes: Any
) -> Callable[[_Command], _Command]:
    """Return `click.option` with a heading for the help of a `GroupedCommand`."""
    return click.option(*names, cls=_GroupedOption, group=group, **attributes)


def combined(
    *options: Callable[[_Command], _Command],
) -> Callable[[_Command], _Command]:
    """Return one decorator that adds several options, listed in this order."""

    def decorate(command: _Command) -> _Command:
        for one in reversed(options):
            command = one(command)
        return command

    return decorate
