"""Sentences in as many lines as a terminal needs for them; where nobody looks, each stays one line."""

from __future__ import annotations

import os
from typing import TextIO

USUAL_COLUMNS = 80


def fitted(text: str, stream: TextIO) -> str:
    """A text as it is to be written to a terminal: broken between words."""
    columns = _columns(stream)
    return "\n".join(part for line in text.split("\n") for part in wrapped(line, columns))


def _columns(stream: TextIO) -> int:
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or USUAL_COLUMNS
    except OSError:
        return USUAL_COLUMNS


def wrapped(line: str, columns: int) -> list[str]:
    """A line in parts that fit, none of which breaks a word; one that is longer has a part of its own.

    The parts begin as far in as the line does.
    """
    if len(line) * 2 <= columns or _width(line) <= columns:
        return [line]
    words = line.split(" ")
    # What is indented stays so: the empty words before the first.
    depth = next((number for number, word in enumerate(words) if word), 0)
    indent, parts = " " * depth, [" " * depth + words[depth]]
    for word in words[depth + 1 :]:
        longer = f"{parts[-1]} {word}"
        if _width(longer.rstrip()) <= columns:
            parts[-1] = longer
        elif word:
            parts.append(indent + word)
    return [part.rstrip() for part in parts]


def _width(text: str) -> int:
    """How many columns a text takes: letters of some scripts take two."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)
