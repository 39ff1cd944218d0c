from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sse.encoder import encode_comment, encode_event
from harness.sse.parser import parse

TEXT = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))
LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))
IDS = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


class TestEncodeEvent:
    @given(
        TEXT,
        st.none() | LINE,
        st.none() | IDS,
        st.none() | st.integers(min_value=0, max_value=10**18 - 1),
    )
    def test_is_read_back(self, data, event, event_id, retry):
        """What is written is what a strict reader reads, and nothing is notable."""
        encoded = encode_event(data, event=event, id=event_id, retry=retry)

        stream = parse(encoded)

        (read,) = stream.events
        assert (event or "message", data, event_id or "", retry) == (
            read.event,
            read.data,
            read.id,
            read.retry,
        )
        assert (0, len(encoded)) == (read.start, read.end)
        assert {"multi_line_data", "empty_data"} >= {d.kind for d in stream.deviations}

    def test_writes_one_space_and_line_feeds(self):
        """The bytes have the shape that most providers send."""
        expected = b"event: a\nid: 1\nretry: 5\ndata: x\ndata: y\n\n"

        assert expected == encode_event("x\ny", event="a", id="1", retry=5)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"data": "a\rb"},
            {"data": "", "event": "a\nb"},
            {"data": "", "id": "a\rb"},
            {"data": "", "id": "a\0b"},
            {"data": "", "retry": -1},
            {"data": "\ud800"},
        ],
        ids=str,
    )
    def test_refuses_what_the_format_cannot_carry(self, arguments):
        """A value that would be read differently is refused."""
        with pytest.raises(ValueError):
            encode_event(**arguments)


class TestEncodeComment:
    @given(TEXT)
    def test_is_read_back(self, text):
        """Each line of the text is read as one comment, and no event."""
        stream = parse(encode_comment(text))

        assert text.split("\n") == [comment.text for comment in stream.comments]
        assert stream.events == ()

    def test_stands_alone(self):
        """A blank line follows, so that a line-pair splitter sees it at once."""
        assert encode_comment("ping") == b": ping\n\n"

    def test_refuses_a_carriage_return(self):
        """A CR would end the comment and let the rest be read as a field."""
        with pytest.raises(ValueError, match="CR"):
            encode_comment("a\rdata: b")
