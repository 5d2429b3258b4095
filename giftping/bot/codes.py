"""The gift code commands: what is valid, what went out, and where it goes."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands, ui

from giftping.bot import code_replies as replies
from giftping.bot.desk import Desk
from giftping.bot.panel import open_panel
from giftping.bot.replies import refused, told
from giftping.bot.views import ManagersControls, refuses, show_pages
from giftping.commands import codes as coding

MANAGES = {"manage_guild": True}
ALREADY = "It is being done already."
CHOICES = 25
"""The most choices that Discord shows while an option is typed (Application Command Autocomplete)."""

Interaction = discord.Interaction[Any]


class Reset(ManagersControls):
    """The question before what was announced in a guild is forgotten."""

    def __init__(self, desk: Desk, shown_by: Interaction, guild_id: int) -> None:
        super().__init__(desk, shown_by)
        self._guild_id = guild_id
        self._is_answered = False

    @ui.button(label="Forget them", style=discord.ButtonStyle.danger)
    async def forget(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Forget what went to the guild, once, however often it is clicked."""
        if await self._was_answered(interaction):
            return
        await interaction.response.edit_message(embed=told("Forgetting …"), view=None)
        reply = await self._desk.ask(coding.clear, self._guild_id, None, None, yes=True)
        await interaction.edit_original_response(embed=replies.forgotten(reply))

    @ui.button(label="Keep them")
    async def keep(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Change nothing."""
        if not await self._was_answered(interaction):
            await interaction.response.edit_message(embed=told("Nothing was changed"), view=None)

    async def _was_answered(self, interaction: Interaction) -> bool:
        """Take the first click, and tell every other one that it is too late; return whether it was."""
        if self._is_answered:
            await interaction.response.send_message(embed=refused(ALREADY), ephemeral=True)
            return True
        self._is_answered = True
        return False

    async def on_timeout(self) -> None:
        """Take the buttons away, where nobody has clicked one."""
        if not self._is_answered:
            await super().on_timeout()


class CodeCommands:
    """What the gift code commands do in the guild that they are used in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, interaction: Interaction, game: str | None) -> None:
        """Show the codes that are valid now: of one game, or of those that the guild follows."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(coding.list_codes, game, everything=False, guild_id=interaction.guild_id)
        await show_pages(interaction, self._desk, replies.code_pages(reply, self._desk.settings.games))

    async def statistics(self, interaction: Interaction) -> None:
        """Show what went out to the guild."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(coding.stats, interaction.guild_id, "day")
        embed = replies.statistics(reply, self._desk.settings.games)
        await interaction.followup.send(embed=embed, ephemeral=True)

    async def ask_before_reset(self, interaction: Interaction) -> None:
        """Say what would be forgotten, with the buttons to do it or not."""
        if interaction.guild_id is None or await refuses(interaction):
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(coding.stats, interaction.guild_id, "day")
        if reply.refusal:
            await interaction.followup.send(embed=replies.refusal_of(reply), ephemeral=True)
        elif question := replies.question_before_reset(reply):
            view = Reset(self._desk, interaction, interaction.guild_id)
            await interaction.followup.send(embed=question, view=view, ephemeral=True)
        else:
            nothing = told("Nothing to forget", "Nothing was announced here.")
            await interaction.followup.send(embed=nothing, ephemeral=True)

    async def add(self, interaction: Interaction, code: str, game: str, rewards: str, expires: str) -> None:
        """Add a code by hand."""
        if await refuses(interaction):
            return
        try:
            expires_at = coding.parse_expiry(expires.strip())
        except ValueError as error:
            await interaction.response.send_message(embed=refused(f"Expires: {error}."), ephemeral=True)
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(coding.add_code, code, game, rewards=rewards, expires_at=expires_at)
        await interaction.followup.send(embed=replies.added(reply, self._desk.settings.games), ephemeral=True)

    async def open_panel(self, interaction: Interaction) -> None:
        """Show where codes go, with the controls to change it."""
        if interaction.guild_id is not None and not await refuses(interaction):
            await open_panel(interaction, self._desk, interaction.guild_id)

    async def choices(self, _interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The games that what was typed may mean, as many as Discord shows."""
        wanted = typed.lower()
        found = [
            app_commands.Choice(name=game.title[:100], value=slug)
            for slug, game in self._desk.settings.games.items()
            if wanted in slug or wanted in game.title.lower()
        ]
        return found[:CHOICES]


def add_commands(tree: app_commands.CommandTree[Any], desk: Desk) -> None:
    """Put the gift code commands into a tree."""
    commands = CodeCommands(desk)

    @tree.command(name="giftcode", description="The gift codes that are valid now")
    @app_commands.guild_only()
    @app_commands.describe(game="Only this game; without it, the games that this server follows")
    @app_commands.autocomplete(game=commands.choices)
    async def giftcode(interaction: Interaction, game: str | None = None) -> None:
        await commands.show(interaction, game)

    @tree.command(name="giftcode_stats", description="How many codes were announced here")
    @app_commands.guild_only()
    async def giftcode_stats(interaction: Interaction) -> None:
        await commands.statistics(interaction)

    @tree.command(name="giftcode_reset", description="Forget what was announced here, so that it is announced again")
    @app_commands.guild_only()
    @app_commands.default_permissions(**MANAGES)
    async def giftcode_reset(interaction: Interaction) -> None:
        await commands.ask_before_reset(interaction)

    @tree.command(name="giftcode_add", description="Add a code by hand; it goes out with the next check")
    @app_commands.guild_only()
    @app_commands.default_permissions(**MANAGES)
    @app_commands.describe(
        code="In its exact spelling",
        game="The game it is for",
        rewards="What it brings",
        expires="Its last day, 2026-12-31, or a time, 2026-12-31T18:00+01:00",
    )
    @app_commands.autocomplete(game=commands.choices)
    async def giftcode_add(
        interaction: Interaction,
        code: app_commands.Range[str, 1, 100],
        game: str,
        rewards: app_commands.Range[str, 0, 400] = "",
        expires: app_commands.Range[str, 0, 40] = "",
    ) -> None:
        await commands.add(interaction, code, game, rewards, expires)

    @tree.command(name="giftcodesettings", description="Where gift codes go, and which")
    @app_commands.guild_only()
    @app_commands.default_permissions(**MANAGES)
    async def giftcodesettings(interaction: Interaction) -> None:
        await commands.open_panel(interaction)
