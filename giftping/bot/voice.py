"""In which language the bot answers: its phrases in the guild's, the names of commands in the member's own Discord."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from giftping.discord.limits import BUTTON_LABEL_LENGTH, truncate
from giftping.words.catalogue import HOME_LANGUAGE, Phrases, Words, languages, words_of


@dataclass(frozen=True, slots=True)
class Voice:
    """What is said to a member."""

    words: Words
    """In the guild's language."""
    names: Words
    """In the language of the member's Discord, which shows commands by it."""

    def on_button(self, name: str) -> str:
        """A phrase as it stands on a button: one of one's own may be longer than Discord takes there."""
        return truncate(self.words(name), BUTTON_LABEL_LENGTH)

    def command(self, name: str) -> str:
        """A command as the member sees it, by its dotted name: `todo_roster.add`."""
        parts = name.split(".")
        shown = (self.names(f"commands.{'.'.join(parts[: number + 1])}.name") for number in range(len(parts)))
        return f"`/{' '.join(shown)}`"


def voice_for(language: str, locale: str, own: Mapping[str, Phrases]) -> Voice:
    """What is said in a guild's language to a member whose Discord is in a locale."""
    return Voice(words_of(language, own), words_of(language_of(locale, own) or HOME_LANGUAGE, own))


def language_of(locale: str, own: Iterable[str]) -> str:
    """The language that a locale of Discord's means, de or es-419 say; empty for one that nobody wrote."""
    known = {*languages(), *own}
    return next((name for name in (locale, locale.lower(), locale.partition("-")[0]) if name in known), "")
