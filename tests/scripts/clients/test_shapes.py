from __future__ import annotations

import pytest

from scripts.clients.shapes import TABLES, read_shapes

PAGE = TABLES.parents[2] / "docs" / "clients.md"


class TestTheTables:
    @pytest.mark.parametrize("name", ["openai", "anthropic"])
    def test_every_shape_can_be_played(self, name):
        shapes = read_shapes(TABLES / f"{name}.yaml")
        names = [shape.name for shape in shapes]
        assert len(set(names)) == len(names)
        assert all(len(shape.script.attempts) == 1 for shape in shapes)

    @pytest.mark.parametrize("name", ["openai", "anthropic"])
    def test_every_shape_stands_on_the_page(self, name):
        page = PAGE.read_text(encoding="utf-8")
        for shape in read_shapes(TABLES / f"{name}.yaml"):
            assert f"| `{shape.name}` {shape.what} |" in page

    def test_what_an_answer_says_is_in_what_is_played(self):
        [ok] = [s for s in read_shapes(TABLES / "openai.yaml") if s.name == "ok"]
        body = ok.script.attempt(1).body.decode()
        assert ok.meant.text == "Hello 你好 world"
        assert [part in body for part in ("Hello", " 你好", " world")] == [True] * 3
        assert body.endswith("data: [DONE]\n\n")
