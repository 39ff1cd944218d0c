"""Changes that `scrub_cassette` makes to requests, heads and streams."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Interaction,
    Recorded,
    Request,
    Response,
    Segment,
)
from harness.errors import InputError
from harness.privacy.scrub import SCRUBBED, scrub_cassette

STREAM = ("content-type", "text/event-stream")


def scrub(*segments: bytes, body: bytes = b"", headers=(STREAM,), asked=()):
    """The only interaction of a cassette, scrubbed."""
    interaction = Interaction(
        request=Request(method="POST", path="/v1", headers=tuple(asked), body=body),
        response=Response(
            status=200,
            http_version="HTTP/1.1",
            headers=tuple(headers),
            segments=tuple(
                Segment(at_ns=at, data=data) for at, data in enumerate(segments)
            ),
            ending=Ending(at_ns=10**9, kind=EndingKind.RESET),
        ),
        notes=("a note",),
    )
    cassette = Cassette(
        recorded=Recorded(at=None, by="test", upstream=None),
        tags=("openai-chat",),
        interactions=(interaction,),
    )
    scrubbed = scrub_cassette(cassette, key=b"a key")
    assert ("openai-chat", SCRUBBED) == scrubbed.tags
    assert scrubbed.tags == scrub_cassette(scrubbed, key=b"a key").tags
    [found] = scrubbed.interactions
    assert ("a note",) == found.notes
    assert interaction.response.ending == found.response.ending
    assert [(part.at_ns, len(part.data)) for part in interaction.response.segments] == [
        (part.at_ns, len(part.data)) for part in found.response.segments
    ]
    assert len(body) == len(found.request.body)
    return found


def answer(body: bytes, **more) -> bytes:
    """Return a scrubbed answer."""
    return scrub(body, **more).response.body


def events(*values) -> bytes:
    """A stream of those values."""
    return b"".join(
        f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
        for value in values
    )


def payloads(body: bytes) -> list:
    """Return the texts of a stream's events."""
    return [json.loads(line[6:]) for line in body.splitlines() if line[:6] == b"data: "]


def delta(content: str, **more) -> dict:
    """A chunk with that text."""
    return {"choices": [{"index": 0, "delta": {"content": content}}], **more}


def contents(body: bytes) -> list[str]:
    """The texts of its chunks."""
    return [one["choices"][0]["delta"]["content"] for one in payloads(body)]


def test_what_the_protocol_decides_by_stays():
    """Kinds, roles, reasons, model, times, usage and tool names; only ids are new."""
    chunk = {
        "id": "chatcmpl-AbCdEf123456",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "gpt-4o-mini",
        "system_fingerprint": "fp_0a1b2c3d4e",
        "choices": [
            {
                "index": 0,
                "delta": {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "call_AbCdEf",
                            "type": "function",
                            "function": {
                                "name": "get_weather",
                                "arguments": '{"city": "Paris"}',
                            },
                        }
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"total_tokens": 123},
    }
    [new] = payloads(answer(events(chunk)))
    call = new["choices"][0]["delta"]["tool_calls"][0]
    assert re.fullmatch(r"chatcmpl-[A-Za-z]{6}[0-9]{6}", new["id"])
    assert re.fullmatch(r"fp_[0-9a-f]{10}", new["system_fingerprint"])
    assert re.fullmatch(r'{"city": "[A-Z][a-z]{4}"}', call["function"]["arguments"])
    old_call = chunk["choices"][0]["delta"]["tool_calls"][0]
    for changed, was in ((new, chunk), (call, old_call)):
        assert changed["id"] != was["id"]
        changed["id"] = was["id"]
    assert new["system_fingerprint"] != chunk["system_fingerprint"]
    new["system_fingerprint"] = chunk["system_fingerprint"]
    assert call["function"]["arguments"] != old_call["function"]["arguments"]
    call["function"]["arguments"] = old_call["function"]["arguments"]
    assert chunk == new


def test_repeats_and_prefixes_stay():
    """Equal deltas stay equal, cumulative ones cumulative, their sum the full text."""
    texts = ["Hé", "Hé", "Héllo wor", "Héllo world", "ld", " and", " Hé", "Héllo world"]
    new = contents(answer(events(*map(delta, texts))))
    for i, one in enumerate(texts):
        for j, other in enumerate(texts):
            assert (one == other) == (new[i] == new[j])
            assert one.startswith(other) == new[i].startswith(new[j])
    assert new[2] + new[4] == new[3]


def test_arguments_that_are_repeated_whole_change_alike():
    """A tool call that is said again from its beginning, or grows, stays itself."""
    whole = '{"city": "Paris", "ok": true, "deep": {"city": "Rome"}}'
    for texts in (
        [whole[:size] for size in range(1, len(whole) + 1)],
        [whole[:9], whole[:9], whole[9:20], whole[20:]],
        [*re.findall(".{1,3}", whole), whole],
    ):
        new = contents(answer(events(*map(delta, texts))))
        full = next(
            one for one in (new[-1], "".join(new[1:])) if len(one) == len(whole)
        )
        assert {"city": 5, "ok": True, "deep": {"city": 4}} == {
            "city": len(json.loads(full)["city"]),
            "ok": json.loads(full)["ok"],
            "deep": {"city": len(json.loads(full)["deep"]["city"])},
        }
        assert "Paris" not in full
        if len(texts) == len(whole):
            assert [full[:size] for size in range(1, len(full) + 1)] == new
        elif texts[-1] == whole:
            assert "".join(new[:-1]) == new[-1]


def test_escapes_stay_as_they_are_written():
    r"""``\n`` stays, ``\u00e9`` becomes another, an emoji is written by two again."""
    body = rb'data: {"text":"a\n\t\"\\\/\u00E9\u00e9 \ud83d\ude00 \ud83d"}' + b"\n\n"
    new = answer(body)
    assert re.fullmatch(
        rb'data: {"text":"[a-z]\\n\\t\\"\\\\\\/\\u00[A-F0-9]{2}\\u00[a-f0-9]{2} '
        rb'\\ud83d\\ude[0-9a-f]{2} \\ud83d"}\n\n',
        new,
    )
    assert rb"\u00e9" not in new
    assert rb"\ude00" not in new


def test_an_emoji_whose_halves_come_apart():
    """Two deltas with half an emoji each say another emoji together."""
    one, two = rb'data: {"t":"\ud83d"}', rb'data: {"t":"\ude00!"}'
    whole = rb'data: {"t":"\ud83d\ude00!"}'
    new = answer(b"\n\n".join([one, two, whole, b""])).split(b"\n\n")
    assert one == new[0]
    assert two != new[1]
    assert new[2] == rb'data: {"t":"\ud83d' + new[1][len(b'data: {"t":"') :]


def test_a_character_that_segments_cut_is_still_cut():
    """Bytes are changed where they stand; the border stays within the character."""
    body = events(delta("你好"))
    at = body.index("你".encode()) + 1
    new = scrub(body[:at], body[at:])
    assert 1 < len(contents(new.response.body)[0])
    with pytest.raises(UnicodeDecodeError):
        new.response.segments[0].data.decode()


def test_sentinels_comments_and_field_names_stay():
    """The stream's own signs stay; the text of comments and unknown lines does not."""
    body = (
        b"\xef\xbb\xbf: ping\n: OPENROUTER PROCESSING\n:\n: asked by Alice\n"
        b"event: error\nid: msg_AbCdEfGh\nid: 17\nretry: 3000\nx-note: for Alice\n"
        b"Alice was here\n"
        b'data: {"type":"error","error":{"type":"overloaded_error","code":"busy_now",'
        b'"message":"Alice pays"}}\r\n\r\ndata:[DONE]\n\ndata: [DONE] \n\n'
    )
    new = answer(body)
    assert b"alice" not in new.lower()
    assert b"msg_AbCdEfGh" not in new
    for kept in (
        b"\xef\xbb\xbf: ping\n: OPENROUTER PROCESSING\n:\n: ",
        b"event: error\nid: msg_",
        b"\nid: 17\nretry: 3000\nx-note: ",
        b'{"type":"error","error":{"type":"overloaded_error","code":"busy_now",',
        b"\r\n\r\ndata:[DONE]\n\ndata: [DONE] \n\n",
    ):
        assert kept in new


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"choices": [{"delta": {"content": "Hello Ali',
        b"data: plain words of Alice\n\n",
        b'data: {"content": Alice said "hi"}\n\n',
        b'data: 0:"Alice"\n\n',
        b"data: first Alice\ndata: then Alice\n\n",
        b'data: {"content":\ndata: "Alice"}\n\n',
        b'{"content": "Alice"}\n\n',
        b"data: 'Alice' \xff\xfe\n\n",
    ],
)
def test_malformed_events_are_scrubbed_and_stay_malformed(data):
    """Malformed JSON has no keys to judge by: all of it counts as text."""
    new = answer(data)
    assert b"Ali" not in new
    assert [line[:6] for line in data.splitlines() if line[:5] == b"data:"] == [
        line[:6] for line in new.splitlines() if line[:5] == b"data:"
    ]
    assert re.sub(rb"[A-Za-z]", b"", data) == re.sub(rb"[A-Za-z]", b"", new)


def test_pages_and_plain_answers():
    """A page keeps its tags; plain JSON is treated like the data of an event."""
    page = answer(
        b'<html><p class="x">Dear Alice</p></html>',
        headers=[("content-type", "text/html")],
    )
    assert page.startswith(b"<html><p ")
    assert b"Alice" not in page
    plain = answer(
        b'{"id":"resp_AbCdEf","output":[{"text":"Dear Alice"}]}',
        headers=[("content-type", "application/json")],
    )
    assert ["id", "output"] == list(json.loads(plain))
    assert b"Alice" not in plain


def test_tokens_are_not_told_as_numbers():
    """Log probabilities repeat each piece of text as bytes and as a number."""
    token = {"token": "Paris", "bytes": [80, 97, 114], "id": 6342, "logprob": -0.25}
    chunk = delta("Paris", logprobs={"content": [token]}, token_ids=[12366], n=7)
    [new] = payloads(answer(events(chunk)))
    said = new["logprobs"]["content"][0]
    assert contents(answer(events(chunk))) == [said["token"]]
    assert {"bytes": [11, 11, 111], "id": 1111, "logprob": -0.25} == {
        key: said[key] for key in ("bytes", "id", "logprob")
    }
    assert ([11111], 7) == (new["token_ids"], new["n"])


def test_requests_are_noise_of_the_same_form():
    """Roles, models and schemas stay; what is said cannot be read back."""
    asked = {
        "model": "gpt-4o",
        "stream": True,
        "user": "alice",
        "messages": [
            {"role": "system", "content": "eeee eeee eeee"},
            {
                "role": "user",
                "name": "alice",
                "content": [{"type": "text", "text": "Hi Al"}],
            },
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "call_Ab1",
                        "function": {"name": "f", "arguments": '{"k": "vvvv"}'},
                    }
                ],
            },
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "Does it",
                    "parameters": {
                        "type": "object",
                        "properties": {"k": {"type": "string", "enum": ["vvvv"]}},
                        "required": ["k"],
                    },
                },
            }
        ],
        "metadata": {"type": "alice"},
    }
    body = json.dumps(asked).encode()
    new = json.loads(scrub(body=body).request.body)
    kept = [
        (new["model"], "gpt-4o"),
        (new["stream"], True),
        ([one["role"] for one in new["messages"]], ["system", "user", "assistant"]),
        (new["messages"][1]["content"][0]["type"], "text"),
        (new["messages"][2]["tool_calls"][0]["function"]["name"], "f"),
        (new["tools"][0]["function"]["name"], "f"),
        (new["tools"][0]["function"]["parameters"]["required"], ["k"]),
        (new["tools"][0]["function"]["parameters"]["type"], "object"),
        (
            list(
                json.loads(new["messages"][2]["tool_calls"][0]["function"]["arguments"])
            ),
            ["k"],
        ),
    ]
    assert [was for _, was in kept] == [now for now, _ in kept]
    text = json.dumps(new)
    for word in ("alice", "eeee", "Hi Al", "vvvv", "Does", "call_Ab1"):
        assert word not in text
    assert 3 < len(set(new["messages"][0]["content"]) - {" "})


def test_heads_tell_no_more_who_asked():
    """Ids and accounts get other names, the same in a head as in a body."""
    found = scrub(
        events({"id": "req_AbCdEf12"}),
        headers=[
            STREAM,
            ("x-request-id", "req_AbCdEf12"),
            ("openai-organization", "user-abc123"),
            ("cf-ray", "9a8b7c6d5e4f-FRA"),
            ("date", "Mon, 23 Nov 2026 10:00:00 GMT"),
            ("x-ratelimit-limit-project-tokens", "1000"),
        ],
        asked=[
            ("authorization", "Bearer abc"),
            ("user-agent", "OpenAI/Python 2.1"),
            ("x-forwarded-for", "10.1.2.3"),
        ],
    )
    heads = dict(found.response.headers)
    [payload] = payloads(found.response.body)
    assert payload["id"] == heads["x-request-id"] != "req_AbCdEf12"
    assert heads["openai-organization"] != "user-abc123"
    assert heads["cf-ray"] != "9a8b7c6d5e4f-FRA"
    assert heads["date"] == "Mon, 23 Nov 2026 10:00:00 GMT"
    assert heads["x-ratelimit-limit-project-tokens"] == "1000"
    asked = dict(found.request.headers)
    assert "Bearer REDACTED" == asked["authorization"]
    assert "OpenAI/Python 2.1" == asked["user-agent"]
    assert "10.1.2.3" != asked["x-forwarded-for"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"headers": [("content-encoding", "gzip")]}, "with coding gzip"),
        (
            {"headers": [("content-type", "multipart/form-data; boundary=x")]},
            "multipart",
        ),
    ],
)
def test_what_cannot_be_scrubbed_is_refused(more, why):
    """A body that cannot be changed in place is not passed on as it is."""
    with pytest.raises(InputError, match=why) as caught:
        scrub(b"x", **more)
    assert "interactions[0]" == caught.value.key
    assert scrub(**more)  # without a body there is nothing to hide


PARTS = st.sampled_from(
    [
        *(
            b"data: ",
            b"\n\n",
            b'{"a":',
            b'"',
            b"\\",
            b"\\u00e9",
            b"\\ud83d",
            b"\\ude00",
        ),
        *(b"{", b"}", b"[", b"]", b",", b"\r\n", b"\r", "é😀你".encode(), b"\xff"),
        *(b"\xf0\x9f", b'"id":"', b"tru", b"[DONE]", b": c", b"1e5", b"id: x\n"),
        *(b"<p>", b"bytes"),
    ]
)


@example(parts=[rb"\u"], cut=1)
@example(parts=[rb'"\u12"'], cut=2)
@given(st.lists(PARTS | st.binary(max_size=6), max_size=30), st.integers(1, 30))
def test_any_bytes_are_scrubbed_in_place(parts, cut):
    """Sizes and everything except letters and digits stay."""
    body = b"".join(parts)
    found = scrub(*(body[at : at + cut] for at in range(0, len(body), cut)), body=body)
    for new in (found.response.body, found.request.body):
        assert re.sub(rb"[^\r\n]", b".", body) == re.sub(rb"[^\r\n]", b".", new)
        assert re.sub(rb"[^\"{}:,\[\]]", b".", body) == re.sub(
            rb"[^\"{}:,\[\]]", b".", new
        )
