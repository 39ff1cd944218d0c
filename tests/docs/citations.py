"""Finds what the files of a repository cite, and what of it is not there."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

__all__ = ["Citations", "Line", "slugs"]

ROOTS = (
    "benchmarks",
    "cassettes",
    "docs",
    "harness",
    "proxy",
    "reports",
    "scenarios",
    "scripts",
    "tests",
)
"""The folders whose files are read, and whose paths are followed."""

_SUFFIXES = {".md", ".py", ".yaml", ".toml", ".j2", ".ini", ".json", ".cfg"}

_UNREAD = (
    # Recordings, and files that programs make or install.
    re.compile(r"cassettes/.*\.yaml|reports/(?!example/)|tests/data/.*(?<!\.md)$"),
    re.compile(r"reports/example/report\.json"),
    re.compile(r"(.*/)?(node_modules|__pycache__|\.[^/]+)/"),
    re.compile(r".*\.egg-info/|.*package-lock\.json"),
)

_MADE = re.compile(r"reports/(?!example\b)|cassettes/openai\b|tests/cassettes\b|.*/x/")
"""Paths that a command makes, that belong to the reader, or that are made up."""

_PATH = re.compile(
    rf"(?<![\w/.\-:@}}>~])(?:\./)?((?:{'|'.join(ROOTS)})/[\w./\-]*)(#[\w\-]+)?(.?)"
)
_FILE = re.compile(
    r"(?<![\w/.\-])((?:[A-Z]{4,}|harness|pyproject|tox)\.(?:md|yaml|toml|ini))\b"
)
_LINK = re.compile(r"\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)")
_OUTSIDE = re.compile(r"[a-z][a-z+.\-]*:", re.IGNORECASE)

_ABSENT = (
    "DESIGN",
    "CLIENTS",
    "FAULTS",
    "GATEWAYS",
    "HARDENING",
    "HOUSE",
    "JUDGE",
    "LEGACY",
    "PEERS",
    "PERF",
    "RECORDING",
    "SERVERS",
    "STYLE",
    "USERS",
)
_ABSENT_DOCUMENT = re.compile(
    rf"(?<![\w`.\-/])(?:\.\./)?(?:research/[\w.]*|(?:{'|'.join(_ABSENT)})(?:\.md)?(?![\w`]))"
)

_CODE = re.compile(r"`+[^`]*`+")
_HEADING = re.compile(r"#{1,6} +(.*?) *#* *$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of prose: of a page, a docstring or a comment."""

    path: str
    number: int
    text: str

    def says(self, problem: str) -> str:
        """Return a message that names the place."""
        return f"{self.path}:{self.number}: {problem}"


def slugs(page: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    found: set[str] = set()
    for _, text, fenced in _markdown(page):
        heading = None if fenced else _HEADING.match(text)
        if heading is None:
            continue
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("\\", "")
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        number, first = 0, slug
        while slug in found:
            number += 1
            slug = f"{first}-{number}"
        found.add(slug)
    return found


class Citations:
    """The citations of a repository.

    Args:
        root: Its folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._slugs = cache(lambda path: slugs(path.read_text(encoding="utf-8")))

    def dead_links(self) -> list[str]:
        """Return the relative links of pages that lead nowhere."""
        return [
            line.says(problem)
            for line in self._pages()
            for target in _LINK.findall(line.text)
            if (problem := self._dead_link(line.path, target))
        ]

    def dead_paths(self) -> list[str]:
        """Return the paths that prose names and that do not exist."""
        return [
            line.says(f"there is no {shown}")
            for line in self._prose
            for shown in self._dead_in(line.text)
        ]

    def absent_documents(self) -> list[str]:
        """Return where prose cites a document that was never in the repository."""
        return [
            line.says(f"cites {found[0]}, which is not in the repository")
            for line in self._prose
            for found in _ABSENT_DOCUMENT.finditer(_CODE.sub("", line.text))
        ]

    def _dead_link(self, page: str, target: str) -> str | None:
        if _OUTSIDE.match(target):
            return None
        name, _, anchor = target.partition("#")
        file = (self._root / page).parent / name if name else self._root / page
        if not file.exists():
            return f"there is no {target}"
        if anchor and file.suffix == ".md" and anchor not in self._slugs(file):
            return f"there is no heading for {target}"
        return None

    def _dead_in(self, text: str) -> Iterator[str]:
        for found in _PATH.finditer(text):
            path, anchor, after = found[1], found[2] or "", found[3]
            # The beginning of a pattern or of a made-up name.
            if (after and after in "<{*$[…") or "…" in path or "..." in path:
                continue
            path = path.rstrip("./-") if not path.endswith("/") else path
            if _MADE.match(path):
                continue
            file = self._root / path
            # A module may be named without its suffix.
            if not file.exists() and not file.with_suffix(".py").exists():
                yield path
            elif anchor and anchor[1:] not in self._slugs(file):
                yield path + anchor
        for name in _FILE.findall(text):
            if not (self._root / name).exists():
                yield name

    def _files(self) -> Iterator[tuple[str, Path]]:
        tops = [one for one in self._root.iterdir() if one.is_file()]
        inside = (one for root in ROOTS for one in (self._root / root).rglob("*"))
        for file in sorted([*tops, *inside]):
            name = file.relative_to(self._root).as_posix()
            if file.suffix not in _SUFFIXES or not file.is_file():
                continue
            if not any(pattern.match(name) for pattern in _UNREAD):
                yield name, file

    def _pages(self) -> Iterator[Line]:
        for name, file in self._files():
            if file.suffix == ".md":
                for number, text, fenced in _markdown(file.read_text(encoding="utf-8")):
                    if not fenced:
                        yield Line(name, number, text)

    @cached_property
    def _prose(self) -> list[Line]:
        return list(self._read_prose())

    def _read_prose(self) -> Iterator[Line]:
        for name, file in self._files():
            text = file.read_text(encoding="utf-8")
            if file.suffix == ".py":
                lines: Iterable[tuple[int, str]] = _comments_and_docstrings(text)
            elif file.suffix == ".md":
                # Blocks show what a reader types, with names of the reader's own.
                lines = ((n, one) for n, one, fenced in _markdown(text) if not fenced)
            else:
                lines = enumerate(text.splitlines(), start=1)
            for number, one in lines:
                yield Line(name, number, one)


def _markdown(page: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each line with its number, and whether it is in a fenced block."""
    fence = ""
    for number, text in enumerate(page.splitlines(), start=1):
        mark = re.match(r" *(```+|~~~+)", text)
        if mark and not fence:
            fence = mark[1]
            yield number, text, True
        elif mark and text.strip().startswith(fence):
            fence = ""
            yield number, text, True
        else:
            yield number, text, bool(fence)


def _comments_and_docstrings(source: str) -> Iterator[tuple[int, str]]:
    if not (
        _PATH.search(source) or _FILE.search(source) or _ABSENT_DOCUMENT.search(source)
    ):
        return
    for node in ast.walk(ast.parse(source)):
        # Docstrings, and the strings that stand below a constant or a member.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            value = node.value.value
            if isinstance(value, str):
                yield from enumerate(value.splitlines(), start=node.lineno)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
