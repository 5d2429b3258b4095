"""How a code is written, without what pages put around it. Pure."""

from __future__ import annotations

import re

# Quotes, stops and dashes; other marks, such as the asterisks of markup, may say that it is no code.
_AROUND = " \t.,:;。、，：；…\"'´“”„‟‘’‚‛«»‹›「」『』-–—−‐‑‒―"


def bare_code(text: str, pattern: str = "") -> str:
    """A code without the quotes, full stops and dashes that stand around it.

    What looks like the codes of its game, by that game's own `pattern`, stays as it is.
    """
    if pattern and re.fullmatch(pattern, text):
        return text
    return text.strip(_AROUND)
