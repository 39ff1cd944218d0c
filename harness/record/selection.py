"""The selection of the answers that are recorded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.dialects.registry import DIALECTS
from harness.sse import is_event_stream

__all__ = ["Selection", "model_of"]

# A model that is not in the body may be in the path.
_FOLDERS = "|".join(one.model_folder for one in DIALECTS if one.model_folder)
_MODEL_IN_PATH = re.compile(rf"/(?:{_FOLDERS})/([^/:?]+)[/:]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The part of the traffic that is kept.

    Attributes:
        everything: Keep answers that are not event streams, too.
        paths: Shell patterns for the path without its query, one of which must match;
            none: every path. ``*`` matches slashes too.
        models: The same for the requested model; a request that names no model matches
            none of them.
    """

    everything: bool = False
    paths: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def wants(self, *, path: str, model: str | None, content_type: str) -> bool:
        """Tell whether this answer is to be recorded.

        Args:
            path: The request target.
            model: As `model_of` found it.
            content_type: Value of the answer's header, or an empty text.
        """
        if not (self.everything or is_event_stream(content_type)):
            return False
        bare = path.partition("?")[0]
        return _fits(bare, self.paths) and _fits(model, self.models)


def model_of(path: str, body: bytes) -> str | None:
    """Return the model that a request names, or None."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    named = asked.get("model") if isinstance(asked, dict) else None
    if isinstance(named, str) and named:
        return named
    found = _MODEL_IN_PATH.search(path)
    return found[1] if found else None


def _fits(text: str | None, patterns: tuple[str, ...]) -> bool:
    if not patterns:
        return True
    return text is not None and any(fnmatchcase(text, one) for one in patterns)
