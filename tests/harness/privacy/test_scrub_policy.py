"""Which values of a body are text, ids or structure."""

from __future__ import annotations

import pytest

from harness.privacy.scrub_policy import (
    ScrubAction,
    action_for,
    is_id_name,
    is_identity_header,
)
from harness.privacy.strings import Scalar


def action(*path, is_string=True):
    """Return the treatment of the value at a path."""
    return action_for(Scalar(0, 1, ("", *path), is_string=is_string))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("choices", 0, "delta", "content"), ScrubAction.REPLACE),
        (("choices", 0, "delta", "role"), ScrubAction.KEEP),
        (("choices", 0, "finish_reason"), ScrubAction.KEEP),
        (("model",), ScrubAction.KEEP),
        (("object",), ScrubAction.KEEP),
        (("id",), ScrubAction.RENAME),
        (("tool_call_id",), ScrubAction.RENAME),
        (("system_fingerprint",), ScrubAction.RENAME),
        (("user",), ScrubAction.REPLACE),
        (("something_new",), ScrubAction.REPLACE),
        (("tools", 0, "function", "name"), ScrubAction.KEEP),
        (("messages", 0, "name"), ScrubAction.REPLACE),
        (("error", "code"), ScrubAction.KEEP),
        (("code",), ScrubAction.REPLACE),
        ((), ScrubAction.REPLACE),
    ],
)
def test_a_string_is_treated_by_its_path(path, expected):
    """Unknown values are text."""
    assert expected is action(*path)


def test_a_name_in_written_arguments_is_text():
    """A key in what a model wrote means nothing, whatever it is called."""
    assert ScrubAction.REPLACE is action("tool_calls", "arguments", "model")
    assert ScrubAction.REPLACE is action("tool_calls", "arguments", "id")


def test_the_roles_of_an_input_stay():
    """One API names its whole prompt ``input``."""
    assert ScrubAction.KEEP is action("input", 0, "role")
    assert ScrubAction.REPLACE is action("tool_use", "input", "role")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("created",), ScrubAction.KEEP),
        (("choices", 0, "logprobs", "content", 0, "bytes", 3), ScrubAction.MASK),
        (("logprobs", "content", 0, "logprob"), ScrubAction.KEEP),
        (("logprobs", "tokens", 0, "id"), ScrubAction.MASK),
        (("context", 0), ScrubAction.MASK),
        (("context",), ScrubAction.KEEP),
        (("id",), ScrubAction.KEEP),
    ],
)
def test_numbers_that_encode_text_are_masked(path, expected):
    """Tokens and bytes of the text are; counts and times stay."""
    assert expected is action(*path, is_string=False)


@pytest.mark.parametrize(
    "name",
    ["x-request-id", "OpenAI-Organization", "X-Forwarded-For", "CF-Ray", "traceparent"],
)
def test_headers_that_identify(name):
    """A user, an account or a request."""
    assert is_identity_header(name)


@pytest.mark.parametrize(
    "name",
    ["user-agent", "User-Agent", "x-ratelimit-limit-project", "content-type", "valid"],
)
def test_headers_that_do_not(name):
    """Programs and limits identify nobody."""
    assert not is_identity_header(name)


def test_names_of_ids_end_so():
    """The last word decides."""
    assert all(map(is_id_name, ("id", "tool_call_id", "item_IDS", "callId")))
    assert not any(map(is_id_name, ("", "identity", "id_token", "void")))
