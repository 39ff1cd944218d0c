"""The selection of answers, and the requested model."""

from __future__ import annotations

import pytest

from harness.record.selection import Selection, model_of

SSE = "text/event-stream; charset=utf-8"


@pytest.mark.parametrize(
    ("selection", "path", "model", "content_type", "expected"),
    [
        (Selection(), "/x", None, SSE, True),
        (Selection(), "/x", None, "application/json", False),
        (Selection(everything=True), "/x", None, "application/json", True),
        (Selection(paths=("/v1/*",)), "/v1/a/b?c=/d", None, SSE, True),
        (Selection(paths=("/v1/*",)), "/x?y=/v1/z", None, SSE, False),
        (Selection(paths=("/v1/*",)), "/V1/x", None, SSE, False),
        (Selection(paths=("/a", "/b")), "/b?q", None, SSE, True),
        (Selection(models=("gpt-*",)), "/x", "gpt-5", SSE, True),
        (Selection(models=("gpt-*",)), "/x", "my-gpt-5", SSE, False),
        (Selection(models=("*",)), "/x", None, SSE, False),
        (Selection(paths=("/a",), models=("m",)), "/a", "n", SSE, False),
        (Selection(everything=True, paths=("/a",)), "/b", None, "", False),
    ],
)
def test_selects(selection, path, model, content_type, expected):
    """Type, path and model must all fit; the query is no part of the path."""
    assert expected is selection.wants(
        path=path, model=model, content_type=content_type
    )


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/v1/chat/completions", b'{"model": "m/1"}', "m/1"),
        ("/v1/models/gemini-x:streamGenerateContent?alt=sse", b"{}", "gemini-x"),
        ("/openai/deployments/d1/chat/completions", b'{"messages": []}', "d1"),
        ("/v1/models", b"", None),
        ("/v1/models/a:x", b'{"model": "b"}', "b"),
        ("/x", b'{"model": 5}', None),
        ("/x", b'["model"]', None),
        ("/x", b'{"model": ""}', None),
        ("/x", b"\xff\xfe", None),
        ("/x", b"[" * 100_000, None),
    ],
)
def test_finds_the_model(path, body, expected):
    """The body names it, or the path, or nobody."""
    assert expected == model_of(path, body)
