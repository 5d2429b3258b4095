"""The panel of `/giftcodesettings`: where codes go, which games, whom to mention; with a check to be had at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

import discord
from discord import ui

from giftping.bot import code_embeds as embeds
from giftping.bot.answers import Interaction, acknowledge, answer, may_manage, say_besides, update, voice_of
from giftping.bot.command_runner import Command, CommandRunner
from giftping.bot.controls import Shown, chosen, control_id
from giftping.bot.embeds import RED, answer_embed, refusal_embed
from giftping.bot.voice import Voice
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

SELECT_OPTIONS = 25
"""The most options of a select menu (Select Menu Structure)."""

DESTINATIONS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.media,
]

PANEL = "panel"
"""The name of its controls; their first argument is one of these."""

WHERE, GAMES, MENTION, THIS_CHANNEL, OFF, MORE = "where", "games", "mention", "here", "off", "more"
CURRENT, ONLY_NEW, CHECK, STATISTICS = "current", "only-new", "check", "statistics"


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


class SettingsPanel:
    """What a guild's panel shows and does; every control changes one of the settings at once.

    A control's id says which one it is, which page of the games is shown, and whether codes were just turned off. All
    else is asked of the store, so that a panel is answered whenever it was opened.
    """

    def __init__(self, runner: CommandRunner) -> None:
        self._runner = runner
        self._games = runner.settings.games
        self._off: dict[int, Mapping[str, Any]] = {}
        """What guilds had before their codes were turned off, so that they come back as they were."""
        # One change of a guild at a time, so that its panel shows in the end what is the case in the end.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def open(self, interaction: Interaction) -> None:
        """Show a guild's panel to the member alone."""
        if interaction.guild_id is None or not await may_manage(interaction):
            return
        await acknowledge(interaction)
        result = await self._runner.run(guilds.show, interaction.guild_id)
        if result.refusal:
            await answer(interaction, embeds.code_refusal(result, voice_of(interaction)))
        else:
            await self._show(Panel(interaction, interaction.guild_id, result.value["guild"] or {}))

    async def use(self, interaction: Interaction, arguments: Sequence[str]) -> None:
        """Do what a control is for, by those who may manage the server."""
        what, page, was_on = arguments
        guild_id = interaction.guild_id
        if guild_id is None or not await may_manage(interaction):
            return
        if what in (CHECK, STATISTICS):
            await (self._check if what == CHECK else self._statistics)(interaction, guild_id)
            return
        await update(interaction)
        async with self._turns.setdefault(guild_id, asyncio.Lock()):
            result = await self._runner.run(guilds.show, guild_id)
            if result.refusal:
                await say_besides(interaction, embeds.code_refusal(result, voice_of(interaction)))
                return
            panel = Panel(interaction, guild_id, result.value["guild"] or {}, int(page), was_on == "1")
            await self._do(panel, what)

    async def _do(self, panel: Panel, what: str) -> None:
        values = chosen(panel.interaction)
        if what == WHERE:
            await self._move(panel, int(values[0]))
        elif what == THIS_CHANNEL and panel.interaction.channel_id is not None:
            await self._move(panel, panel.interaction.channel_id)
        elif what == GAMES:
            await self._choose_games(panel, values)
        elif what == MENTION:
            await self._mention(panel, [int(value) for value in values])
        elif what == OFF:
            self._off[panel.guild_id] = panel.known
            await self._change(replace(panel, was_on=True), subscribing.remove, panel.guild_id, yes=True)
        elif what == CURRENT:
            await self._change(panel, subscribing.add, replace(self._all_games(panel), announce_current=True))
        elif what == ONLY_NEW:
            await self._change(panel, subscribing.add, replace(self._all_games(panel), records_current=True))
        else:
            await self._show(replace(panel, page=(panel.page + 1) % max(self._pages, 1)))

    # What it shows

    async def _show(self, panel: Panel) -> None:
        words = panel.voice.words
        embed = embeds.panel(panel.known, self._games, words, was_on=panel.was_on and not panel.known)
        await answer(panel.interaction, embed, Shown(*self._controls(panel)))

    def _controls(self, panel: Panel) -> Iterator[ui.Item[Any]]:
        words = panel.voice.words
        yield ui.ChannelSelect(
            placeholder=words("bot.panel.choose_where")[:PLACEHOLDER_LENGTH],
            channel_types=DESTINATIONS,
            custom_id=panel.id(WHERE),
            row=0,
        )
        if panel.known:
            if options := self._games_of_page(panel):
                yield self._games_menu(panel, options)
            yield ui.RoleSelect(
                placeholder=words("bot.panel.choose_role")[:PLACEHOLDER_LENGTH],
                min_values=0,
                max_values=SELECT_OPTIONS,
                default_values=[discord.Object(role_id, type=discord.Role) for role_id in panel.mentioned_roles],
                custom_id=panel.id(MENTION),
                row=2,
            )
        for row, label, emoji, what in self._buttons(panel):
            yield ui.Button(label=label, emoji=emoji, row=row, custom_id=panel.id(what))

    def _games_menu(self, panel: Panel, options: list[discord.SelectOption]) -> ui.Select[Any]:
        words = panel.voice.words
        of_page = words("bot.panel.choose_games_of_page", number=panel.page + 1, count=self._pages)
        placeholder = of_page if self._pages > 1 else words("bot.panel.choose_games")
        return ui.Select(
            placeholder=placeholder[:PLACEHOLDER_LENGTH],
            options=options,
            min_values=0,
            max_values=len(options),
            custom_id=panel.id(GAMES),
            row=1,
        )

    def _buttons(self, panel: Panel) -> Iterator[tuple[int, str, str, str]]:
        said = panel.voice.on_button
        yield 3, said("bot.panel.here"), "📍", THIS_CHANNEL
        if panel.known:
            yield 3, said("bot.panel.switch_off"), "🔕", OFF
            if self._pages > 1:
                yield 3, said("bot.panel.more_games"), "🎮", MORE
            if any(one["announce_current"] for one in panel.known["subscriptions"]):
                yield 4, said("bot.panel.only_new"), "🤫", ONLY_NEW
            else:
                yield 4, said("bot.panel.announce_current"), "📣", CURRENT
            yield 4, said("bot.panel.check"), "🔎", CHECK
        yield 4, said("bot.panel.statistics"), "📊", STATISTICS

    @property
    def _pages(self) -> int:
        return -(-len(self._games) // SELECT_OPTIONS)

    def _games_of_page(self, panel: Panel) -> list[discord.SelectOption]:
        games = list(self._games.items())[panel.page * SELECT_OPTIONS : (panel.page + 1) * SELECT_OPTIONS]
        followed = set(embeds.followed_games(panel.known))
        return [
            discord.SelectOption(label=game.title[:100], value=slug, default=slug in followed) for slug, game in games
        ]

    # What the controls do

    async def _move(self, panel: Panel, channel_id: int) -> None:
        """Let codes go to a channel, and say when the bot may not post there."""
        if panel.has_several_places:
            await self._refuse(panel, panel.voice.words("bot.panel.several_places"))
            return
        request = GuildRequest(
            panel.guild_id,
            channel_id=channel_id,
            posting=PostingRequest(kind=_kind(panel.interaction, channel_id)),
            # The channel was chosen among the guild's own, and is looked at once it is shown.
            is_checked=False,
            seen=_seen(panel.interaction, channel_id),
        )
        # What was turned off a moment ago comes back as it was.
        before = self._off.get(panel.guild_id, {}) if panel.was_on and not panel.known else {}
        requests = _as_before(request, before, self._games)
        if await self._change(panel, subscribing.add_each, requests or [request]):
            reason = _missing(panel.interaction, channel_id, panel.voice.words)
            if reason := reason or await self._refusal_of_channel(panel.guild_id):
                title = panel.voice.words("bot.panel.cannot_go")
                await say_besides(panel.interaction, answer_embed(title, f"<#{channel_id}>: {reason}", color=RED))

    async def _refusal_of_channel(self, guild_id: int) -> str:
        result = await self._runner.post(guilds.test, guild_id, post=False, pings=False)
        if result.refusal or result.value["works"]:
            return ""
        reason = next(one["reason"] for one in result.value["destinations"] if not one["works"])
        return f"{embeds.code_words(reason)}."

    async def _choose_games(self, panel: Panel, values: Sequence[str]) -> None:
        """Follow the chosen ones of the games that are shown, and those of the other pages as before."""
        of_page = {option.value for option in self._games_of_page(panel)}
        kept = [game for game in embeds.followed_games(panel.known) if game in self._games and game not in of_page]
        if games := (*kept, *values):
            await self._change(panel, subscribing.follow_only, panel.guild_id, games)
        else:
            await self._refuse(panel, panel.voice.words("bot.panel.no_game"))

    async def _mention(self, panel: Panel, role_ids: Sequence[int]) -> None:
        """Mention roles with each announcement, or nobody; with them stays who has no place in the menu."""
        if len({tuple(one["mentions"]) for one in panel.known.get("subscriptions", ())}) > 1:
            await self._refuse(panel, panel.voice.words("bot.panel.several_mentions"))
            return
        kept = [one for one in embeds.mentions_of(panel.known) if one in (EVERYONE, HERE)]
        # The guild's own role is everybody.
        wanted = [EVERYONE if one == panel.guild_id else str(one) for one in role_ids]
        mentions = tuple(dict.fromkeys((*kept, *wanted))) if wanted else ()
        request = replace(self._all_games(panel), mentions=mentions, mentions_nobody=not mentions)
        await self._change(panel, subscribing.add, request)

    def _all_games(self, panel: Panel) -> GuildRequest:
        """A request about all that the guild follows; where that goes to several places it has to say so."""
        games = [game for game in embeds.followed_games(panel.known) if game in self._games]
        return GuildRequest(panel.guild_id, games=tuple(games) if panel.has_several_places else ())

    async def _check(self, interaction: Interaction, guild_id: int) -> None:
        await acknowledge(interaction)
        result = await self._runner.check(check.check, CheckRequest(guild_id=guild_id))
        for line in result.trouble:
            log.warning("check now: %s", line)
        await answer(interaction, embeds.checked(result, voice_of(interaction)))

    async def _statistics(self, interaction: Interaction, guild_id: int) -> None:
        await acknowledge(interaction)
        result = await self._runner.run(codes.stats, guild_id, "day")
        await answer(interaction, embeds.statistics(result, self._games, voice_of(interaction)))

    async def _refuse(self, panel: Panel, why: str) -> None:
        """Leave everything as it is, and say why."""
        await self._show(panel)
        await say_besides(panel.interaction, refusal_embed(why))

    async def _change(self, panel: Panel, command: Command, *arguments: Any, **named: Any) -> bool:
        """Whether a command was done; what is then the case is shown, and what went wrong is said."""
        result = await self._runner.run(command, *arguments, **named)
        found = await self._runner.run(guilds.show, panel.guild_id)
        if not found.refusal:
            panel = replace(panel, known=found.value["guild"] or {})
        await self._show(panel)
        trouble = embeds.code_trouble(result, panel.voice)
        if result.refusal or trouble.lines:
            changed = answer_embed(panel.voice.words("bot.panel.changed"), trouble=trouble)
            embed = embeds.code_refusal(result, panel.voice) if result.refusal else changed
            await say_besides(panel.interaction, embed)
        return not result.refusal


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel as one interaction finds it, or leaves it."""

    interaction: Interaction
    guild_id: int
    known: Mapping[str, Any]
    """The guild's settings; empty for none."""
    page: int = 0
    """Which page of the games is shown."""
    was_on: bool = False
    """Whether this panel has turned codes off."""

    @property
    def voice(self) -> Voice:
        """What is said to the member."""
        return voice_of(self.interaction)

    @property
    def has_several_places(self) -> bool:
        """Whether games go to different places, of which the panel moves none."""
        return len({one["destination"] for one in self.known.get("subscriptions", ())}) > 1

    @property
    def mentioned_roles(self) -> list[int]:
        """The roles that are mentioned now, as many as a menu shows."""
        roles = [id_or_none(one) for one in embeds.mentions_of(self.known)]
        return [role for role in roles if role is not None][:SELECT_OPTIONS]

    def id(self, what: str) -> str:
        """The id of a control of it."""
        return control_id(PANEL, what, self.page, int(self.was_on and not self.known))


def _kind(interaction: Interaction, channel_id: int) -> ChannelKind | None:
    """What a channel is, as far as is known without asking: in a forum each announcement is a post."""
    channel = interaction.guild.get_channel_or_thread(channel_id) if interaction.guild else None
    return KINDS.get(channel.type.value) if channel is not None else None


def _missing(interaction: Interaction, channel_id: int, words: Words) -> str:
    """Which permissions the bot lacks in a channel, as far as is known without asking."""
    channel = interaction.guild.get_channel_or_thread(channel_id) if interaction.guild else None
    if channel is None:
        return ""
    # By what the gateway told: no request, and right at once where somebody has just changed a permission.
    granted = channel.permissions_for(channel.guild.me).value
    missing = missing_for_posting(granted, channel.type.value, files=False)
    names = ", ".join(one.in_words(words) for one in missing)
    return words("bot.panel.bot_needs", permissions=names) if missing else ""
