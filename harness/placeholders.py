"""Placeholders: names in braces for values that are known when a target starts.

``{upstream}`` is the URL of the replaying upstream, ``{upstream_host}`` and
``{upstream_port}`` are its parts, ``{port}`` is a free port for a target that cannot
take port 0, ``{dir}`` the fresh folder of the target's files. ``{{name}}`` is the text
``{name}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.errors import closest

__all__ = ["PLACEHOLDERS", "fill", "fill_template", "unknown_placeholder"]

PLACEHOLDERS = ("dir", "port", "upstream", "upstream_host", "upstream_port")

_ANY = re.compile(r"\{\{([a-z_]+)\}\}|\{([a-z_]+)\}")
_KNOWN = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")


def unknown_placeholder(text: str) -> tuple[str, str | None] | None:
    """Return the first unknown name in braces, and the nearest placeholder."""
    for match in _ANY.finditer(text):
        name = match[2]
        if name is not None and name not in PLACEHOLDERS:
            return name, closest(name, PLACEHOLDERS)
    return None


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text of an argument or a variable, its placeholders filled in.

    Raises:
        KeyError: It holds a name that ``values`` does not.
    """
    return _ANY.sub(
        lambda match: f"{{{match[1]}}}" if match[1] else values[match[2]], text
    )


def fill_template(text: str, values: Mapping[str, str]) -> str:
    """Return the text of a file, its placeholders filled in.

    Configuration files are full of braces: unknown names stay as they are.
    """
    return _KNOWN.sub(lambda match: values[match[1]], text)
