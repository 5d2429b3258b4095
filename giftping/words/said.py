"""What was said in English, and can be said in another language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from giftping.words.catalogue import HOME_LANGUAGE, Words, words_of


class Said(str):
    """A phrase in English, as the command line says it, that knows what it was made of."""

    __slots__ = ("phrase", "values")

    phrase: str
    """Its dotted name."""
    values: Mapping[str, Any]
    """What was put in."""

    def __new__(cls, phrase: str, /, **values: Any) -> Said:
        """The phrase with the values put in. Raise KeyError for one that there is not."""
        said = super().__new__(cls, words_of(HOME_LANGUAGE)(phrase, **values))
        said.phrase, said.values = phrase, values
        return said

    def in_words(self, words: Words, **instead: Any) -> str:
        """The same in another language, with other values `instead` where it has such."""
        return words(self.phrase, **{name: instead.get(name, value) for name, value in self.values.items()})

    def redacted(self, redact: Callable[[str], str]) -> Said:
        """The same without a secret in the texts that were put in."""
        values = {name: redact(value) if isinstance(value, str) else value for name, value in self.values.items()}
        return Said(self.phrase, **values)
