from __future__ import annotations

import json

import pytest

import proxy.v2.events.payload
from proxy.v2.events.payload import Edit, read, read_leniently, rewrite


class TestRead:
    @pytest.mark.parametrize(
        ("payload", "value"),
        [
            (b'{"a": 1}', {"a": 1}),
            (b'"\\ud83d"', "\ud83d"),
            (b"1e999", float("inf")),
            (b"9" * 5000, float("inf")),
            (b"[" * 500 + b"]" * 500, None),
        ],
    )
    def test_whatever_the_grammar_has_is_read(self, payload, value):
        """JSON that one parser refuses is read by the other."""
        got = read(payload)

        assert value is None or value == got

    @pytest.mark.parametrize(
        "payload",
        [b"", b"NaN", b'{"a":Infinity}', b'"\xff"', b"{}x", b'"\t"', b"\xef\xbb\xbf{}"],
    )
    def test_what_is_no_json_is_refused(self, payload):
        """Neither parser's extensions are taken."""
        with pytest.raises(ValueError):
            read(payload)

    def test_nesting_too_deep_to_tell_says_so(self):
        """Depth is not mistaken for malformed JSON."""
        with pytest.raises(RecursionError):
            read_leniently(b"[" * 100_000 + b"]" * 100_000)


def edited(payload, *names):
    """Rewrite the content of the named choices to "lo"."""
    chunk = read(payload)
    edits = [
        Edit(delta, "content", delta["content"], "lo")
        for delta in (chunk["choices"][name]["delta"] for name in names)
    ]
    return rewrite(payload, chunk, edits)


class TestRewrite:
    @pytest.mark.parametrize(
        "payload",
        [
            b'{"choices":[{"delta":{"content":"Hello"}}]}',
            b'{ "choices" : [ {"delta": {"content" :  "Hello"}} ] , "n": 1.50e3 }',
            b'{"choices":[{"delta":{"content":"Hello"}}],"n":123456789012345678901}',
            b'{"choices":\n[{"delta":{"content":"Hello"}}]}',
            b'{"content":"Hi","choices":[{"delta":{"content":"Hello"}}]}',
        ],
    )
    def test_only_the_text_changes(self, payload):
        """Spacing, numbers and order stay; only the bytes of the text differ."""
        assert payload.replace(b'"Hello"', b'"lo"') == edited(payload, 0)

    def test_same_key_and_text_elsewhere_stays(self):
        """The place is found by what the result reads as."""
        payload = (
            b'{"x":{"content":"Hello"},"choices":[{"delta":{"content":"Hello"}}],'
            b'"y":{"content":"Hello"},"z":"\\"content\\":\\"Hello\\""}'
        )
        head, tail = payload.split(b'"delta":{"content":"Hello"')

        expected = head + b'"delta":{"content":"lo"' + tail

        assert expected == edited(payload, 0)

    def test_equal_texts_of_two_choices_are_told_apart(self):
        """Each edit changes its own choice."""
        payload = (
            b'{"choices":[{"delta":{"content":"Hello"}},{"delta":{"content":"Hello"}}]}'
        )

        assert payload.replace(b'"Hello"', b'"lo"') == edited(payload, 0, 1)
        assert payload[::-1].replace(b'"olleH"', b'"ol"', 1)[::-1] == edited(payload, 1)

    @pytest.mark.parametrize(
        ("old", "new", "written"),
        [
            (b'"\\u65e5\\u672c"', "\u672c", b'"\\u672c"'),
            ('"日本"'.encode(), "\u672c", '"本"'.encode()),
            (b'"a\\"b"', '"b', b'"\\"b"'),
            (b'"a\\ud83d"', "\ud83d", b'"\\ud83d"'),
            ('"日\\ud83d"'.encode(), "\ud83d", b'"\\ud83d"'),
        ],
    )
    def test_new_text_is_written_as_the_old_was(self, old, new, written):
        """Escapes stay escapes, and raw characters stay raw, where they can."""
        payload = b'{"content":%b,"b":2}' % old
        chunk = read(payload)

        got = rewrite(payload, chunk, [Edit(chunk, "content", chunk["content"], new)])

        assert b'{"content":%b,"b":2}' % written == got

    @pytest.mark.parametrize(
        "payload",
        [b'{"content":"x","content":"Hello"}', b'{"\\u0063ontent":"Hello","n":1}'],
    )
    def test_odd_spelling_is_written_anew(self, payload):
        """A key twice, or in escapes, gives JSON that reads as it should."""
        chunk = read(payload)

        got = rewrite(payload, chunk, [Edit(chunk, "content", "Hello", "lo")])

        assert {**json.loads(payload), "content": "lo"} == json.loads(got)


def test_the_right_one_of_equal_texts_is_replaced():
    """Every other byte stays, white space too."""
    payload = b'{"x": [{"content": "Hi"}, {"content": "Hi"}], "y": {"content": "Hi"}}'
    chunk = read(payload)

    got = rewrite(payload, chunk, [Edit(chunk["y"], "content", "Hi", "i")])

    assert payload.replace(b'"y": {"content": "Hi"', b'"y": {"content": "i"') == got


def test_payload_with_the_text_in_very_many_places_is_read_a_few_times(monkeypatch):
    """The upstream must not decide how many times a payload is read again."""
    decoys = ",".join('{"content":"Hi"}' for _ in range(500))
    payload = (
        f'{{"x":[{decoys}],"choices":[{{"index":0,"delta":{{"content":"Hi"}}}}]}}'
    ).encode()
    chunk = json.loads(payload)
    delta = chunk["choices"][0]["delta"]
    reads = []
    whole = proxy.v2.events.payload.read
    monkeypatch.setattr(
        proxy.v2.events.payload,
        "read",
        lambda data: reads.append(len(data)) or whole(data),
    )

    changed = rewrite(payload, chunk, [Edit(delta, "content", "Hi", "")])

    assert "" == json.loads(changed)["choices"][0]["delta"]["content"]
    assert 500 == json.loads(changed)["x"].count({"content": "Hi"})
    assert sum(size > 100 for size in reads) <= 8
