"""What docs and code cite is in the repository.

A message names the file and the line: fix the citation there, or bring what it cites.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.citations import Citations, slugs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ours() -> Citations:
    """The citations of this repository."""
    return Citations(ROOT)


@pytest.fixture
def repository(tmp_path):
    """A repository of two files; its page has the text of the test."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "harness").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# One: two, `three`\n")

    def with_files(page: str = "", module: str = "") -> Citations:
        (tmp_path / "docs" / "page.md").write_text(page)
        (tmp_path / "harness" / "module.py").write_text(module)
        return Citations(tmp_path)

    return with_files


def test_every_link_leads_somewhere(ours):
    """Relative links of all pages, with their anchors."""
    found = ours.dead_links()
    assert not found, "\n".join(["", *found])


def test_every_path_exists(ours):
    """Paths that pages, docstrings, comments and scenarios name."""
    found = ours.dead_paths()
    assert not found, "\n".join(["", *found])


def test_no_absent_document_is_cited(ours):
    """Notes that were never in the repository help nobody."""
    found = ours.absent_documents()
    assert not found, "\n".join(["", *found])


def test_all_of_the_repository_is_read(ours):
    """A test that reads nothing finds nothing."""
    read = {name for name, _ in ours._files()}
    wanted = {
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "README.md",
        "cassettes/README.md",
        "docs/design/README.md",
        "docs/judging.md",
        "harness/judge/verdict.py",
        "proxy/relay.py",
        "pyproject.toml",
        "scenarios/clean/paced.yaml",
        "scripts/states.py",
        "tests/docs/test_citations.py",
    }
    assert set() == wanted - read


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("other.md", None),
        ("../docs/other.md#one-two-three", None),
        ("#a-heading", None),
        ("https://example.com/nowhere.md", None),
        ("absent.md", "there is no absent.md"),
        ("other.md#four", "there is no heading for other.md#four"),
        ("#another", "there is no heading for #another"),
    ],
)
def test_links(repository, target, problem):
    """A link without a file, or without a heading, is named with its line."""
    page = f"# A heading\n\nSee [it]({target}).\n```\n[shown](absent.md)\n```\n"
    found = repository(page).dead_links()
    assert [f"docs/page.md:3: {problem}"] * (problem is not None) == found


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("See docs/other.md.", None),
        ("See docs/other.md#one-two-three for why.", None),
        ("The module `harness/module` may leave its suffix out.", None),
        ("`reports/<run>/report.json` is made.", None),
        ("The tests of harness/x/y.py are in tests/harness/x/test_y.py.", None),
        ("So is reports/20261125-174150-seed1/report.json.", None),
        ("Any docs/*.md will do, and so will tests/<path>/test_x.py.", None),
        ("https://example.com/docs/absent.md is not ours.", None),
        ("See docs/absent.md.", "docs/absent.md"),
        ("See docs/other.md#four.", "docs/other.md#four"),
        ("The folder `harness/nowhere/` is gone.", "harness/nowhere/"),
        ("As CONTRIBUTING.md says.", "CONTRIBUTING.md"),
    ],
)
def test_paths(repository, text, path):
    """A path is followed wherever prose names it: page, docstring, comment."""
    expected = [] if path is None else [path]
    in_page = repository(page=f"\n{text}\n").dead_paths()
    assert [f"docs/page.md:2: there is no {one}" for one in expected] == in_page
    module = f'# One.\n"""Does it.\n\n{text}\n"""\n'
    in_docstring = repository(module=module).dead_paths()
    assert [f"harness/module.py:4: there is no {one}" for one in expected] == (
        in_docstring
    )
    in_comment = repository(module=f"x = 1\n# {text}\n").dead_paths()
    assert [f"harness/module.py:2: there is no {one}" for one in expected] == in_comment


def test_code_of_a_module_is_no_prose(repository):
    """What a program or a block of a page handles belongs to the program."""
    module = 'PAGE = "docs/absent.md"\nFAULTS = []  # the ones that `FAULTS` holds\n'
    page = "```sh\nharness check docs/absent.md\n```\n"
    citations = repository(page=page, module=module)
    assert [] == citations.dead_paths()
    assert [] == citations.absent_documents()


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("then insertion (DESIGN, section 8).", "DESIGN"),
        ("research/JUDGE.md, section 2.6", "research/JUDGE.md"),
        ("fields (FAULTS class 15)", "FAULTS"),
        ("a designed relay, and faults of class 15", None),
        ("docs/design/relay.md", None),
        ("the table ``for FAULTS in it`` of a module", None),
    ],
)
def test_absent_documents(repository, text, cited):
    """Their names are known, and stand for nothing else."""
    found = repository(module=f'"""Does it.\n\n{text}\n"""\n').absent_documents()
    message = f"harness/module.py:3: cites {cited}, which is not in the repository"
    assert [message] * (cited is not None) == found


def test_anchors_are_those_of_github():
    """Punctuation goes, spaces become hyphens, and what is there twice is numbered."""
    fenced = "````\n# no\n```\n# no\n````\n"
    page = f"# A `b_c`: d, e-f\n{fenced}## Twice\n## Twice\n## [x](y.md)\n"
    assert {"a-b_c-d-e-f", "twice", "twice-1", "x"} == slugs(page)
