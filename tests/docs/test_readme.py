"""What the README says can be pasted, and is complete."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest

from harness.cli import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_commands_are_those_of_the_program():
    """The table has a row for every command, and no other."""
    rows = set(re.findall(r"^\| `harness (\w+)", README, re.MULTILINE))
    with click.Context(cli) as context:
        assert set(cli.list_commands(context)) == rows


@pytest.mark.parametrize("name", ["pyproject.toml", "harness.yaml"])
def test_what_the_opening_needs_is_there(name):
    """The first two commands stand first, and need nothing but the checkout."""
    block = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    install, tests = block[1].splitlines()
    assert install.endswith(".venv/bin/harness compare")
    assert ".venv/bin/python -m pytest" == tests
    assert (ROOT / name).is_file()


@pytest.mark.e2e
@pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl"
)
def test_the_proxy_can_be_tried_by_hand(tmp_path):
    """The block runs pasted whole, and leaves no process behind."""
    [block] = re.findall(r"```sh\n(harness replay .*?)```", README, re.DOTALL)
    for port in ("8080", "8081"):
        block = block.replace(f":{port}", f":{_free_port()}")
    harness = tmp_path / "harness"
    harness.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m harness "$@"')
    harness.chmod(0o755)
    folders = (str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"])
    pasted = subprocess.run(
        ["bash", "-c", f"{block}\nwait"],
        cwd=ROOT,
        env={**os.environ, "PATH": os.pathsep.join(folders), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    shown = pasted.stdout.decode()
    assert "data: [DONE]" in shown, pasted.stderr.decode()
    # One stream, or more where a server was slow to listen.
    assert re.search(r'"v1":0,"v2":[1-9]', shown)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
