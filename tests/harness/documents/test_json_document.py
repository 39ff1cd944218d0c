from __future__ import annotations

import pytest

from harness.documents.json_document import load_json
from harness.errors import InputError


def test_a_byte_order_mark_is_passed_over():
    """Some editors write one."""
    assert {"a": 1} == load_json(b'\xef\xbb\xbf{"a": 1}', source="f.json").value


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (b"{\n\xff", 2, "expected UTF-8, got the byte 0xFF"),
        (b'{\n"a" 1}', 2, "expected JSON: Expecting ':' delimiter, at character 5"),
        (b'{"a": NaN}', None, "expected JSON: NaN is not a JSON number"),
        (b"[" * 100_000, None, "expected JSON: "),
    ],
)
def test_what_is_no_json_is_refused(text, line, message):
    """With the line, where one is known."""
    with pytest.raises(InputError) as caught:
        load_json(text, source="f.json")
    assert ("f.json", line) == (caught.value.source, caught.value.line)
    assert message in caught.value.message


def test_a_line_of_a_file_is_told_by_its_number():
    """Of what is no JSON, and of a value in it."""
    with pytest.raises(InputError, match=r"f.ndjson:9: expected JSON"):
        load_json(b"{", source="f.ndjson", line=9)
    assert 9 == load_json(b'{"a": 1}', source="f.ndjson", line=9).at("a").line
