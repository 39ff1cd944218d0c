"""The legacy relay behaves as the legacy proxy was measured to."""

from __future__ import annotations

import base64
import itertools
import json
import random
from pathlib import Path

import pytest

from proxy.v1 import make_relay

VECTORS = Path(__file__).parents[1] / "data" / "legacy_v1.jsonl"
CASES = [json.loads(line) for line in VECTORS.read_bytes().splitlines()]

REQUEST = ("request", b"POST", b"/v1/chat/completions", (), b"{}")
DEEP = b"[" * 2000 + b"]" * 2000
HEAD = ("head", 200, ((b"Content-Type", b"text/event-stream"),))


def chunk(text):
    """Return the line of a chunk with this text."""
    return b'data: {"choices":[{"delta":{"content":"%b"}}]}' % text


def case(name):
    """Return the vector of this name."""
    return next(case for case in CASES if case["name"] == name)


def cut(data, at):
    """Cut bytes at these places; no piece is empty."""
    edges = [0, *sorted(at), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


def play(case, segments):
    """Return the commands for a case with these segments of the body."""
    relay = make_relay({}, 0)
    headers = tuple(
        (name.encode(), value.encode())
        for name, values in case["headers"].items()
        for value in values
    )
    commands = relay.handle(0, REQUEST)
    commands += relay.handle(1, ("head", case["status"], headers))
    for segment in segments:
        commands += relay.handle(2, ("data", segment))
    error = case["read_error"]
    if error is None:
        commands += relay.handle(3, ("ended", "complete"))
    elif error == "reset":
        commands += relay.handle(3, ("ended", "reset"))
    else:
        commands += relay.handle(900_000_000_000, ("timer", "total"))
    return commands


def body(commands):
    """Return all that was sent."""
    return b"".join(command[1] for command in commands if command[0] == "send")


def names(commands):
    """Return the names of commands."""
    return [command[0] for command in commands]


class TestVectors:
    @pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
    def test_vector_comes_out_byte_for_byte(self, case):
        """The output is that of the legacy proxy, for all borders of reads."""
        segments = [base64.b64decode(segment) for segment in case["segments_b64"]]
        data = b"".join(segments)
        rng = random.Random(case["name"])
        ways = [
            cut(data, []),
            [segment for segment in segments if segment],
            cut(data, range(1, len(data))),
            cut(data, [rng.randrange(len(data) + 1) for _ in range(12)]),
        ]

        expected = base64.b64decode(case["v1_output_b64"])

        assert [expected] * len(ways) == [body(play(case, way)) for way in ways]

    @pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
    def test_every_ending_looks_clean(self, case):
        """Whatever happened to the upstream, the answer ends cleanly (C12, C18)."""
        data = b"".join(map(base64.b64decode, case["segments_b64"]))

        commands = play(case, cut(data, []))

        assert names(commands)[-1] == "end"
        assert names(commands).count("send_head") == 1

    def test_headers_are_copied_all(self):
        """Hop-by-hop headers, repeats and a stale length go to the client (C13)."""
        commands = play(case("headers_multi_and_hop"), [])
        (copied,) = (command[2] for command in commands if command[0] == "send_head")

        assert (b"Connection", b"keep-alive") in copied
        assert (b"Content-Length", b"9999") in copied
        assert [v for n, v in copied if n == b"Set-Cookie"] == [b"a=1", b"b=2"]


class TestMoments:
    def setup_method(self):
        """Begin a stream at 7 ns that may take 1.5 s."""
        self.relay = make_relay({"STREAMING_TIMEOUT_SECONDS": "1.5"}, 0)
        self.begun = self.relay.handle(7, REQUEST)

    def test_request_connects_and_limits_the_whole_stream(self):
        """The only timer is the total time, read from the settings (C18)."""
        expected = [
            ("log", "debug", "Using legacy streaming architecture (v1)", {}),
            ("connect", 1),
            ("set_timer", "total", 1_500_000_007),
        ]

        assert expected == self.begun

    def test_head_waits_for_the_first_event_sent(self):
        """A held chunk holds the head back (C14)."""
        assert self.relay.handle(8, HEAD) == []
        assert self.relay.handle(9, ("data", chunk(b"Hel") + b"\n\n")) == []

        resolved = self.relay.handle(9, ("data", chunk(b" world") + b"\n\n"))

        # Both events share one flush (V1-6).
        both = chunk(b"Hel") + b"\n\n" + chunk(b" world") + b"\n\n"
        assert [("send_head", *HEAD[1:]), ("send", both)] == resolved

    def test_done_ends_at_once_after_the_opening(self):
        """An exact [DONE] closes a lingering upstream; the rest is not read (V1-4)."""
        self.relay.handle(8, HEAD)
        self.relay.handle(9, ("data", b"data: x\n"))

        ended = self.relay.handle(9, ("data", b"data: [DONE]\n\ndata: late\n\n"))

        expected = [
            ("send", b"data: [DONE]\n\n"),
            ("cancel_timer", "total"),
            ("close_upstream",),
            ("end",),
        ]
        assert expected == ended
        assert self.relay.handle(9, ("data", b"data: later\n\n")) == []

    def test_done_in_the_opening_goes_on_reading(self):
        """A [DONE] that releases the held chunk does not end the stream (V1-4)."""
        self.relay.handle(8, HEAD)
        self.relay.handle(9, ("data", chunk(b"Hi") + b"\n\n"))

        released = self.relay.handle(9, ("data", b"data: [DONE]\n\n"))

        assert names(released) == ["send_head", "send"]
        assert names(self.relay.handle(9, ("data", b"data: late\n\n"))) == ["send"]

    @pytest.mark.parametrize("kind", ["refused", "reset", "truncated", "complete"])
    def test_failure_before_the_head_is_a_plain_500(self, kind):
        """An upstream that dies before its head is a plain-text 500 (C12)."""
        failed = self.relay.handle(8, ("ended", kind))

        assert names(failed) == ["log", "send_head", "send", "cancel_timer", "end"]
        assert failed[1][1] == 500
        assert (b"Content-Type", b"text/plain; charset=utf-8") in failed[1][2]
        assert failed[2][1].startswith(b"Failed to send request")

    def test_timeout_before_the_head_is_a_plain_500(self):
        """The total time counts from the request, the wait for a head included."""
        failed = self.relay.handle(1_500_000_007, ("timer", "total"))

        assert failed[1][1] == 500
        assert "close_upstream" in names(failed)

    @pytest.mark.parametrize("kind", ["reset", "truncated", "protocol_error"])
    def test_cut_is_logged_and_ends_cleanly(self, kind):
        """A cut after the head looks finished, and what is held is lost (C11, C12)."""
        self.relay.handle(8, HEAD)
        self.relay.handle(9, ("data", chunk(b"Hi") + b"\n\n"))

        ended = self.relay.handle(9, ("ended", kind))

        assert names(ended) == ["log", "send_head", "cancel_timer", "end"]
        assert ended[0][1] == "error"
        assert ended[0][2].startswith("Error reading from upstream: ")

    def test_client_that_leaves_closes_the_upstream(self):
        """A client that leaves is logged as an error, and nothing is sent (C15)."""
        self.relay.handle(8, HEAD)

        gone = self.relay.handle(9, ("client_gone", "rst"))

        assert names(gone) == ["log", "cancel_timer", "close_upstream"]
        assert gone[0][2].endswith("context canceled")
        assert self.relay.handle(9, ("data", b"data: x\n\n")) == []
        assert self.relay.handle(9, ("ended", "complete")) == []

    def test_writable_changes_nothing(self):
        """Back-pressure is left to the driver."""
        assert self.relay.handle(8, ("writable",)) == []


class TestContract:
    @pytest.mark.parametrize(
        "event", [HEAD, ("data", b"x"), ("ended", "reset"), ("timer", "total")]
    )
    def test_nothing_comes_before_the_request(self, event):
        """An event before the request is the driver's mistake."""
        with pytest.raises(ValueError, match="before a request"):
            make_relay({}, 0).handle(0, event)

    def test_body_does_not_come_before_the_head(self):
        """A body before a head is the driver's mistake."""
        relay = make_relay({}, 0)
        relay.handle(0, REQUEST)

        with pytest.raises(ValueError, match="data before a head"):
            relay.handle(0, ("data", b"x"))

    def test_request_comes_once(self):
        """A second request is the driver's mistake."""
        relay = make_relay({}, 0)
        relay.handle(0, REQUEST)

        with pytest.raises(ValueError, match="second request"):
            relay.handle(0, REQUEST)

    @pytest.mark.parametrize("value", ["", "soon", "0", "-1", "nan", "inf"])
    def test_bad_timeout_is_refused(self, value):
        """A timeout that is no positive number is named in the error."""
        with pytest.raises(ValueError, match="STREAMING_TIMEOUT_SECONDS: expected"):
            make_relay({"STREAMING_TIMEOUT_SECONDS": value}, 0)


def opening(*payloads):
    """Return the output of these payloads, before the stream ends."""
    relay = make_relay({}, 0)
    relay.handle(0, REQUEST)
    relay.handle(0, HEAD)
    return [
        body(relay.handle(0, ("data", b"data: " + payload + b"\n")))
        for payload in payloads
    ]


class TestJsonAsGoReadsIt:
    """Whether a payload is a content chunk shows in whether it is held."""

    def content(self, rest=b"", text=b'"x"'):
        """Return a content chunk with something added to it."""
        return b'{"choices":[{"delta":{"content":' + text + b"}}]" + rest + b"}"

    @pytest.mark.parametrize(
        "rest",
        [
            b"",
            b',"n":-0.5e-3',
            b',"n":1e-999',
            b',"deep":' + b"[" * 9_999 + b"]" * 9_999,
            b',"deep":' + b'{"a":' * 9_000 + b'"]}"' + b"}" * 9_000,
        ],
    )
    def test_valid_json_is_held(self, rest):
        """Whatever Go's parser takes is a content chunk."""
        assert opening(self.content(rest)) == [b""]

    @pytest.mark.parametrize(
        "rest",
        [
            b',"n":NaN',
            b',"n":Infinity',
            b',"n":1e999',
            b',"n":' + b"9" * 400,
            b',"t":"\t"',
            b',"deep":' + b"[" * 10_000 + b"]" * 10_000,
            b',"deep":' + b"[" * 900 + b"1" + b"[]" + b"]" * 900,
            b',"deep":' + b"[" * 900 + b"]" * 899,
            b',"deep":' + b"[" * 900 + b"}" + b"]" * 899,
            b',"a":%b,"deep":%b' % (DEEP, b"[" * 199 + b"1[]" + b"]" * 199),
            b"}",
            b",",
        ],
    )
    def test_invalid_json_is_not_held(self, rest):
        """JSON that Go refuses ends the opening, after an empty event (V1-1)."""
        (sent,) = opening(self.content(rest))

        assert b"data: \n\ndata: " + self.content(rest) + b"\n\n" == sent

    @pytest.mark.parametrize("space", ["\t", "\v", "\f", "\x85", "\xa0", "\u3000"])
    def test_unicode_space_around_json_is_trimmed(self, space):
        """Space in Go's sense surrounds a chunk without harm (V1-8)."""
        padding = space.encode()

        assert opening(padding + self.content() + padding) == [b""]

    @pytest.mark.parametrize("space", ["\x1c", "\x1f", "\u200b"])
    def test_what_only_python_trims_is_kept(self, space):
        """Separators that Python strips are no space to Go."""
        (sent,) = opening(space.encode() + self.content())

        assert sent

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (b'"\\ud83d"', b'"\\ude00"'),
            (b'"\xff"', b'"\xfe"'),
            (b'"\xe6\x97"', b'"\\ufffd\\ufffd"'),
        ],
    )
    def test_broken_characters_are_replaced_before_comparing(self, first, second):
        """Each lone surrogate and each invalid byte counts as U+FFFD (C6)."""
        held = opening(self.content(text=first), self.content(text=second))

        assert held == [b"", b""]

    def test_different_numbers_of_broken_bytes_are_related(self):
        """One replacement character is a prefix of two, so the chunk is replaced."""
        held = opening(self.content(text=b'"\xe6\x97"'), self.content(text=b'"\xff"'))

        assert held == [b"", b""]

    @pytest.mark.parametrize(
        "payload",
        [
            b'{"choices":{"0":{"delta":{"content":"x"}}}}',
            b'{"choices":[]}',
            b'{"choices":["x"]}',
            b'{"choices":[{"delta":null}]}',
            b'{"choices":[{"delta":{"content":5}}]}',
            b'{"Choices":[{"delta":{"content":"x"}}]}',
            b"[1]",
            b"null",
        ],
    )
    def test_other_shapes_are_not_held(self, payload):
        """Only choices[0].delta.content, a string, makes a content chunk."""
        (sent,) = opening(payload)

        assert sent.startswith(b"data: \n\n")
