"""Ctrl-C at a moment when no run is under way yet."""

from __future__ import annotations

import sys

import pytest

from harness.cli import choose_plan, main
from harness.cli.commands import sweep


@pytest.mark.parametrize(
    "words", [["compare"], ["compare", "--list"], ["compare", "--virtual"], ["sweep"]]
)
def test_ctrl_c_while_files_are_read_is_no_verdict(monkeypatch, capsys, words):
    """Exit code 1 would tell CI that a regression is proven."""

    def read(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(choose_plan, "read_config", read)
    monkeypatch.setattr(sweep, "read_config", read)
    monkeypatch.setattr(sys, "argv", ["harness", *words])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 130
    assert "interrupted" in capsys.readouterr().err
