from __future__ import annotations

from harness.faults.docstrings import parse_docstring

_TEXT = """Send it again.

A paragraph
of two lines.

Another one.

Args:
    draft: The stream.
    from_: The first
        of them.
    mode: How.

        - ``a``: one
          way.
        - ``b``: another.

Raises:
    FaultError: Never.

Oracle:
    Both: as sent,
    always.
"""


def test_a_docstring_is_read_by_its_sections():
    """Lines of a paragraph are joined; sections that are no help are ignored."""
    doc = parse_docstring(_TEXT)

    assert "Send it again." == doc.summary
    assert ("A paragraph of two lines.", "Another one.") == doc.body
    assert "Both: as sent, always." == doc.oracle
    assert ["draft", "from", "mode"] == list(doc.parameters)


def test_a_parameter_has_its_text_and_a_line_for_each_option():
    """Its underscore is left out, as in scenarios."""
    doc = parse_docstring(_TEXT)

    assert ("The first of them.",) == doc.parameters["from"]
    assert ("How.", "- ``a``: one way.", "- ``b``: another.") == doc.parameters["mode"]


def test_a_docstring_may_be_one_line_or_missing():
    """Then there is no more help."""
    doc = parse_docstring("Do it.")

    assert ("Do it.", (), {}, "") == (
        doc.summary,
        doc.body,
        doc.parameters,
        doc.oracle,
    )
    assert not parse_docstring("").summary
