r"""Scrubbing of one text: all is replaced except what keeps it JSON or a sentinel.

A cumulative stream repeats the beginning of a text again and again, so the treatment of
a character depends only on the characters before it. That is why a key is recognized by
its position and not by the colon after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from harness.dialects.registry import OPENAI_CHAT

__all__ = ["scrub_text"]

_JSON = re.compile(r'\s*[{\[]\s*(?:["{\[\]}0-9tfn-]|$)')
_TOKEN = re.compile(
    r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?$))'
    r"|(?P<sign>[{}\[\]:,])"
    r"|(?P<literal>\b(?:(?:true|false|null)\b|(?:t|tr|tru|f|fa|fal|fals|n|nu|nul)$))"
    r"|(?P<exponent>(?<=[0-9])[eE](?=[0-9+-]|$))",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,4}|.|$)", re.DOTALL)
_UNICODE = re.compile(
    r"\\u(?:([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|([0-9a-fA-F]{4}))"
)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

# The sentinel, and tags, which are markup and not content. A part of one at the end of
# a text may become one.
_SENTINEL = OPENAI_CHAT.end
_TAGS = frozenset(
    {
        *("a", "b", "body", "br", "center", "code", "div", "doctype", "h1", "h2"),
        *("head", "hr", "html", "li", "meta", "p", "pre", "script", "span", "style"),
        *("think", "thinking", "title", "ul"),
    }
)
_TAG = re.compile(r"<[/!]?([A-Za-z][A-Za-z0-9]*)(?![A-Za-z0-9])")
_TAG_BEGUN = re.compile(r"<[/!]?([A-Za-z][A-Za-z0-9]*)$")

Span = tuple[int, int]


def scrub_text(
    text: str, invent: Callable[[str], str], substitute: Callable[[str], str]
) -> str:
    r"""Return a text of the same number of characters with invented letters.

    Args:
        text: The content of a string, escapes decoded.
        invent: Returns stand-ins for a text, one for each character.
        substitute: The same, with one stand-in for each character everywhere; used for
            characters written as several, such as half an emoji or a nested ``\u00e9``.
    """
    invented = invent(text)
    if _is_plain(text):
        return invented
    new = list(invented)
    for match in _PAIR.finditer(text):
        _put(new, match.start(), _substituted_pair(match[0], substitute))
    for start, end in _literal_spans(text):
        _put(new, start, text[start:end])
    if _JSON.match(text):
        for start, end in _json_spans(text):
            _put(new, start, text[start:end])
        for start, end in _value_spans(text):
            for match in _UNICODE.finditer(text, start, end):
                _put(new, match.start(), _substituted_escape(match, substitute))
    return "".join(new)


def _is_plain(text: str) -> bool:
    return not (_JSON.match(text) or "[" in text or "<" in text or _PAIR.search(text))


def _put(new: list[str], start: int, text: str) -> None:
    new[start : start + len(text)] = text


def _literal_spans(text: str) -> Iterator[Span]:
    """Yield the spans of the sentinel and known tags, also of a part at the end."""
    at = text.find(_SENTINEL)
    while at >= 0:
        yield at, at + len(_SENTINEL)
        at = text.find(_SENTINEL, at + 1)
    for size in range(1, len(_SENTINEL)):
        if text.endswith(_SENTINEL[:size]):
            yield len(text) - size, len(text)
    for match in _TAG.finditer(text):
        if match[1].lower() in _TAGS:
            yield match.span(1)
    begun = _TAG_BEGUN.search(text)
    if begun and any(tag.startswith(begun[1].lower()) for tag in _TAGS):
        yield begun.span(1)


def _json_spans(text: str) -> Iterator[Span]:
    """Yield the spans of a JSON text that stay: keys, literals, escapes, exponents."""
    for match, is_key in _tokens(text):
        if match.lastgroup != "string" or is_key:
            yield match.span()
        else:
            for escape in _ESCAPE.finditer(text, *match.span()):
                yield escape.span()


def _value_spans(text: str) -> Iterator[Span]:
    for match, is_key in _tokens(text):
        if match.lastgroup == "string" and not is_key:
            yield match.span()


def _tokens(text: str) -> Iterator[tuple[re.Match[str], bool]]:
    """Yield the tokens of a JSON text, and whether each is in a key's position."""
    open_signs: list[str] = []
    last = ""
    for match in _TOKEN.finditer(text):
        sign = match["sign"]
        is_key = bool(open_signs) and open_signs[-1] == "{" and last in ("{", ",")
        yield match, is_key
        if sign in ("{", "["):
            open_signs.append(sign)
        elif sign in ("}", "]") and open_signs:
            open_signs.pop()
        last = sign or ""


def _substituted_pair(pair: str, substitute: Callable[[str], str]) -> str:
    whole = pair.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    units = substitute(whole).encode("utf-16-le")
    return "".join(
        chr(int.from_bytes(units[at : at + 2], "little")) for at in range(0, 4, 2)
    )


def _substituted_escape(match: re.Match[str], substitute: Callable[[str], str]) -> str:
    high, low, single = match.groups()
    if single:
        new = substitute(chr(int(single, 16)))
    else:
        new = _substituted_pair(chr(int(high, 16)) + chr(int(low, 16)), substitute)
    form = "\\u{:04X}" if any(map(str.isupper, match[0])) else "\\u{:04x}"
    return "".join(form.format(ord(one)) for one in new)
