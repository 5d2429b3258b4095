"""The panel of `/giftcodesettings`: where codes go, which games, whom to mention; with a check to be had at once."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import discord
from discord import ui

from giftping.bot import code_embeds as embeds
from giftping.bot.answers import Interaction, acknowledge, answer, voice_of
from giftping.bot.command_runner import Command, CommandRunner
from giftping.bot.embeds import RED, answer_embed, refusal_embed
from giftping.bot.views import ManagersControls
from giftping.codes.request import CheckRequest
from giftping.commands import check, codes, guilds, subscribing
from giftping.commands.guild_request import GuildRequest
from giftping.commands.posting import PostingRequest
from giftping.discord.permissions import missing_for_posting
from giftping.discord.refusals import clean
from giftping.doctor.one_destination import SeenFacts
from giftping.doctor.posting import KINDS
from giftping.store.base import EVERYONE, HERE, ChannelKind
from giftping.store.documents import style_from
from giftping.text import id_or_none
from giftping.words.catalogue import Words

log = logging.getLogger("giftping.bot")

PLACEHOLDER_LENGTH = 150
"""The most characters of what a menu shows while nothing is chosen (Select Menu Structure)."""

LABEL_LENGTH = 80
"""The most characters of what stands on a button (Button Structure)."""

SELECT_OPTIONS = 25
"""The most options of a select menu (Select Menu Structure)."""


async def open_panel(interaction: Interaction, runner: CommandRunner, guild_id: int) -> None:
    """Show a guild's panel to the member alone."""
    await acknowledge(interaction)
    result = await runner.run(guilds.show, guild_id)
    if result.refusal:
        await answer(interaction, embeds.code_refusal(result, voice_of(interaction)))
        return
    panel = SettingsPanel(runner, interaction, guild_id, result.value["guild"] or {})
    await answer(interaction, panel.embed(), panel)


def _seen(interaction: Interaction, channel_id: int) -> SeenFacts | None:
    """What Discord calls a channel of the guild that a member is in, by what the gateway told."""
    guild = interaction.guild
    channel = guild.get_channel_or_thread(channel_id) if guild else None
    return SeenFacts(clean(channel.name), "", clean(guild.name)) if guild and channel else None


def _as_before(request: GuildRequest, before: Mapping[str, Any], games: Collection[str]) -> list[GuildRequest]:
    """A request for each game that a guild followed: as it was, but where it goes."""
    requests = []
    # What is on record of a guild goes with the last game that it follows.
    request = replace(request, label=before.get("label"), language=before.get("language"))
    for one in before.get("subscriptions", ()):
        posting = request.posting
        if one["destination"] == f"channel {request.channel_id}":
            # What is of the channel holds there alone.
            how = one["posting"]
            posting = replace(posting, posts=how["posts"], tags=tuple(how["tags"]), publishes=how["publishes"])
        style, mentions = style_from(one["style"]), tuple(one["mentions"])
        again = replace(request, games=(one["game"],), mentions=mentions, style=style, posting=posting)
        requests += [again] if one["game"] in games else []
    return requests


class SettingsPanel(ManagersControls):
    """One guild's settings; every control changes one of them at once and shows what is then the case."""

    def __init__(self, runner: CommandRunner, shown_by: Interaction, guild_id: int, known: Mapping[str, Any]) -> None:
        super().__init__(runner, shown_by)
        self._games = runner.settings.games
        self._voice = voice_of(shown_by)
        self._guild_id = guild_id
        self._known = known
        self._before_off: Mapping[str, Any] = {}
        self._page = 0
        self._build()

    def _build(self) -> None:
        self.clear_items()
        self.add_item(_Where(self))
        if self._known:
            if options := self._games_of_page():
                self.add_item(_Games(self, options, self._page, self._pages))
            self.add_item(_Mention(self))
        for row, label, emoji, callback in self._buttons():
            button = ui.Button[Any](label=label[:LABEL_LENGTH], emoji=emoji, row=row)
            button.callback = callback  # type: ignore[method-assign]  # discord.py's way for one made at run time
            self.add_item(button)

    def _buttons(self) -> list[tuple[int, str, str, Any]]:
        words = self._voice.words
        here = (3, words("bot.panel.here"), "📍", self._here)
        if not self._known:
            return [here, (4, words("bot.panel.statistics"), "📊", self._statistics)]
        is_announcing = any(one["announce_current"] for one in self._known["subscriptions"])
        current = (
            (4, words("bot.panel.only_new"), "🤫", self._record_current)
            if is_announcing
            else (4, words("bot.panel.announce_current"), "📣", self._announce_current)
        )
        return [
            here,
            (3, words("bot.panel.switch_off"), "🔕", self._off),
            *([(3, words("bot.panel.more_games"), "🎮", self._more_games)] if self._pages > 1 else []),
            current,
            (4, words("bot.panel.check"), "🔎", self._check),
            (4, words("bot.panel.statistics"), "📊", self._statistics),
        ]

    @property
    def _pages(self) -> int:
        return -(-len(self._games) // SELECT_OPTIONS)

    def _games_of_page(self) -> list[discord.SelectOption]:
        games = list(self._games.items())[self._page * SELECT_OPTIONS : (self._page + 1) * SELECT_OPTIONS]
        followed = set(embeds.followed_games(self._known))
        return [
            discord.SelectOption(label=game.title[:100], value=slug, default=slug in followed) for slug, game in games
        ]

    @property
    def words(self) -> Words:
        """What is said in the guild's language."""
        return self._voice.words

    def embed(self) -> discord.Embed:
        """The settings as they are now."""
        return embeds.panel(self._known, self._games, self._voice.words, was_on=bool(self._before_off))

    @property
    def mentioned_roles(self) -> list[int]:
        """The roles that are mentioned now, as many as a menu shows."""
        roles = [id_or_none(one) for one in embeds.mentions_of(self._known)]
        return [role for role in roles if role is not None][:SELECT_OPTIONS]

    # What the controls do

    async def move(self, interaction: Interaction, channel_id: int) -> None:
        """Let codes go to a channel, and say when the bot may not post there."""
        if self._has_several_places:
            await self._refuse(interaction, self._voice.words("bot.panel.several_places"))
            return
        request = GuildRequest(
            self._guild_id,
            channel_id=channel_id,
            posting=PostingRequest(kind=self._kind(interaction, channel_id)),
            # The channel was chosen among the guild's own, and is looked at once it is shown.
            is_checked=False,
            seen=_seen(interaction, channel_id),
        )
        # What was turned off a moment ago comes back as it was.
        before = [] if self._known else _as_before(request, self._before_off, self._games)
        if await self._change(interaction, subscribing.add_each, before or [request]):
            reason = self._missing(interaction, channel_id) or await self._refusal_of_channel()
            if reason:
                title = self._voice.words("bot.panel.cannot_go")
                embed = answer_embed(title, f"<#{channel_id}>: {reason}", color=RED)
                await answer(interaction, embed)

    def _kind(self, interaction: Interaction, channel_id: int) -> ChannelKind | None:
        """What a channel is, as far as is known without asking: in a forum each announcement is a post."""
        channel = interaction.guild.get_channel_or_thread(channel_id) if interaction.guild else None
        return KINDS.get(channel.type.value) if channel is not None else None

    def _missing(self, interaction: Interaction, channel_id: int) -> str:
        """Which permissions the bot lacks in a channel, as far as is known without asking."""
        channel = interaction.guild.get_channel_or_thread(channel_id) if interaction.guild else None
        if channel is None:
            return ""
        # By what the gateway told: no request, and right at once where somebody has just changed a permission.
        granted = channel.permissions_for(channel.guild.me).value
        missing = missing_for_posting(granted, channel.type.value, files=False)
        words = self._voice.words
        names = ", ".join(one.in_words(words) for one in missing)
        return words("bot.panel.bot_needs", permissions=names) if missing else ""

    async def _refusal_of_channel(self) -> str:
        result = await self._runner.run(guilds.test, self._guild_id, post=False, pings=False)
        if result.refusal or result.value["works"]:
            return ""
        reason = next(one["reason"] for one in result.value["destinations"] if not one["works"])
        return f"{embeds.code_words(reason)}."

    async def choose_games(self, interaction: Interaction, values: Sequence[str]) -> None:
        """Follow the chosen ones of the games that are shown, and those of the other pages as before."""
        of_page = {option.value for option in self._games_of_page()}
        kept = [game for game in embeds.followed_games(self._known) if game in self._games and game not in of_page]
        if games := (*kept, *values):
            await self._change(interaction, subscribing.follow_only, self._guild_id, games)
        else:
            await self._refuse(interaction, self._voice.words("bot.panel.no_game"))

    async def _refuse(self, interaction: Interaction, why: str) -> None:
        """Leave everything as it is, and say why."""
        await self._show_again(interaction)
        await answer(interaction, refusal_embed(why))

    async def mention(self, interaction: Interaction, role_ids: Sequence[int]) -> None:
        """Mention roles with each announcement, or nobody; with them stays who has no place in the menu."""
        if len({tuple(one["mentions"]) for one in self._known.get("subscriptions", ())}) > 1:
            await self._refuse(interaction, self._voice.words("bot.panel.several_mentions"))
            return
        kept = [one for one in embeds.mentions_of(self._known) if one in (EVERYONE, HERE)]
        # The guild's own role is everybody.
        chosen = [EVERYONE if one == self._guild_id else str(one) for one in role_ids]
        mentions = tuple(dict.fromkeys((*kept, *chosen))) if chosen else ()
        request = replace(self._all_games(), mentions=mentions, mentions_nobody=not mentions)
        await self._change(interaction, subscribing.add, request)

    def _all_games(self) -> GuildRequest:
        """A request about all that the guild follows; where that goes to several places it has to say so."""
        games = [game for game in embeds.followed_games(self._known) if game in self._games]
        return GuildRequest(self._guild_id, games=tuple(games) if self._has_several_places else ())

    @property
    def _has_several_places(self) -> bool:
        return len({one["destination"] for one in self._known.get("subscriptions", ())}) > 1

    async def _here(self, interaction: Interaction) -> None:
        if interaction.channel_id is not None:
            await self.move(interaction, interaction.channel_id)

    async def _off(self, interaction: Interaction) -> None:
        await self._change(interaction, subscribing.remove, self._guild_id, yes=True)

    async def _more_games(self, interaction: Interaction) -> None:
        self._page = (self._page + 1) % self._pages
        self._build()
        self._shown_by = interaction
        await interaction.response.edit_message(embed=self.embed(), view=self)

    async def _announce_current(self, interaction: Interaction) -> None:
        await self._change(interaction, subscribing.add, replace(self._all_games(), announce_current=True))

    async def _record_current(self, interaction: Interaction) -> None:
        await self._change(interaction, subscribing.add, replace(self._all_games(), records_current=True))

    async def _check(self, interaction: Interaction) -> None:
        await acknowledge(interaction)
        result = await self._runner.run(check.check, CheckRequest(guild_id=self._guild_id))
        for line in result.trouble:
            log.warning("check now: %s", line)
        await answer(interaction, embeds.checked(result, self._voice))

    async def _statistics(self, interaction: Interaction) -> None:
        await acknowledge(interaction)
        result = await self._runner.run(codes.stats, self._guild_id, "day")
        await answer(interaction, embeds.statistics(result, self._games, self._voice))

    async def _change(self, interaction: Interaction, command: Command, *arguments: Any, **named: Any) -> bool:
        """Whether a command was done; what is then the case is shown, and what went wrong is said."""
        await interaction.response.defer()
        result = await self._runner.run(command, *arguments, **named)
        await self._show_again(interaction)
        trouble = embeds.code_trouble(result, self._voice)
        if result.refusal or trouble.lines:
            changed = answer_embed(self._voice.words("bot.panel.changed"), trouble=trouble)
            embed = embeds.code_refusal(result, self._voice) if result.refusal else changed
            await answer(interaction, embed)
        return not result.refusal

    async def _show_again(self, interaction: Interaction) -> None:
        """Read the settings again and show them, with the controls that go with them."""
        if not interaction.response.is_done():
            await interaction.response.defer()
        result = await self._runner.run(guilds.show, self._guild_id)
        if not result.refusal:
            self._before_off = {} if result.value["guild"] else self._known or self._before_off
            self._known = result.value["guild"] or {}
        # Built anew: a menu shows as chosen what it was made with.
        self._build()
        self._shown_by = interaction
        await interaction.edit_original_response(embed=self.embed(), view=self)


class _Where(ui.ChannelSelect[SettingsPanel]):
    def __init__(self, panel: SettingsPanel) -> None:
        types = [
            discord.ChannelType.text,
            discord.ChannelType.news,
            discord.ChannelType.forum,
            discord.ChannelType.media,
        ]
        placeholder = panel.words("bot.panel.choose_where")[:PLACEHOLDER_LENGTH]
        super().__init__(placeholder=placeholder, channel_types=types, row=0)
        self._panel = panel

    async def callback(self, interaction: Interaction) -> None:
        """Let codes go to the chosen channel."""
        await self._panel.move(interaction, self.values[0].id)


class _Games(ui.Select[SettingsPanel]):
    def __init__(self, panel: SettingsPanel, options: list[discord.SelectOption], page: int, pages: int) -> None:
        of_page = panel.words("bot.panel.choose_games_of_page", number=page + 1, count=pages)
        placeholder = of_page if pages > 1 else panel.words("bot.panel.choose_games")
        super().__init__(
            placeholder=placeholder[:PLACEHOLDER_LENGTH], options=options, min_values=0, max_values=len(options), row=1
        )
        self._panel = panel

    async def callback(self, interaction: Interaction) -> None:
        """Follow the chosen games."""
        await self._panel.choose_games(interaction, self.values)


class _Mention(ui.RoleSelect[SettingsPanel]):
    def __init__(self, panel: SettingsPanel) -> None:
        super().__init__(
            placeholder=panel.words("bot.panel.choose_role")[:PLACEHOLDER_LENGTH],
            min_values=0,
            max_values=SELECT_OPTIONS,
            row=2,
            default_values=[discord.Object(role_id, type=discord.Role) for role_id in panel.mentioned_roles],
        )
        self._panel = panel

    async def callback(self, interaction: Interaction) -> None:
        """Mention the chosen roles, or nobody."""
        await self._panel.mention(interaction, [role.id for role in self.values])
