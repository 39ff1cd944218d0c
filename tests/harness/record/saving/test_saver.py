"""The saver saves, refuses and tries again."""

from __future__ import annotations

import io
import json

import pytest

from harness.cassette.files import find_cassettes, read_cassette
from harness.cassette.model import EndingKind, Request
from harness.record.recording import RecordingStart
from harness.record.saving import saver as saver_module
from harness.record.saving.ipc import (
    Frame,
    FrameKind,
    pack_ending,
    pack_start,
    read_frames,
)
from harness.record.saving.saver import Saver
from harness.record.settings import RecorderSettings


def start(path: str = "/v1") -> RecordingStart:
    """Return the beginning of a recording."""
    return RecordingStart(
        at="2026-11-23T05:40:00.000Z",
        upstream="https://llm.example",
        request=Request(
            method="POST",
            path=path,
            headers=(("authorization", "Bearer abcdefgh12345678"),),
            body=b'{"model": "m"}',
        ),
        status=200,
        http_version="HTTP/1.1",
        headers=(("content-type", "text/event-stream"),),
    )


def frame(data: bytes) -> Frame:
    """Return a packed frame as it is read."""
    return next(read_frames(io.BytesIO(data)))


@pytest.fixture
def told():
    """Collect what was said."""
    return []


@pytest.fixture
def saver(tmp_path, told):
    """Keep recordings in a folder."""
    settings = RecorderSettings(out=str(tmp_path / "out"), name="{number}")
    return Saver(settings, "us", say=told.append, warn=told.append)


def play(saver: Saver, number: int, *, ends: bool = True, data=b"data: 1\n\n"):
    """Send a recording of one segment."""
    saver.receive(frame(pack_start(number, start(f"/v1/{number}"))))
    saver.receive(Frame(FrameKind.SEGMENT, number, 10, data))
    if ends:
        saver.receive(frame(pack_ending(number, 20, EndingKind.COMPLETE, ())))


def test_saves_what_is_over(saver, tmp_path, told):
    """A recording that ended is saved, redacted, and reported with its path."""
    play(saver, 1)
    cassette = read_cassette(tmp_path / "out" / "0001.yaml")
    (interaction,) = cassette.interactions
    assert (("authorization", "Bearer REDACTED"),) == interaction.request.headers
    assert "us" == cassette.recorded.by
    path = tmp_path / "out" / "0001.yaml"
    expected = f"POST /v1/1 m: 1 event, 9 bytes, 0.000 s, complete -> {path}"
    assert [expected] == told


def test_keeps_apart_what_runs_side_by_side(saver, tmp_path):
    """Segments go to the recording that they name."""
    play(saver, 1, ends=False, data=b"data: a\n\n")
    play(saver, 2, ends=False, data=b"data: b\n\n")
    saver.receive(Frame(FrameKind.SEGMENT, 1, 11, b"data: c\n\n"))
    saver.close()
    first, second = (
        read_cassette(tmp_path / "out" / name).interactions[0].response
        for name in ("0001.yaml", "0002.yaml")
    )
    assert b"data: a\n\ndata: c\n\n" == first.body
    assert b"data: b\n\n" == second.body
    assert EndingKind.RECORDER_STOPPED is first.ending.kind
    assert 11 == first.ending.at_ns


def test_refuses_a_secret_that_is_still_there(saver, tmp_path, told, monkeypatch):
    """A secret that redaction left is not saved; only its place is reported."""
    secret = "sk-proj-Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8"
    monkeypatch.setattr(saver_module, "redact_interaction", lambda whole, rules: whole)
    play(saver, 1, data=f"data: {secret}\n\n".encode())
    assert [] == list(tmp_path.rglob("*"))
    (line,) = told
    assert line.startswith("NOT SAVED: POST /v1/1 m: 1 event")
    assert "it still holds a secret: " in line
    assert secret not in line
    assert 1 == saver.lost


def test_tries_again(saver, tmp_path, told):
    """A recording that the disk refused is saved with the next one."""
    (tmp_path / "out").write_text("in the way")
    play(saver, 1)
    assert "NOT SAVED yet: POST /v1/1" in told[0]
    (tmp_path / "out").unlink()
    play(saver, 2)
    assert 2 == len(find_cassettes([tmp_path / "out"]))
    saver.close()
    assert 0 == saver.lost


def test_says_what_is_lost(saver, tmp_path, told):
    """A recording that is still refused at the end is lost, and reported."""
    (tmp_path / "out").write_text("in the way")
    play(saver, 1)
    saver.close()
    assert told[-1].startswith("NOT SAVED: POST /v1/1 m: 1 event")
    assert "cannot write" in told[-1]
    assert 1 == saver.lost


def test_holds_no_more_than_it_may(saver, tmp_path, told, monkeypatch):
    """Recordings that wait for the disk have a limit; those above it are lost."""
    monkeypatch.setattr(saver_module, "_RETRY_BYTES_MAX", 10)
    (tmp_path / "out").write_text("in the way")
    play(saver, 1)
    play(saver, 2)
    assert told[0].startswith("NOT SAVED yet: ")
    assert told[1].startswith("NOT SAVED: POST /v1/2")
    assert 1 == saver.lost


def test_one_that_cannot_be_saved_spoils_no_other(saver, tmp_path, told, monkeypatch):
    """An error of our own costs one recording and is reported."""

    def fail(whole, rules):
        raise RuntimeError("oh")

    with monkeypatch.context() as patch:
        patch.setattr(saver_module, "redact_interaction", fail)
        play(saver, 1)
    play(saver, 2)
    assert "NOT SAVED: recording 1: RuntimeError: oh" == told[0]
    assert (tmp_path / "out" / "0002.yaml").exists()
    assert 1 == saver.lost


def test_the_note_survives_redaction(saver, tmp_path):
    """Notes survive redaction."""
    play(saver, 1, ends=False)
    saver.receive(frame(pack_ending(1, 20, EndingKind.RESET, ("a note",))))
    text = (tmp_path / "out" / "0001.yaml").read_text()
    assert 'notes: ["a note"]' in text
    assert json.dumps("a note") in text


@pytest.mark.parametrize("limit", [18, 17])
def test_a_limited_size_is_held_in_memory(saver, tmp_path, monkeypatch, limit):
    """A recording that exceeds the limit is lost immediately; the rest is kept."""
    monkeypatch.setattr(saver_module, "_RETRY_BYTES_MAX", limit)
    lost = int(limit < 18)
    (tmp_path / "out").write_text("in the way")
    play(saver, 1)
    play(saver, 2)
    assert lost == saver.lost
    (tmp_path / "out").unlink()
    saver.close()
    assert 2 - lost == len(find_cassettes([tmp_path / "out"]))
    assert lost == saver.lost
