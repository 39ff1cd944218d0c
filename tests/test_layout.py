"""Tests mirror the code: ``harness/x/y.py`` is tested by ``tests/harness/x/test_y.py``.

A module that has a function needs a test file of its own, and a test file needs a
module. The two tables below list the exceptions, each with its reason; an exception
that is not needed any more fails too.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

_E2E = "a shell around sockets, processes or the clock: tests/e2e covers it"

UNTESTED = {
    "harness/play/upstream/timers.py": _E2E,
    "harness/record/session.py": _E2E,
}
"""Modules without a test file of their own, and why."""

CROSS_CUTTING = {
    "tests/harness/cli/commands/test_check_mistakes.py": "files with many mistakes",
    "tests/harness/cli/commands/test_check_secrets.py": "every kind of secret",
    "tests/harness/cli/commands/test_write_a_fault.py": "docs/write-a-fault.md",
    "tests/harness/dialects/openai_chat/test_corpus.py": "recorded streams of others",
    "tests/harness/dialects/test_write_a_dialect.py": "docs/write-a-dialect.md",
    "tests/harness/faults/test_composed.py": "any faults on top of each other",
    "tests/harness/faults/test_corpus.py": "recorded streams of others",
    "tests/harness/faults/test_face.py": "the package as writers of faults import it",
    "tests/harness/faults/test_limits.py": "streams that any fault makes too long",
    "tests/harness/faults/test_pairs.py": "every fault before every other",
    "tests/harness/judge/test_faults.py": "every fault, judged",
    "tests/harness/judge/test_planted.py": "planted defects are found and named",
    "tests/harness/privacy/test_scrubbed_cassettes.py": "our cassettes, scrubbed",
    "tests/harness/scenario/test_suite.py": "the scenarios that ship",
    "tests/proxy/v2/test_corpus.py": "recorded streams of others",
    "tests/proxy/v2/test_properties.py": "properties of the whole architecture",
    "tests/proxy/v2/test_vectors.py": "test vectors of the whole architecture",
}
"""Test files of no single module, and what they are about."""


def has_logic(path: Path) -> bool:
    """Return whether a module has a function; values and tables need no test."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, kinds) for node in ast.walk(tree))


def file_of_tests(module: Path) -> Path:
    """Return where the tests of a module are; a package's are named like itself."""
    name = module.parent.name if module.stem == "__init__" else module.stem
    return Path("tests") / module.parent / f"test_{name.strip('_')}.py"


def modules() -> list[Path]:
    """Return all modules that have logic, relative to the checkout."""
    return sorted(
        path.relative_to(ROOT)
        for package in ("harness", "proxy")
        for path in (ROOT / package).rglob("*.py")
        if has_logic(path)
    )


def files_of_tests() -> list[Path]:
    """Return all test files of the mirror; tests/e2e tests whole programs."""
    return sorted(
        path.relative_to(ROOT)
        for package in ("harness", "proxy")
        for path in (ROOT / "tests" / package).rglob("test_*.py")
    )


MODULES = modules()
TEST_FILES = files_of_tests()


def test_every_module_with_logic_has_a_test_file():
    """Or a reason."""
    missing = [
        f"{module}: expected {file_of_tests(module)}"
        for module in MODULES
        if file_of_tests(module) not in TEST_FILES and str(module) not in UNTESTED
    ]
    assert not missing, "\n".join(missing)


def test_every_test_file_has_a_module():
    """Or is about several, and says what about."""
    known = {
        file_of_tests(path.relative_to(ROOT))
        for package in ("harness", "proxy")
        for path in (ROOT / package).rglob("*.py")
    }
    lost = [
        str(file)
        for file in TEST_FILES
        if file not in known and str(file) not in CROSS_CUTTING
    ]
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize("name", UNTESTED)
def test_no_exception_of_a_module_is_stale(name):
    """It has logic, and no test file."""
    has_logic_still = Path(name) in MODULES
    assert has_logic_still, f"{name} is gone, or has no function"
    has_tests = file_of_tests(Path(name)) in TEST_FILES
    assert not has_tests, f"{name} has a test file"


@pytest.mark.parametrize("name", CROSS_CUTTING)
def test_no_exception_of_a_test_file_is_stale(name):
    """It exists, and no module is named like it."""
    module = Path(*Path(name).parts[1:-1]) / Path(name).name.removeprefix("test_")
    assert Path(name) in TEST_FILES, f"{name} is gone"
    assert not (ROOT / module).exists(), f"{name} is the test file of {module}"
