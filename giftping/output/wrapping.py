"""Sentences in as many lines as a terminal needs for them; where nobody looks, each stays one line."""

from __future__ import annotations

import os
import re
from typing import TextIO

USUAL_COLUMNS = 80

_NEXT = r"(?<![,;:.)]) "
_COMMAND = re.compile(
    r"`[^`]+`"
    rf"|(?<![^\s(])giftping(?:{_NEXT}[a-z][\w-]*){{1,3}}"
    rf"(?:{_NEXT}(?:'[^']*'|--?[a-z]\S*(?:{_NEXT}[\w'\"/~.:<]\S*)?|[A-Z\d'\"/~<…]\S*))*"
    r"|(?<=run: )(?:'[^']*'|[^;,()'])+"
)
"""What is to be typed: between code marks, from the program's name on, or behind "run:"; maybe a word too many."""

_JOINT = "\ue000"
"""What stands between the words of a command while its line is broken: nothing that anybody writes."""


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
    """A line in parts that fit, none of which breaks a word or a command; one that is longer has a part of its own.

    A terminal breaks such a part where its columns end, and whoever copies it gets it whole. The parts begin as far in
    as the line does.
    """
    if len(line) * 2 <= columns or _width(line) <= columns:
        return [line]
    words = with_whole_commands(line).split(" ")
    # What is indented stays so: the empty words before the first.
    depth = next((number for number, word in enumerate(words) if word), 0)
    indent, parts = " " * depth, [" " * depth + words[depth]]
    for word in words[depth + 1 :]:
        longer = f"{parts[-1]} {word}"
        if _width(longer.rstrip()) <= columns:
            parts[-1] = longer
        elif word:
            parts.append(indent + word)
    return [as_written(part).rstrip() for part in parts]


def with_whole_commands(text: str) -> str:
    """A text in which each command is one word, until `as_written` has it back."""
    return _COMMAND.sub(lambda found: found[0].replace(" ", _JOINT), text)


def as_written(text: str) -> str:
    """A text with the words of its commands apart again."""
    return text.replace(_JOINT, " ")


def commands_in(text: str) -> list[str]:
    """The commands of a text, each as `with_whole_commands` makes it one word."""
    return [found[0].replace(" ", _JOINT) for found in _COMMAND.finditer(text)]


def _width(text: str) -> int:
    """How many columns a text takes: letters of some scripts take two."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)
