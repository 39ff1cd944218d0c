"""Ctrl-C at a moment when no run is under way yet."""

from __future__ import annotations

import sys

import pytest

from harness.cli import main
from harness.cli.commands import compare


@pytest.mark.parametrize("words", [[], ["--list"], ["--virtual"]])
def test_ctrl_c_while_files_are_read_is_no_verdict(monkeypatch, capsys, words):
    """Exit code 1 would tell CI that a regression is proven."""

    def read(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare, "read_config", read)
    monkeypatch.setattr(sys, "argv", ["harness", "compare", *words])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 130
    assert "interrupted" in capsys.readouterr().err
