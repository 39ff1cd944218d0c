from __future__ import annotations

import pytest

from harness.dialects.payload import Payload, PayloadKind, looks_like_object


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (PayloadKind.OTHER, {"type": "ping"}, True),
        (PayloadKind.OTHER, [1], False),
        (PayloadKind.CHUNK, {"choices": []}, False),
    ],
)
def test_unknown_object_is_an_object_that_is_no_chunk(kind, value, expected):
    """Other JSON than objects is no event of another dialect."""
    assert expected is Payload(kind=kind, value=value).is_unknown_object


class TestLooksLikeObject:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [("{", True), ('\n\t {"a', True), ("", False), ("[{", False), ("x{", False)],
    )
    def test_tells_by_the_first_character(self, data, expected):
        """Only what begins with a brace may hold text."""
        assert looks_like_object(data) is expected
