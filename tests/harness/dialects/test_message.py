from __future__ import annotations

from harness.dialects.message import TextPlace


def test_a_text_is_put_where_its_place_is():
    """Nothing around it changes."""
    place = TextPlace(choice=0, field="content", text="a", path=("x", 1, "y"))
    value = {"x": [{"y": "a"}, {"y": "a", "z": 1}]}

    place.put(value, "b")

    assert {"x": [{"y": "a"}, {"y": "b", "z": 1}]} == value
