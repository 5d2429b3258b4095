"""Messages with buttons and menus, which are taken away when nobody answers to them any more."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from giftping.bot.answers import Interaction, answer, may_manage, voice_of
from giftping.bot.command_runner import CommandRunner
from giftping.bot.failures import tell_failure

log = logging.getLogger("giftping.bot")

ANSWERS_FOR = 600.0
"""Seconds after the last click: an interaction's token is good for 15 minutes (Interactions), and ends the view."""


class Controls(ui.View):
    """Buttons and menus under an answer."""

    def __init__(self, runner: CommandRunner, shown_by: Interaction) -> None:
        super().__init__(timeout=ANSWERS_FOR)
        self._runner = runner
        self._shown_by = shown_by
        """The interaction whose token may still change the answer: the latest one, since a token runs out."""

    async def on_timeout(self) -> None:
        """Take the buttons away: none that nobody answers to are left."""
        try:
            await self._shown_by.edit_original_response(view=None)
        except discord.HTTPException as error:
            # The member may have dismissed the answer.
            log.debug("the buttons could not be taken away: HTTP %s", error.status)

    async def on_error(self, interaction: Interaction, error: Exception, item: ui.Item[Any], /) -> None:
        """Tell the member that something went wrong."""
        what = getattr(item, "label", None) or getattr(item, "placeholder", None) or type(item).__name__
        await tell_failure(interaction, error, self._runner.settings, str(what), voice_of(interaction))


class ManagersControls(Controls):
    """Buttons and menus for those who may manage the server, which is asked at each click."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Whether the member may still do this; tell them where not."""
        return await may_manage(interaction)


class Pages(Controls):
    """Embeds that one leafs through."""

    def __init__(self, runner: CommandRunner, shown_by: Interaction, pages: Sequence[discord.Embed]) -> None:
        super().__init__(runner, shown_by)
        self._pages = pages
        self._shown = 0
        voice = voice_of(shown_by)
        self.back.label, self.on.label = voice.on_button("bot.pages.back"), voice.on_button("bot.pages.on")
        self._mark()

    @property
    def present(self) -> discord.Embed:
        """The page that is shown."""
        return self._pages[self._shown]

    def _mark(self) -> None:
        self.back.disabled = self._shown == 0
        self.on.disabled = self._shown == len(self._pages) - 1

    async def _turn(self, interaction: Interaction, by: int) -> None:
        self._shown_by = interaction
        self._shown = min(max(self._shown + by, 0), len(self._pages) - 1)
        self._mark()
        await interaction.response.edit_message(embed=self.present, view=self)

    @ui.button(emoji="◀️")
    async def back(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Show the page before."""
        await self._turn(interaction, -1)

    @ui.button(emoji="▶️")
    async def on(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Show the next page."""
        await self._turn(interaction, 1)


async def show_pages(interaction: Interaction, runner: CommandRunner, pages: Sequence[discord.Embed]) -> None:
    """Answer a command that was acknowledged with embeds, with buttons where there are several."""
    if len(pages) == 1:
        await answer(interaction, pages[0])
        return
    view = Pages(runner, interaction, pages)
    await answer(interaction, view.present, view)
