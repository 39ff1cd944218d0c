"""What a fault is written with: one import for ours and for those of others."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import harness.faults
from harness.faults import catalog

_FOLDER = Path(catalog.__file__).parent
_MODULES = sorted(_FOLDER.glob("*/[a-z]*.py"))


def _imported(path: Path) -> set[str]:
    """Return what a module takes from the faults, the catalogue itself left out."""
    return {
        alias.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("harness.faults.")
        and not (node.module or "").startswith("harness.faults.catalog")
        for alias in node.names
    }


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: path.stem)
def test_our_faults_are_written_with_what_everybody_can_import(path):
    """From ``harness.faults``, under the same name."""
    assert _imported(path) <= set(harness.faults.__all__)


def test_everything_that_is_offered_is_there():
    """Each once."""
    offered = harness.faults.__all__
    assert len(set(offered)) == len(offered)
    for name in offered:
        assert hasattr(harness.faults, name)


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: path.stem)
def test_every_module_of_the_catalogue_is_registered(path):
    """Those that declare a fault, by importing the package."""
    name = f"harness.faults.catalog.{path.parent.name}.{path.stem}"
    declares = "@fault(" in path.read_text(encoding="utf-8")
    assert declares <= (path.stem in catalog.__all__)
    assert name in sys.modules


def test_a_module_of_the_catalogue_can_be_imported_alone():
    """It finds all others registered, whichever comes first."""
    code = (
        "from harness.faults.catalog.socket.timing import stall\n"
        "from harness.faults.registry import REGISTRY\n"
        "print(REGISTRY['stall'].function is stall, 'repeat_first' in REGISTRY)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
