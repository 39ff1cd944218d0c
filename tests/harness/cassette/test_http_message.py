from __future__ import annotations

import pytest

from harness.cassette.http_message import (
    check_headers,
    read_base64,
    read_body,
    read_headers,
    read_text,
)
from harness.documents.node import Node, Origin
from harness.errors import InputError


def node(value: object) -> Node:
    """A value under the key ``m``."""
    return Node({"m": value}, Origin("f.json")).at("m")


def test_a_body_is_text_or_base64():
    """Text becomes UTF-8."""
    assert "é".encode() == read_body(node({"text": "é"}))
    assert b"\xff" == read_body(node({"base64": "/w=="}))


def test_what_is_no_body_is_refused_at_its_place():
    """Half a surrogate pair, which JSON lets pass, and what is not base64."""
    with pytest.raises(InputError, match=r"f.json: m.text: .*half a surrogate pair"):
        read_body(node({"text": "\ud83d"}))
    with pytest.raises(InputError, match=r"f.json: m.base64: expected base64"):
        read_body(node({"base64": "/w"}))
    with pytest.raises(InputError, match="expected base64"):
        read_base64(node("a b c d"))
    assert b"\xff" == read_text(node("\udcff"), surrogates="surrogateescape")


def test_headers_are_pairs_of_latin_1():
    """One byte for each character; where nothing stands there are none."""
    assert (("x", "é"),) == read_headers(node([["x", "é"]]))
    assert () == read_headers(node(None))
    with pytest.raises(InputError, match=r"f.json: m\[1\]: .*up to U\+00FF"):
        read_headers(node([["x", "a"], ["x", "€"]]))
    with pytest.raises(InputError, match=r"f.json: m\[0\]: .*up to U\+00FF"):
        check_headers([("€", "a")], node(None))
