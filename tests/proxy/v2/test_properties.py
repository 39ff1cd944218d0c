"""Properties of every stream, with any cuts and any events between."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.v2 import make_relay
from proxy.v2.phases import TRANSITIONS, Phase

REQUEST = ("request", b"POST", b"/v1/chat/completions", (), b"{}")
HEAD = ("head", 200, ((b"content-type", b"text/event-stream"),))
HOLD = {"STREAMING_HOLD_MS": "50"}
FIELDS = ("content", "reasoning_content", "refusal")

COMMENTS = (b": ping\n\n", b":\n", b": OPENROUTER PROCESSING\n\n", b"\n")

DELTAS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(FIELDS), st.text(max_size=12)),
    max_size=30,
)
NOISE = st.lists(st.sampled_from([b"", b"", *COMMENTS]), min_size=31, max_size=31)
CUTS = st.lists(st.integers(0, 4000), max_size=12)
EOLS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def event(choice, field, text):
    """Return an event with one text."""
    value = {"id": "a", "choices": [{"index": choice, "delta": {field: text}}]}
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def without_stutter(deltas):
    """Change the first text of each choice and field so that no other repeats it."""
    begun = set()
    changed = []
    for choice, field, raw in deltas:
        # A lone surrogate is no UTF-8, and "<" marks what begins a text.
        text = raw.encode("utf-8", "replace").decode().replace("<", "")
        if (choice, field) not in begun:
            begun.add((choice, field))
            text = "<" + text
        changed.append((choice, field, text))
    return changed


def pieces(data, cuts):
    """Cut bytes at these places."""
    at = sorted({cut % (len(data) + 1) for cut in cuts})
    parts = [data[a:b] for a, b in zip([0, *at], [*at, None], strict=True)]
    return [part for part in parts if part]


def play(segments, variables=None, ending=("ended", "complete")):
    """Return the bytes that a client gets."""
    relay = make_relay(variables or {}, 0)
    commands = relay.handle(0, REQUEST) + relay.handle(0, HEAD)
    for segment in segments:
        commands += relay.handle(0, ("data", segment))
    commands += relay.handle(0, ending)
    return b"".join(command[1] for command in commands if command[0] == "send")


def events(data):
    """Return the payloads of a stream, comments left out."""
    lines = data.split(b"\n")
    return [line[6:] for line in lines if line.startswith(b"data: ")]


def texts(data):
    """Return the texts of a stream by choice and field."""
    found = {}
    for payload in events(data):
        for choice in json.loads(payload)["choices"]:
            for field, text in choice["delta"].items():
                key = (choice["index"], field)
                found[key] = found.get(key, "") + text
    return found


@settings(max_examples=300)
@given(DELTAS, NOISE, CUTS, EOLS, st.sampled_from([{}, HOLD]))
def test_stream_without_stutter_arrives_as_it_was_meant(
    deltas, noise, cuts, eol, variables
):
    """For any segmentation, with any comments and line ends, held back or not."""
    sent = [event(*delta) for delta in without_stutter(deltas)]
    body = b"".join(a + b for a, b in zip(noise, sent, strict=False))

    got = play(pieces(body.replace(b"\n", eol), cuts), variables)

    assert events(got) == [one[6:-2] for one in sent]
    expected = {}
    for choice, field, text in without_stutter(deltas):
        expected[choice, field] = expected.get((choice, field), "") + text
    assert texts(got) == expected


@settings(max_examples=200)
@given(DELTAS, NOISE, CUTS, EOLS, st.sampled_from([{}, HOLD]))
def test_cuts_change_nothing(deltas, noise, cuts, eol, variables):
    """Fed whole, in pieces or byte by byte, stutter or not: the same events."""
    sent = [event(*delta) for delta in deltas]
    body = b"".join(a + b for a, b in zip(noise, sent, strict=False)).replace(
        b"\n", eol
    )
    whole = events(play([body] if body else [], variables))

    assert events(play(pieces(body, cuts), variables)) == whole
    assert events(play(pieces(body, range(len(body))), variables)) == whole


@settings(max_examples=200)
@given(DELTAS, CUTS)
def test_holding_back_changes_no_text_that_was_not_taken_back(deltas, cuts):
    """Without a stutter the bytes are those of a stream that was not held."""
    body = b"".join(event(*delta) for delta in without_stutter(deltas))

    assert play(pieces(body, cuts), HOLD) == play([body] if body else [])


@settings(max_examples=200)
@given(DELTAS, CUTS, st.sampled_from([{}, HOLD]), st.data())
def test_whole_events_before_a_cut_arrive(deltas, cuts, variables, data):
    """Whatever breaks off, and wherever."""
    sent = [event(*delta) for delta in without_stutter(deltas)]
    body = b"".join(sent)
    cut = data.draw(st.integers(0, len(body)))
    kind = data.draw(st.sampled_from(["reset", "truncated", "protocol_error"]))

    got = events(play(pieces(body[:cut], cuts), variables, ("ended", kind)))

    whole, size = [], 0
    for one in sent:
        size += len(one)
        if size <= cut:
            whole.append(one[6:-2])
    assert got[: len(whole)] == whole
    (error,) = got[len(whole) :]
    assert json.loads(error)["error"]["code"] == f"upstream_{kind}"


def sample(draw, name):
    """Draw an event by its name."""
    body = st.sampled_from(
        [
            event(0, "content", "Hello"),
            event(0, "content", "Hello you"),
            b"data: [DONE]\n\n",
            b": ping\n\n",
            b"data: {broken\n\n",
            b'data: {"error":{"code":500}}\n\n',
            b'data: {"choi',
        ]
    )
    heads = st.sampled_from(
        [
            HEAD,
            ("head", 200, ((b"content-type", b"application/json"),)),
            ("head", 503, ()),
            ("head", 429, ((b"retry-after", b"1"),)),
            ("head", 400, ()),
        ]
    )
    endings = ["complete", "truncated", "reset", "refused", "connect_timeout"]
    timers = ["first_byte", "idle", "total", "retry", "hold", "unknown"]
    match name:
        case "request":
            return REQUEST
        case "head":
            return draw(heads)
        case "data":
            return ("data", draw(body))
        case "ended":
            return ("ended", draw(st.sampled_from(endings)))
        case "client_gone":
            return ("client_gone", "rst")
        case "timer":
            return ("timer", draw(st.sampled_from(timers)))
        case _:
            return ("writable",)


class CommandLedger:
    """The state that a driver keeps of a relay's commands."""

    def __init__(self):
        self.head = self.over = self.gone = False
        self.timers = set()
        self.attempt = 0

    def take(self, event_, commands):
        """Enter commands, and refuse what may not be."""
        if event_[0] == "timer":
            self.timers.discard(event_[1])
        self.gone |= event_[0] == "client_gone"
        for name, *values in commands:
            if name in {"log", "count", "observe"}:
                continue
            assert not self.over, f"{name} after the ending"
            if name == "connect":
                assert values[0] == self.attempt + 1
                assert not self.head, "another attempt after a byte was sent"
                self.attempt += 1
            elif name == "send_head":
                assert not self.head
                self.head = True
            elif name == "send":
                assert self.head
                assert values[0]
                assert not self.gone
            elif name == "set_timer":
                self.timers.add(values[0])
            elif name == "cancel_timer":
                assert values[0] in self.timers, f"{values[0]} was not set"
                self.timers.discard(values[0])
            if name in {"end", "abort"}:
                assert self.head
                assert not self.gone
                self.over = True
        if self.over or self.gone:
            assert not self.timers


@settings(max_examples=500)
@given(st.data(), st.sampled_from([{}, HOLD]))
def test_any_events_in_any_order_keep_the_contract(data, variables):
    """Nothing is sent after an ending, no timer is left, no attempt follows a byte."""
    relay = make_relay(variables, 7, {})
    ledger = CommandLedger()
    names = st.sampled_from(sorted(name.value for name in TRANSITIONS[Phase.OVER]))
    ended = False
    now_ns = 0
    for name in ["request", *data.draw(st.lists(names, max_size=25))]:
        now_ns += data.draw(st.sampled_from([0, 1, 10**7, 10**9, 10**11]))
        phase = relay._phase
        if name not in TRANSITIONS[phase] or (name == "timer" and not ledger.timers):
            continue
        if phase is Phase.OVER and ended and name in {"data", "head", "ended"}:
            continue
        given_event = sample(data.draw, name)
        if name == "timer" and given_event[1] not in ledger.timers:
            continue
        ended |= name == "ended"
        ledger.take(given_event, relay.handle(now_ns, given_event))


@given(st.sampled_from(list(Phase)), st.data())
def test_what_a_phase_may_not_see_raises_and_nothing_else(phase, data):
    """The driver's mistakes raise."""
    relay = make_relay({}, 0)
    relay._phase = phase
    names = {"request", "head", "data", "ended", "client_gone", "writable", "timer"}
    illegal = sorted(names - set(TRANSITIONS[phase]))
    if not illegal:
        return
    name = data.draw(st.sampled_from(illegal))
    with pytest.raises(ValueError, match=f"^{name} in phase {phase.value}$"):
        relay.handle(0, sample(data.draw, name))
