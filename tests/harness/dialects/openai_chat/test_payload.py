from __future__ import annotations

import pytest

from harness.dialects.openai_chat.payload import parse_payload
from harness.dialects.payload import Payload, PayloadKind


class TestParsePayload:
    @pytest.mark.parametrize("data", ["[DONE]", "[DONE] ", " \t[DONE]\r"])
    def test_sentinel_with_spaces_is_done(self, data):
        """Spaces around the sentinel do not count."""
        assert parse_payload(data) == Payload(kind=PayloadKind.END)

    @pytest.mark.parametrize("data", ["[done]", "[DONE", "[DONE]\n", "x[DONE]"])
    def test_what_only_resembles_the_sentinel_is_malformed(self, data):
        """Nothing else is the sentinel."""
        assert parse_payload(data).kind is PayloadKind.MALFORMED

    @pytest.mark.parametrize(
        "data",
        [
            '{"choices":[]}',
            '{"choices":null}',
            '{"usage":null}',
            '{"choices":[],"error":null}',
            '{"choices":[],"error":""}',
        ],
    )
    def test_choices_or_usage_make_a_chunk(self, data):
        """An object with choices or usage, and no error that says something."""
        assert parse_payload(data).kind is PayloadKind.CHUNK

    @pytest.mark.parametrize(
        "data",
        [
            '{"error":{"message":"boom"}}',
            '{"error":"boom"}',
            '{"choices":[],"error":{"code":400}}',
            '{"type":"error","error":{}, "choices":[], "error":{"a":1}}',
        ],
    )
    def test_error_that_says_something_is_an_error(self, data):
        """An error counts as object or string, and also beside choices."""
        assert parse_payload(data).kind is PayloadKind.ERROR

    def test_event_named_error_is_an_error_whatever_it_holds(self):
        """The event's name is enough; data that is no JSON is its own value."""
        assert parse_payload('{"a":1}', "error") == Payload(
            kind=PayloadKind.ERROR, value={"a": 1}
        )
        assert parse_payload("gone", event="error") == Payload(
            kind=PayloadKind.ERROR, value="gone"
        )

    @pytest.mark.parametrize("event", ["message", "error"])
    @pytest.mark.parametrize("data", ["", " ", "\n"])
    def test_empty_data_is_malformed(self, data, event):
        """Data without anything in it says nothing, not even an error."""
        assert parse_payload(data, event) == Payload(kind=PayloadKind.MALFORMED)

    @pytest.mark.parametrize(
        "data",
        [
            '{"choices":[',
            '{"a":NaN}',
            '{"a":-Infinity}',
            "{'a':1}",
            '{"a":1}{"a":2}',
            "<html>",
            '"a\nb"',
            "\ufeff{}",
            "[" * 100_000,
            "1" * 5000 + "x",
        ],
    )
    def test_what_no_parser_accepts_is_malformed(self, data):
        """Broken JSON, constants that are not JSON, and endless nesting."""
        assert parse_payload(data) == Payload(kind=PayloadKind.MALFORMED)

    @pytest.mark.parametrize("data", ["[]", "1", '"x"', "null", "{}", '{"choices":1}'])
    def test_other_json_is_other(self, data):
        """JSON that is neither a chunk nor an error is of no known kind."""
        assert parse_payload(data).kind is PayloadKind.OTHER

    def test_lone_surrogate_is_read(self):
        """Half an emoji, which orjson refuses, is read by the second parser."""
        payload = parse_payload('{"choices":["\\ud83d"]}')

        assert payload.value == {"choices": ["\ud83d"]}
