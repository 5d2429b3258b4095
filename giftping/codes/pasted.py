"""Codes as people paste them from a message: with commas, backticks and the dots of "and so on" between them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from giftping.codes.spelling import bare_code
from giftping.text import key_of

MOST_WORDS = 6
"""Of a code that has spaces in it."""

_MARKUP = re.compile(r"[`*\\|>]+|(?<!\w)[_~]+|[_~]+(?!\w)")


def codes_in(texts: Iterable[str], is_known: Callable[[str], bool]) -> Iterator[str]:
    """The codes that texts name, as they stand there; `is_known` says of a key whether it is one.

    A code may have the very signs that part codes elsewhere: what is known goes before what is parted.
    """
    words = [word for text in texts for word in _words(text, is_known)]
    while words:
        most = min(len(words), MOST_WORDS)
        tries = ((count, " ".join(words[:count])) for count in range(most, 0, -1))
        count, found = next(
            ((count, form) for count, text in tries for form in _forms(text) if is_known(key_of(form))),
            (1, bare_code(words[0]) or words[0]),
        )
        del words[:count]
        yield found


def _words(text: str, is_known: Callable[[str], bool]) -> list[str]:
    if any(is_known(key_of(form)) for form in _forms(text)):
        return [text]
    return [word for word in re.split(r"[\s,;、，；]+", text) if bare_code(_MARKUP.sub("", word))]


def _forms(text: str) -> Iterator[str]:
    """A text as it is, and without what messages put around and into it."""
    plain = _MARKUP.sub("", text)
    yield from dict.fromkeys((text, bare_code(text), plain, bare_code(plain)))
