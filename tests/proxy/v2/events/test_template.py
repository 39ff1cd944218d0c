from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.v2.events.template import template_of

ENVELOPE = (
    b'data: {"id":"a","choices":[{"index":%d,"delta":{"content":%b}}],"u":null}\n\n'
)


def event(text, index=0):
    """Return an event with a text, written as JSON."""
    return ENVELOPE % (index, text)


def learned(raw):
    """Return the template of an event that must have one."""
    found = template_of(raw, orjson.loads(raw[6:]))
    assert found is not None
    return found


class TestLearn:
    def test_shape_is_what_is_around_the_text(self):
        """Quotes belong to it."""
        template, key = learned(event(b'"Hi"'))

        assert template.before + b"Hi" + template.after == event(b'"Hi"')
        assert key == (0, "content")

    def test_choice_and_field_come_with_it(self):
        """The caller knows whether that text is past its opening."""
        assert learned(event(b'"Hi"', 3))[1] == (3, "content")
        odd = b'data: {"choices":[{"delta":{"content":null,"reasoning" : "x"}}]}\n\n'
        assert learned(odd)[1] == (0, "reasoning")

    def test_chunk_is_left_as_it_was(self):
        """It may be held by others."""
        chunk = orjson.loads(event(b'"Hi"')[6:])
        template_of(event(b'"Hi"'), chunk)

        assert chunk == orjson.loads(event(b'"Hi"')[6:])

    @pytest.mark.parametrize(
        "payload",
        [
            b"[]",
            b"{}",
            b'{"choices":[]}',
            b'{"choices":[{"delta":{"content":""}}]}',
            b'{"choices":[{"delta":{"content":5}}]}',
            b'{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}',
            b'{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}',
            b'{"choices":[{"delta":{"content":"a","content":"b"}}]}',
            b'{"content":"a","choices":[{"delta":{"content":"a"}}]}',
            b'{"choices":[{"delta":{"\\u0063ontent":"a"}}]}',
        ],
    )
    def test_what_is_not_plain_has_none(self, payload):
        """A key that occurs twice, or elsewhere, or not at all."""
        assert template_of(b"data: " + payload + b"\n\n", orjson.loads(payload)) is None


class TestRun:
    def template(self):
        """Return the template of a plain event."""
        return learned(event(b'"Hi"'))[0]

    @pytest.mark.parametrize("count", [0, 1, 2, 7])
    @pytest.mark.parametrize(
        "rest",
        [
            b"",
            event(b'"x"', 1),
            event(b'"x"')[:-1],
            event(b'"\\ud83d"'),
            event(b'"\t"') + event(b'"x"'),
            b": ping\n\n" + event(b'"x"'),
            b"data: [DONE]\n\n",
        ],
    )
    def test_ends_before_the_first_that_does_not_fit(self, count, rest):
        """The bytes after it must be read, whether they match or not."""
        known = event(b'"x"') * count

        assert self.template().match_run(known + rest) == (count, len(known))

    @given(st.lists(st.text()), st.binary(max_size=40))
    def test_takes_what_fits_one_by_one(self, texts, rest):
        """Whatever follows."""
        template = self.template()
        known = b"".join(event(orjson.dumps(text)) for text in texts)
        count, end = template.match_run(known + rest)

        assert (count, end) == (len(texts), len(known))


class TestFits:
    @pytest.mark.parametrize(
        "text", [b'"x"', b'""', b'"\\""', b'"\\u00e9\xc3\xa9"', b'"data: \\n\\n"']
    )
    def test_events_with_another_text_fit(self, text):
        """Whatever it says, and however it is written."""
        assert learned(event(b'"Hi"'))[0].matches(event(text))

    @pytest.mark.parametrize(
        "raw",
        [
            event(b'"x"', 1),
            event(b'"x"').replace(b'"a"', b'"b"'),
            event(b'"x"').replace(b"null", b"{}"),
            event(b'"a","content":"b"'),
            event(b'"a"}}],"x":[{"d":{"content":"b"'),
            event(b'"\\ud83d"'),
            event(b'"\xff"'),
            event(b'"\t"'),
            event(b'"\\"'),
            event(b'"'),
            event(b'"x"') + event(b'"y"'),
            b"",
        ],
    )
    def test_all_else_does_not(self, raw):
        """It has then to be read."""
        assert not learned(event(b'"Hi"'))[0].matches(raw)

    @given(st.text(min_size=1), st.text(), st.booleans())
    def test_what_fits_means_the_same_but_for_its_text(self, known, text, ascii_only):
        """Read in full, such an event differs in one place."""
        template, _ = learned(event(orjson.dumps(known)))
        raw = event(json.dumps(text, ensure_ascii=ascii_only).encode())

        assert template.matches(raw)
        chunk = orjson.loads(raw[6:])
        chunk["choices"][0]["delta"]["content"] = known
        assert chunk == orjson.loads(event(orjson.dumps(known))[6:])

    @given(st.binary(max_size=60))
    def test_what_is_no_json_string_does_not_fit(self, inside):
        """With any bytes between the known ones."""
        template, _ = learned(event(b'"Hi"'))
        raw = event(b'"' + inside + b'"')
        try:
            whole = orjson.loads(raw[6:])
        except ValueError:
            whole = None

        if template.matches(raw):
            assert isinstance(whole["choices"][0]["delta"]["content"], str)
            assert list(whole) == ["id", "choices", "u"]
