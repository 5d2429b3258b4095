"""What the commands are called, and said to be for, in each language that Discord has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import discord
from discord import app_commands

from giftping.bot.voice import language_of
from giftping.words.catalogue import HOME_LANGUAGE, Phrases, phrases_of, words_of

F = TypeVar("F", bound=Callable[..., Any])

PHRASE = "phrase"


def spoken(command: str) -> dict[str, Any]:
    """The name and the description of a command, by the dotted name of its phrases: `todo_roster.add`.

    Any, since the library takes them among arguments of other kinds.
    """
    return {"name": _phrase(f"{command}.name"), "description": _phrase(f"{command}.about")}


def options(command: str, *same: str, **other: str) -> Callable[[F], F]:
    """A decorator that gives a command's options their names and descriptions.

    Those that are called as their parameters are, and others by their parameters.
    """
    called = {**dict.fromkeys(same, ""), **other}

    def decorate(function: F) -> F:
        names = {parameter: _phrase(f"{command}.{name or parameter}.name") for parameter, name in called.items()}
        about = {parameter: _phrase(f"{command}.{name or parameter}.about") for parameter, name in called.items()}
        return app_commands.describe(**about)(app_commands.rename(**names)(function))

    return decorate


def _phrase(name: str) -> app_commands.locale_str:
    phrase = f"commands.{name}"
    return app_commands.locale_str(phrases_of(HOME_LANGUAGE)[phrase], **{PHRASE: phrase})


class CommandTranslator(app_commands.Translator):
    """Gives Discord the names and descriptions in each of its languages that there are phrases for."""

    def __init__(self, own: Mapping[str, Phrases]) -> None:
        self._own = own

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,  # noqa: ARG002 the library's way to ask
    ) -> str | None:
        """What a text is in a locale, None where it is the same."""
        language, phrase = language_of(locale.value, self._own), string.extras.get(PHRASE)
        if not language or phrase is None:
            return None
        said = words_of(language, self._own)(phrase)
        return said if said != string.message else None
