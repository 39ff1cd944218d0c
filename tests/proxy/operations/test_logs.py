from __future__ import annotations

import json
import logging
import re

import pytest

from proxy.operations.logs import KeyValueFormatter, StreamLogger, configure


@pytest.fixture
def logger():
    """A logger that is put back as it was."""
    names = ("proxy", "asyncio")
    kept = [(logging.getLogger(n), logging.getLogger(n).level) for n in names]
    yield configure
    for target, level in kept:
        for handler in tuple(target.handlers):
            target.removeHandler(handler)
            handler.close()
        target.setLevel(level)
        target.propagate = True


def line(message: str, fields: dict[str, object]) -> str:
    """Format one record."""
    record = logging.LogRecord("proxy", logging.INFO, "", 0, message, None, None)
    record.fields = fields
    return KeyValueFormatter().format(record)


def test_a_fact_is_one_line_of_pairs():
    """Time, level, message, then the fields in order."""
    text = line("Using legacy", {"stream": "1", "path": b"/v1/x", "n": 2})
    assert re.sub(r"^\S+", "TIME", text) == (
        'TIME level=info msg="Using legacy" stream=1 path=/v1/x n=2'
    )
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", text)


@pytest.mark.parametrize(
    "value", ["a b", "a\nlevel=error", 'a"b', "", "a=b", "\x1b[31m"]
)
def test_a_value_cannot_forge_a_line_or_a_field(value):
    """Values are quoted where needed; line breaks and control characters escaped."""
    text = line("m", {"key": value})
    assert "\n" not in text
    assert "\x1b" not in text
    assert ' key="' in text


def test_lines_go_to_stderr_and_to_the_file(tmp_path, capsys, logger):
    """The file's folder is made; lines below the level are left out."""
    path = tmp_path / "logs" / "proxy.log"
    log = StreamLogger(logger("info", path), "9", "v2")
    log.write("info", "100 % of Operation succeeded after 2 retries", {})
    log.write("debug", "not this", {})
    log.over("complete", status=200)
    (first, second) = path.read_text().splitlines()
    assert 'msg="100 % of Operation succeeded after 2 retries" stream=9' in first
    assert second.endswith(
        'msg="= answer over" stream=9 architecture=v2 outcome=complete status=200'
    )
    assert capsys.readouterr().err.splitlines() == [first, second]


def test_a_file_that_was_rotated_away_is_opened_anew(tmp_path, logger):
    """Lines after a rotation go to the new file."""
    path = tmp_path / "proxy.log"
    log = StreamLogger(logger("info", path), "9", "v2")
    log.write("info", "before", {})
    path.rename(tmp_path / "proxy.log.1")
    log.write("info", "after", {})
    assert "after" in path.read_text()


def test_an_error_of_ours_is_named_by_type_and_place(tmp_path, logger):
    """Its text may hold what a client sent, and stays out."""
    path = tmp_path / "proxy.log"
    log = StreamLogger(logger("info", path), "9", "v2")
    try:
        int("sk-secret")
    except ValueError as error:
        log.failed(error)
    text = path.read_text()
    assert "ValueError at test_logs.py:" in text
    assert "secret" not in text


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path, logger):
    """The caller reports it to the user."""
    with pytest.raises(OSError, match="Is a directory"):
        logger("info", tmp_path)


def test_a_fact_can_be_one_json_object(tmp_path, logger):
    """For machines: the same facts, one object a line, ASCII only."""
    path = tmp_path / "proxy.log"
    log = StreamLogger(logger("info", path, "json"), "9", "v2")
    log.write("warning", 'a "b"\n\u2028', {"n": 2, "path": b"/v1/\xff", "msg": "x"})
    log.over("complete", status=200, cause=None)
    first, second = path.read_bytes().splitlines()
    facts = json.loads(first)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", facts.pop("time"))
    assert facts == {
        "level": "warning",
        "msg": 'a "b"\n\u2028',
        "stream": "9",
        "n": 2,
        "path": "/v1/\xff",
        "msg_": "x",
    }
    assert first.isascii()
    assert json.loads(second)["outcome"] == "complete"
    assert "cause" not in json.loads(second)


def test_an_error_in_json_is_named_by_type_and_place(tmp_path, logger):
    """As in text."""
    path = tmp_path / "proxy.log"
    target = logger("info", path, "json")
    try:
        int("sk-secret")
    except ValueError:
        target.exception("failed")
    text = path.read_text()
    assert "ValueError at test_logs.py:" in json.loads(text)["error"]
    assert "secret" not in text
