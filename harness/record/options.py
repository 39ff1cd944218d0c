"""The options of the addon in a user's own mitmdump: ``--set harness_…=…``.

All are lists of text, which are parsed here. mitmproxy silently switches the addon off
if an option of another type has a value that it cannot read, that is missing or that is
given twice; and it ignores an unknown name. A user would believe to be recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from harness.errors import InputError, closest
from harness.privacy.redact import RedactionRules
from harness.record.saving.file_names import DEFAULT_TEMPLATE, FIELDS
from harness.record.selection import Selection
from harness.record.settings import MAX_BYTES, RecorderSettings, parse_flag, parse_size

__all__ = ["OPTIONS", "check_names", "read_options"]

_PREFIX = "harness_"

OPTIONS: Mapping[str, tuple[Sequence[str], str]] = {
    "harness_out": (["cassettes"], "Folder of the cassettes."),
    "harness_all": (["false"], "Record answers that are not event streams, too."),
    "harness_path": ([], "Record only paths that match this. May be repeated."),
    "harness_model": ([], "Record only models that match this. May be repeated."),
    "harness_name": (
        [DEFAULT_TEMPLATE],
        f"Names of cassettes; in braces: {', '.join(FIELDS)}.",
    ),
    "harness_max_bytes": ([str(MAX_BYTES)], "Keep this much of a body; 0: all of it."),
    "harness_tag": ([], "Put this tag into every cassette. May be repeated."),
    "harness_redact_header": ([], "Redact this header, too. May be repeated."),
    "harness_redact_parameter": ([], "Redact this query parameter, too. Repeatable."),
    "harness_redact_key": ([], "Redact this JSON key, too. May be repeated."),
    "harness_redact_pattern": ([], "Redact text that matches this. Repeatable."),
}
"""Every option with its default and its help."""


def check_names(unknown: Iterable[str]) -> None:
    """Refuse unknown options that were meant for this addon.

    Args:
        unknown: Names that were set and belong to no addon.

    Raises:
        InputError: A name begins with ``harness_``.
    """
    for name in unknown:
        if name.startswith(_PREFIX):
            nearest = closest(name, OPTIONS)
            raise InputError("unknown option", key=name, nearest=nearest)


def read_options(get: Callable[[str], Sequence[str]]) -> RecorderSettings:
    """Return the settings that the options give.

    Args:
        get: Returns the values of an option.

    Raises:
        InputError: A value cannot be read.
    """

    def one(name: str) -> str:
        values = get(name)
        if len(values) != 1 or not values[0]:
            got = f"{len(values)} values" if len(values) != 1 else "an empty one"
            raise InputError(f"expected one value, got {got}", key=name)
        return values[0]

    def many(name: str) -> tuple[str, ...]:
        values = get(name)
        if not all(values):
            raise InputError("expected a value, got an empty one", key=name)
        return tuple(values)

    try:
        rules = RedactionRules(
            headers=frozenset(many("harness_redact_header")),
            parameters=frozenset(many("harness_redact_parameter")),
            keys=frozenset(many("harness_redact_key")),
            patterns=many("harness_redact_pattern"),
        )
    except ValueError as error:
        raise InputError(str(error), key="harness_redact_pattern") from None
    selection = Selection(
        everything=parse_flag(one("harness_all"), "harness_all"),
        paths=many("harness_path"),
        models=many("harness_model"),
    )
    return RecorderSettings(
        out=one("harness_out"),
        selection=selection,
        name=one("harness_name"),
        max_bytes=parse_size(one("harness_max_bytes"), "harness_max_bytes"),
        rules=rules,
        tags=many("harness_tag"),
    )
