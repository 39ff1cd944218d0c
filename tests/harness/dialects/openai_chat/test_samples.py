from __future__ import annotations

from harness.dialects.openai_chat.samples import (
    answer_of,
    error_beside_choices,
    error_of,
    prompt_filter,
    request_of,
)
from harness.sse import parse


def test_a_request_asks_for_usage_only_where_it_is_to():
    """The option is left out otherwise, as clients do."""
    plain = request_of("m", "hi", usage=False)

    assert {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
    } == plain
    assert {
        **plain,
        "stream_options": {"include_usage": True},
    } == request_of("m", "hi", usage=True)


def test_an_answer_is_one_text_its_finish_and_the_sentinel():
    """Written as providers write it."""
    envelope = (
        '{"id":"chatcmpl-m","object":"chat.completion.chunk","created":0,"model":"m",'
        '"choices":[{"index":0,"delta":'
    )
    events = parse(b"".join(answer_of("m", "hi"))).events

    assert [
        envelope + '{"role":"assistant","content":"hi"},"finish_reason":null}]}',
        envelope + '{},"finish_reason":"stop"}]}',
        "[DONE]",
    ] == [event.data for event in events]


def test_an_error_has_all_its_keys():
    """Null where nothing is to be said."""
    assert {
        "error": {"message": "no", "type": "server_error", "param": None, "code": None}
    } == error_of("no", "server_error")


def test_an_error_beside_choices_is_called_as_its_stream():
    """What the stream does not say is made up."""
    like = {"id": "a", "model": "m", "choices": [1], "object": "x"}

    assert {
        "id": "a",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": [],
        "error": {"code": 502, "message": "no"},
    } == error_beside_choices(like, "no")


def test_a_prompt_filter_is_a_chunk_without_choice():
    """Clients that take the first choice fail at it."""
    value = prompt_filter()

    assert [] == value["choices"]
    assert 4 == len(value["prompt_filter_results"][0]["content_filter_results"])
