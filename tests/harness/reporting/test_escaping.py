from __future__ import annotations

import pytest

from harness.reporting.escaping import code_span, markdown_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b, c.", "a b, c."),
        ("**bold** _it_", "\\*\\*bold\\*\\* \\_it\\_"),
        ("<script>", "\\<script\\>"),
        ("[a](http://x)", "\\[a\\](http\\://x)"),
        ("a | b", "a \\| b"),
        ("1. first", "1\\. first"),
        ("0.5 ms", "0.5 ms"),
        ("- item", "\\- item"),
        ("2026-11-23", "2026-11-23"),
        ("why: so", "why: so"),
        (":smile:", "\\:smile:"),
        ("@team see #12", "`@`team see `#`12"),
        ("# title", "`#` title"),
        ("www.example.com", "www\\.example.com"),
        ("&amp; $x$", "\\&amp; \\$x\\$"),
        ("line\n# two", "line\\\\u000a`#` two"),
        (".", "."),
    ],
)
def test_markdown_text_shows_what_was_written(text, shown):
    """No markup, mention, link, entity or new block comes from untrusted text."""
    assert markdown_text(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x", "`x`"),
        ("a`b", "``a`b``"),
        ("``", "``` `` ```"),
        ("", "`  `"),
        ("a\nb", "`a\\u000ab`"),
        ("<b>@me", "`<b>@me`"),
    ],
)
def test_code_span_cannot_be_left(text, shown):
    """The fence is longer than any run of backticks within."""
    assert code_span(text) == shown
