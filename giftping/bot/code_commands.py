"""The gift code commands: what is valid, what went out, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands, ui

from giftping.bot import code_embeds as embeds
from giftping.bot.answers import Interaction, acknowledge, answer, may_manage, refuse, update, voice_of
from giftping.bot.command_names import options, spoken
from giftping.bot.command_runner import CommandRunner
from giftping.bot.controls import Controls, Shown, begin, control_id, show_pages
from giftping.bot.embeds import answer_embed
from giftping.bot.settings_panel import PANEL, SettingsPanel
from giftping.bot.voice import Voice
from giftping.commands import codes
from giftping.commands.adding import add_code
from giftping.words.said import in_words

MANAGES = {"manage_guild": True}
AUTOCOMPLETE_CHOICES = 25
"""The most choices that Discord shows while an option is typed (Application Command Autocomplete)."""


RESET, PAGES = "reset", "codes"
"""The names of the question's buttons, and of those that leaf through codes."""

FORGET, KEEP = "forget", "keep"


def reset_question(voice: Voice) -> Shown:
    """The buttons under the question before what was announced in a guild is forgotten."""
    said, danger = voice.on_button, discord.ButtonStyle.danger
    return Shown(
        ui.Button(label=said("bot.reset.forget"), style=danger, custom_id=control_id(RESET, FORGET)),
        ui.Button(label=said("bot.reset.keep"), custom_id=control_id(RESET, KEEP)),
    )


class CodeCommands:
    """What the gift code commands do in the guild that they are used in."""

    def __init__(self, runner: CommandRunner) -> None:
        self._runner = runner
        self._reset_by: set[int] = set()
        """The ids of the questions that were answered: two clicks may come before the buttons are gone."""

    async def show(self, interaction: Interaction, game: str | None, number: int = 0) -> None:
        """Show the codes that are valid now: of one game, or of those that the guild follows; the page of a number."""
        await begin(interaction)
        result = await self._runner.run(codes.list_codes, game, everything=False, guild_id=interaction.guild_id)
        pages = embeds.code_pages(result, self._runner.settings.games, voice_of(interaction))
        # What names no game is refused, and has no pages.
        await show_pages(interaction, pages, number, PAGES, game if game in self._runner.settings.games else "")

    async def turn(self, interaction: Interaction, arguments: Sequence[str]) -> None:
        """Show another page of the codes."""
        game, number = arguments
        await self.show(interaction, game or None, int(number))

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
            await answer(interaction, question, reset_question(voice))
        else:
            nothing = answer_embed(voice.words("bot.reset.nothing"), voice.words("bot.reset.nothing_here"))
            await answer(interaction, nothing)

    async def reset(self, interaction: Interaction, arguments: Sequence[str]) -> None:
        """Forget what went to the guild, or not: once, however often it is clicked."""
        if interaction.guild_id is None or not await may_manage(interaction):
            return
        voice, question = voice_of(interaction), interaction.message.id if interaction.message else 0
        if question in self._reset_by:
            await refuse(interaction, voice.words("bot.reset.already"))
            return
        self._reset_by.add(question)
        await update(interaction)
        if arguments[0] != FORGET:
            await answer(interaction, answer_embed(voice.words("bot.reset.kept")))
            return
        await answer(interaction, answer_embed(voice.words("bot.reset.forgetting")))
        result = await self._runner.run(codes.clear, interaction.guild_id, None, None, yes=True)
        await answer(interaction, embeds.forgotten(result, voice))

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


def add_commands(tree: app_commands.CommandTree[Any], controls: Controls, runner: CommandRunner) -> None:
    """Put the gift code commands into a tree, and let them answer their buttons."""
    commands, panel = CodeCommands(runner), SettingsPanel(runner)
    controls.add(PAGES, commands.turn)
    controls.add(RESET, commands.reset)
    controls.add(PANEL, panel.use)

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
        await panel.open(interaction)
