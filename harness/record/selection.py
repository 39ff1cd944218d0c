"""Which answers are recorded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.dialects.registry import DIALECTS
from harness.sse import is_event_stream

__all__ = ["Selection", "model_of"]

# Where the model is not in the body, it may stand in the path.
_FOLDERS = "|".join(one.model_folder for one in DIALECTS if one.model_folder)
_MODEL_IN_PATH = re.compile(rf"/(?:{_FOLDERS})/([^/:?]+)[/:]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of the traffic is kept.

    Attributes:
        everything: Answers that are no event stream, too.
        paths: Shell patterns for the path without its query, of which one must fit;
            none: every path. ``*`` stands for slashes too.
        models: The same for the model that was asked for; with one of these, a request
            that names no model is left out.
    """

    everything: bool = False
    paths: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def wants(self, *, path: str, model: str | None, content_type: str) -> bool:
        """Tell whether this answer is to be recorded.

        Args:
            path: The request target.
            model: As `model_of` found it.
            content_type: Value of the answer's header; empty where there is none.
        """
        if not (self.everything or is_event_stream(content_type)):
            return False
        bare = path.partition("?")[0]
        return _fits(bare, self.paths) and _fits(model, self.models)


def model_of(path: str, body: bytes) -> str | None:
    """Return the model that a request asks for, or None where it names none."""
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
