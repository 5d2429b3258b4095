"""What was said in English, and can be said in another language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from giftping.words.catalogue import HOME_LANGUAGE, Words, phrases_of


class Said(str):
    """A phrase in English, as the command line says it, that knows what it was made of.

    What is put in may be said in other languages itself, and may be several of those.
    """

    __slots__ = ("phrase", "values")

    phrase: str
    """Its dotted name."""
    values: Mapping[str, Any]
    """What was put in."""

    def __new__(cls, phrase: str, /, **values: Any) -> Said:
        """The phrase with the values put in. Raise KeyError for one that there is not."""
        shown = {name: _joined(value) for name, value in values.items()}
        said = super().__new__(cls, phrases_of(HOME_LANGUAGE)[phrase].format(**shown))
        said.phrase, said.values = phrase, values
        return said

    def in_words(self, words: Words, **instead: Any) -> str:
        """The same in another language, with other values `instead` where it has such."""

        def there(value: Any) -> Any:
            if isinstance(value, tuple):
                return _joined(tuple(map(there, value)))
            return in_words(value, words, **instead) if isinstance(value, str) else value

        return words(self.phrase, **{name: instead.get(name, there(value)) for name, value in self.values.items()})

    def redacted(self, redact: Callable[[str], str]) -> Said:
        """The same without a secret in the texts that were put in."""

        def safe(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(safe, value))
            return redacted(value, redact) if isinstance(value, str) else value

        return Said(self.phrase, **{name: safe(value) for name, value in self.values.items()})


class DiscordText(str):
    """A text as the command line writes it, that is shown in Discord in another way: an instant, a member."""

    __slots__ = ("in_discord",)

    in_discord: str
    """How it is shown there."""

    def __new__(cls, text: str, in_discord: str) -> DiscordText:
        """The text, with how it is shown in Discord."""
        shown = super().__new__(cls, text)
        shown.in_discord = in_discord
        return shown


def in_words(text: str, words: Words, **instead: Any) -> str:
    """A text in another language, and as Discord shows it, where it is one of which that is known; else as it is."""
    if isinstance(text, DiscordText):
        return in_words(text.in_discord, words, **instead)
    return text.in_words(words, **instead) if isinstance(text, Said) else text


def redacted(text: str, redact: Callable[[str], str]) -> str:
    """A text without a secret, which can be said in other languages, and shown in Discord, as it could before."""
    if isinstance(text, DiscordText):
        return DiscordText(redact(text), redacted(text.in_discord, redact))
    return text.redacted(redact) if isinstance(text, Said) else redact(text)


def _joined(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, tuple) else value
