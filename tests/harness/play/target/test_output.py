"""The output of a target, read from its file."""

from __future__ import annotations

from harness.play.target.output import TargetOutput


def test_lines_are_read_from_a_mark_on(tmp_path):
    """What was there at the mark is left out; an unfinished line is not yet there."""
    path = tmp_path / "log"
    log = TargetOutput(path)
    path.write_bytes(b"old\n")
    mark = log.mark()
    with path.open("ab") as file:
        file.write(b"new\r\n\xff\nhalf")
    assert ("new", "�") == log.since(mark)
    assert ("old", "new", "�") == log.since()


def test_the_tail_holds_the_last_lines(tmp_path):
    """A line without an end counts: it may be the last words of a process."""
    path = tmp_path / "log"
    log = TargetOutput(path)
    path.write_bytes(b"".join(b"line %d\n" % number for number in range(9999)) + b"end")
    assert ("line 9997", "line 9998", "end") == log.tail(3)


def test_output_that_is_not_ours_is_empty():
    """A target that was not started here has no lines."""
    log = TargetOutput(None)
    assert (0, (), ()) == (log.mark(), log.since(), log.tail(3))
