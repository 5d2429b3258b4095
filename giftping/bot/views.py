"""Messages with buttons and menus, which are taken away when nobody answers to them any more."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from giftping.bot.desk import Desk
from giftping.bot.failures import tell_failure
from giftping.bot.replies import refused

log = logging.getLogger("giftping.bot")

ANSWERS_FOR = 600.0
"""Seconds after the last click: an interaction's token is good for 15 minutes (Interactions), and ends the view."""

NOT_FOR_YOU = "This needs the permission Manage Server."

Interaction = discord.Interaction[Any]


async def refuses(interaction: Interaction) -> bool:
    """Tell a member who may not manage the server so; return whether it was refused."""
    if interaction.permissions.manage_guild:
        return False
    await interaction.response.send_message(embed=refused(NOT_FOR_YOU), ephemeral=True)
    return True


class Controls(ui.View):
    """Buttons and menus under an answer; `shown_by` is the interaction whose token may still change that answer."""

    def __init__(self, desk: Desk, shown_by: Interaction) -> None:
        super().__init__(timeout=ANSWERS_FOR)
        self._desk = desk
        self._shown_by = shown_by

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
        await tell_failure(interaction, error, self._desk.settings, str(what))


class ManagersControls(Controls):
    """Buttons and menus for those who may manage the server, which is asked at each click."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Whether the member may still do this; tell them where not."""
        return not await refuses(interaction)


class Pages(Controls):
    """Embeds that one leafs through."""

    def __init__(self, desk: Desk, shown_by: Interaction, pages: Sequence[discord.Embed]) -> None:
        super().__init__(desk, shown_by)
        self._pages = pages
        self._shown = 0
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

    @ui.button(label="Back", emoji="◀️")
    async def back(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Show the page before."""
        await self._turn(interaction, -1)

    @ui.button(label="On", emoji="▶️")
    async def on(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Show the next page."""
        await self._turn(interaction, 1)


async def show_pages(interaction: Interaction, desk: Desk, pages: Sequence[discord.Embed]) -> None:
    """Answer a command that was acknowledged with embeds, with buttons where there are several."""
    if len(pages) == 1:
        await interaction.followup.send(embed=pages[0], ephemeral=True)
        return
    view = Pages(desk, interaction, pages)
    await interaction.followup.send(embed=view.present, view=view, ephemeral=True)
