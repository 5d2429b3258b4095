"""The gift code commands: what is valid, what went out, and where it goes."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands, ui

from giftping.bot import code_embeds as embeds
from giftping.bot.answers import Interaction, acknowledge, answer, may_manage, refuse, voice_of
from giftping.bot.command_names import options, spoken
from giftping.bot.command_runner import CommandRunner
from giftping.bot.embeds import answer_embed
from giftping.bot.settings_panel import open_panel
from giftping.bot.views import ManagersControls, show_pages
from giftping.commands import codes
from giftping.commands.adding import add_code
from giftping.words.said import in_words

MANAGES = {"manage_guild": True}
AUTOCOMPLETE_CHOICES = 25
"""The most choices that Discord shows while an option is typed (Application Command Autocomplete)."""


class ResetQuestion(ManagersControls):
    """The question before what was announced in a guild is forgotten."""

    def __init__(self, runner: CommandRunner, shown_by: Interaction, guild_id: int) -> None:
        super().__init__(runner, shown_by)
        self._guild_id = guild_id
        self._is_answered = False
        words = voice_of(shown_by).words
        self.forget.label, self.keep.label = words("bot.reset.forget"), words("bot.reset.keep")

    @ui.button(style=discord.ButtonStyle.danger)
    async def forget(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Forget what went to the guild, once, however often it is clicked."""
        if await self._was_answered(interaction):
            return
        voice = voice_of(interaction)
        await interaction.response.edit_message(embed=answer_embed(voice.words("bot.reset.forgetting")), view=None)
        result = await self._runner.run(codes.clear, self._guild_id, None, None, yes=True)
        await interaction.edit_original_response(embed=embeds.forgotten(result, voice))

    @ui.button()
    async def keep(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Change nothing."""
        if not await self._was_answered(interaction):
            kept = answer_embed(voice_of(interaction).words("bot.reset.kept"))
            await interaction.response.edit_message(embed=kept, view=None)

    async def _was_answered(self, interaction: Interaction) -> bool:
        """Whether somebody has clicked before; they are told then that it is too late."""
        # Two clicks may come before the first one's answer has taken the buttons away.
        if self._is_answered:
            await refuse(interaction, voice_of(interaction).words("bot.reset.already"))
            return True
        self._is_answered = True
        return False

    async def on_timeout(self) -> None:
        """Take the buttons away, where nobody has clicked one."""
        if not self._is_answered:
            await super().on_timeout()


class CodeCommands:
    """What the gift code commands do in the guild that they are used in."""

    def __init__(self, runner: CommandRunner) -> None:
        self._runner = runner

    async def show(self, interaction: Interaction, game: str | None) -> None:
        """Show the codes that are valid now: of one game, or of those that the guild follows."""
        await acknowledge(interaction)
        result = await self._runner.run(codes.list_codes, game, everything=False, guild_id=interaction.guild_id)
        pages = embeds.code_pages(result, self._runner.settings.games, voice_of(interaction))
        await show_pages(interaction, self._runner, pages)

    async def statistics(self, interaction: Interaction) -> None:
        """Show what went out to the guild."""
        await acknowledge(interaction)
        result = await self._runner.run(codes.stats, interaction.guild_id, "day")
        embed = embeds.statistics(result, self._runner.settings.games, voice_of(interaction))
        await answer(interaction, embed)

    async def ask_before_reset(self, interaction: Interaction) -> None:
        """Say what would be forgotten, with the buttons to do it or not."""
        if interaction.guild_id is None or not await may_manage(interaction):
            return
        await acknowledge(interaction)
        result = await self._runner.run(codes.stats, interaction.guild_id, "day")
        voice = voice_of(interaction)
        if result.refusal:
            await answer(interaction, embeds.code_refusal(result, voice))
        elif question := embeds.question_before_reset(result, voice):
            view = ResetQuestion(self._runner, interaction, interaction.guild_id)
            await answer(interaction, question, view)
        else:
            nothing = answer_embed(voice.words("bot.reset.nothing"), voice.words("bot.reset.nothing_here"))
            await answer(interaction, nothing)

    async def add(self, interaction: Interaction, code: str, game: str, rewards: str, expires: str) -> None:
        """Add a code for the guild of those who add it: what they say is for nobody else."""
        if interaction.guild_id is None or not await may_manage(interaction):
            return
        voice = voice_of(interaction)
        try:
            expires_at = codes.parse_expiry(expires.strip())
        except ValueError as error:
            reason = in_words(error.args[0], voice.words)
            await refuse(interaction, voice.words("bot.codes.expires_wrong", reason=reason))
            return
        await acknowledge(interaction)
        result = await self._runner.run(
            add_code,
            code,
            game,
            rewards=rewards,
            expires_at=expires_at,
            guild_id=interaction.guild_id,
            by=f"member {interaction.user.id}",
        )
        await answer(interaction, embeds.added(result, self._runner.settings.games, voice))

    async def open_panel(self, interaction: Interaction) -> None:
        """Show where codes go, with the controls to change it."""
        if interaction.guild_id is not None and await may_manage(interaction):
            await open_panel(interaction, self._runner, interaction.guild_id)

    async def choices(self, _interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The games that what was typed may mean, as many as Discord shows."""
        wanted = typed.lower()
        found = [
            # A name has at most 100 characters (Application Command Option Choice Structure).
            app_commands.Choice(name=game.title[:100], value=slug)
            for slug, game in self._runner.settings.games.items()
            if wanted in slug or wanted in game.title.lower()
        ]
        return found[:AUTOCOMPLETE_CHOICES]


def add_commands(tree: app_commands.CommandTree[Any], runner: CommandRunner) -> None:
    """Put the gift code commands into a tree."""
    commands = CodeCommands(runner)

    @tree.command(**spoken("giftcode"))
    @app_commands.guild_only()
    @options("giftcode", "game")
    @app_commands.autocomplete(game=commands.choices)
    async def giftcode(interaction: Interaction, game: str | None = None) -> None:
        await commands.show(interaction, game)

    @tree.command(**spoken("giftcode_stats"))
    @app_commands.guild_only()
    async def giftcode_stats(interaction: Interaction) -> None:
        await commands.statistics(interaction)

    @tree.command(**spoken("giftcode_reset"))
    @app_commands.guild_only()
    @app_commands.default_permissions(**MANAGES)
    async def giftcode_reset(interaction: Interaction) -> None:
        await commands.ask_before_reset(interaction)

    @tree.command(**spoken("giftcode_add"))
    @app_commands.guild_only()
    @app_commands.default_permissions(**MANAGES)
    @options("giftcode_add", "code", "game", "rewards", "expires")
    @app_commands.autocomplete(game=commands.choices)
    async def giftcode_add(
        interaction: Interaction,
        code: app_commands.Range[str, 1, 100],
        game: str,
        rewards: app_commands.Range[str, 0, 400] = "",
        expires: app_commands.Range[str, 0, 40] = "",
    ) -> None:
        await commands.add(interaction, code, game, rewards, expires)

    @tree.command(**spoken("giftcodesettings"))
    @app_commands.guild_only()
    @app_commands.default_permissions(**MANAGES)
    async def giftcodesettings(interaction: Interaction) -> None:
        await commands.open_panel(interaction)
