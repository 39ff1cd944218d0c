"""Which answers are recorded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["Selection", "is_event_stream", "model_of"]

# Where the model is not in the body: Gemini and Azure name it in the path.
_MODEL_IN_PATH = re.compile(r"/(?:models|deployments)/([^/:?]+)[/:]")


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


def is_event_stream(content_type: str) -> bool:
    """Tell whether a content type is that of an event stream, parameters aside."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


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
