"""Buttons, menus and forms. What one does stands in its id, so that it is answered after a restart, too.

An id is `giftping:NAME:ARGUMENT…`, and NAME is what a handler was registered for. The library keeps nothing of what is
shown, and nothing runs out; a message that is seen by one member alone lives as long as their Discord wants it to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import discord
from discord import ui

from giftping.bot.answers import Interaction, acknowledge, answer, update, voice_of
from giftping.bot.failures import tell_failure
from giftping.bot.voice import Voice

OURS = "giftping"

ID_LENGTH = 100
"""The most characters of a control's id (Custom ID)."""

Handler = Callable[[Interaction, Sequence[str]], Awaitable[None]]
"""Answers an interaction, by the arguments in the id of its control."""


def control_id(name: str, *arguments: object) -> str:
    """The id of a control that a handler is registered for."""
    return ":".join((OURS, name, *map(str, arguments)))


class Controls:
    """Gives what members do with controls to the handlers."""

    def __init__(self, unknown: Handler) -> None:
        self._handlers: dict[str, Handler] = {}
        self._unknown = unknown
        """Answers what no handler knows: a control that another version has made."""

    def add(self, name: str, handler: Handler) -> None:
        """Let a handler answer the controls of a name."""
        self._handlers[name] = handler

    async def answer(self, interaction: Interaction) -> None:
        """Answer an interaction with a control, whatever comes of it."""
        data: Mapping[str, Any] = interaction.data or {}
        ours, _, rest = str(data.get("custom_id", "")).partition(":")
        name, *arguments = rest.split(":")
        handler = self._handlers.get(name, self._unknown) if ours == OURS else self._unknown
        try:
            await handler(interaction, arguments)
        except Exception as error:  # noqa: BLE001 the last place where it can be told; the bot goes on
            what = f"a control for {name or 'nothing'}"
            await tell_failure(interaction, error, interaction.client.settings, what, voice_of(interaction))


def chosen(interaction: Interaction) -> list[str]:
    """What was chosen in a menu: ids, or the values of its options."""
    data: Mapping[str, Any] = interaction.data or {}
    return [str(value) for value in data.get("values", ())]


def form_texts(interaction: Interaction) -> dict[str, str]:
    """What was typed into a form, by the ids of its inputs, in its order."""
    data: Mapping[str, Any] = interaction.data or {}
    return {str(one["custom_id"]): str(one["value"]) for one in _inputs(data.get("components", ())) if "value" in one}


def _inputs(parts: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for part in parts:
        yield part
        yield from _inputs([*part.get("components", ()), *([part["component"]] if "component" in part else [])])


class Shown(ui.View):
    """Buttons and menus under an answer."""

    def __init__(self, *items: ui.Item[Any]) -> None:
        super().__init__(timeout=None)
        for item in items:
            self.add_item(item)
        # The library would keep it, and answer by itself what is answered by id.
        self.stop()


# Embeds that one leafs through


def pages_shown(pages: Sequence[discord.Embed], number: int, voice: Voice, name: str, *arguments: object) -> Shown:
    """The buttons under a page of several; the handler of their name gets the arguments, and the number to turn to."""

    def turn(label: str, emoji: str, to: int) -> ui.Button[Any]:
        id_ = control_id(name, *arguments, to)
        return ui.Button(label=label, emoji=emoji, custom_id=id_, disabled=not 0 <= to < len(pages))

    return Shown(
        turn(voice.on_button("bot.pages.back"), "◀️", number - 1), turn(voice.on_button("bot.pages.on"), "▶️", number + 1)
    )


async def show_pages(
    interaction: Interaction, pages: Sequence[discord.Embed], number: int, name: str, *arguments: object
) -> None:
    """Answer what was begun with a page, with buttons where there are several."""
    # There may be fewer than there were.
    number = min(max(number, 0), len(pages) - 1)
    embed, voice = pages[number], voice_of(interaction)
    await answer(interaction, embed, pages_shown(pages, number, voice, name, *arguments) if len(pages) > 1 else None)


async def begin(interaction: Interaction) -> None:
    """Tell Discord that the answer comes: in a message of its own, or in the one that was clicked on."""
    await (update if interaction.type is discord.InteractionType.component else acknowledge)(interaction)
