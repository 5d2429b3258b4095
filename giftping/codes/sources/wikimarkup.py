"""Wikitext made safe to parse: what is opened and never closed becomes text."""

from __future__ import annotations

import re

MAX_DEPTH = 24

_TOKEN = re.compile(
    r"(?P<comment><!--)|(?P<template>\{\{)|(?P<template_end>\}\})|(?P<link>\[\[)|(?P<link_end>\]\])"
    r"|(?P<table>^[ \t:]*\{\|)|(?P<table_end>^[ \t]*\|\}(?!\}))|(?P<site>\[(?=https?://))|(?P<site_end>\])"
    r"|(?P<tag><(?P<close>/?)(?P<name>[a-zA-Z]{1,10})(?:[ \t\n][^<>]{0,500})?(?P<alone>/?)>)"
    r"|(?P<less><)",
    re.MULTILINE,
)
_PAIRED = frozenset(
    {"b", "big", "center", "code", "del", "div", "em", "i", "ins", "nowiki", "p", "ref", "s", "small", "span", "strong"}
    | {"sub", "sup", "tt", "u"}
)
_ALONE = frozenset({"br", "hr", "wbr"})
_LIST_MARK = re.compile(r"^(?:[:;*#]+|-{4,})", re.MULTILINE)
_ESCAPES = str.maketrans({"<": "&lt;", "{": "&#123;", "[": "&#91;"})


def tamed(text: str) -> str:
    """Wikitext in which every template, link, table and tag that opens is closed, at a bearable depth.

    The parser tries each open one again to the end of the page: minutes for a page of 100 kB. An unfinished comment
    hides the rest of the page, as it does in MediaWiki. Marks of lists and rules go: they cost much and say nothing.
    """
    text, tokens = _tokens(_LIST_MARK.sub("", text))
    parts: list[str] = []
    position = 0
    for start, end in sorted(_loose(tokens)):
        parts += [text[position:start], text[start:end].translate(_ESCAPES)]
        position = end
    return "".join([*parts, text[position:]])


def _tokens(text: str) -> tuple[str, list[re.Match[str]]]:
    tokens: list[re.Match[str]] = []
    position = 0
    while (token := _TOKEN.search(text, position)) is not None:
        position = token.end()
        if token["comment"]:
            end = text.find("-->", position)
            if end < 0:
                return text[: token.start()], tokens
            position = end + 3
        else:
            tokens.append(token)
    return text, tokens


def _loose(tokens: list[re.Match[str]]) -> list[tuple[int, int]]:
    """Where the openings are that nothing closes, and the tags that are none of wikitext's."""
    loose: list[tuple[int, int]] = []
    stack: list[tuple[str, tuple[int, int]]] = []
    for token in tokens:
        kind, closes = _kind(token)
        if not kind:
            loose.append(token.span())
        elif closes:
            if any(opened == kind for opened, _ in stack):
                while (above := stack.pop())[0] != kind:
                    loose.append(above[1])
            elif token["tag"]:
                loose.append(token.span())
        elif kind not in _ALONE:
            if len(stack) < MAX_DEPTH:
                stack.append((kind, token.span()))
            else:
                loose.append(token.span())
    return loose + [span for _, span in stack]


def _kind(token: re.Match[str]) -> tuple[str, bool]:
    """What a token opens or closes, "" for a `<` that does neither, and whether it closes."""
    if not token["tag"]:
        name = token.lastgroup or ""
        return ("", False) if name == "less" else (name.removesuffix("_end"), name.endswith("_end"))
    name = token["name"].lower()
    if name in _ALONE or (name in _PAIRED and token["alone"]):
        return "br", False
    return (name if name in _PAIRED else ""), bool(token["close"])
