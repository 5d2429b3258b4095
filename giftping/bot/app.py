"""The discord.py client: connects, keeps its commands in step with Discord, and ends when it is told to."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands

from giftping.bot import code_commands, todo_commands
from giftping.bot.answers import refuse, voice_of
from giftping.bot.command_names import CommandTranslator
from giftping.bot.command_runner import CommandRunner
from giftping.bot.command_sync import CommandSync
from giftping.bot.controls import Controls
from giftping.bot.failures import tell_failure
from giftping.bot.presence import Presence, earlier_guilds
from giftping.net.transport import proxy_for, proxy_url
from giftping.settings.keys import Settings

log = logging.getLogger("giftping.bot")

LAST_ANSWERS = 20.0
"""Seconds that members who wait for an answer have when the bot is told to end: longer than one request may take."""


class GatewayUnreachableError(Exception):
    """The gateway could not be connected to in the first place; later on the library tries again by itself."""


class GiftpingBot(discord.Client):
    """Takes slash commands. It asks for no privileged intent, reads no messages, and starts nothing by itself."""

    def __init__(
        self,
        settings: Settings,
        on_connected: Callable[[], None] = lambda: None,
        *,
        removes_others: bool = False,
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            # No message is looked at again, and a guild may have 100,000 members: without both a bot stays small.
            max_messages=None,
            chunk_guilds_at_startup=False,
            **_proxy_options(settings.discord.api),
        )
        self.settings = settings
        self._on_connected = on_connected
        self.tree = Tree(self)
        self.runner = runner = CommandRunner(settings)
        guild_id = settings.todo.guild_id
        self._todo_guild = discord.Object(guild_id) if guild_id is not None else None
        self._controls = Controls(self._answer_unknown)
        code_commands.add_commands(self.tree, self._controls, runner)
        self._todos = todo_commands.TodoCommands(runner)
        todo_commands.add_controls(self._controls, self._todos)
        if self._todo_guild is not None:
            todo_commands.add_commands(self.tree, self._todos, self._todo_guild)
        self._command_sync = CommandSync(self.tree)
        self._removes_others = removes_others
        self.presence = Presence(runner)

    async def setup_hook(self) -> None:
        """Bring the commands for everywhere up to date, and take back those of a guild that is not named any more.

        What waits for MongoDB is looked after from now on.
        """
        await self.tree.set_translator(CommandTranslator(self.settings.words))
        # So that the first answer is in a guild's language, too.
        known = await asyncio.to_thread(self.runner.run_now, earlier_guilds)
        await self._command_sync.bring_up_to_date()
        for guild_id in known.value.get("guilds", ()):
            await self._command_sync.bring_up_to_date(discord.Object(guild_id), gone_is_fine=True)
        if self.settings.mongo.uri is not None:
            # What the bot before this one has left.
            self.runner.carry_back_later()

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay connected until it is told to end. Raise GatewayUnreachableError where the first try fails."""
        ws_connect = self.http.ws_connect

        # The library would wait, go on with a connection that it never had, and fall over that.
        async def first(url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
            try:
                return await ws_connect(url, compress=compress)
            except (aiohttp.ClientError, OSError) as error:
                if self.ws is None:
                    raise GatewayUnreachableError(str(error) or type(error).__name__) from error
                raise

        self.http.ws_connect = first  # type: ignore[method-assign]  # the library has no other way
        try:
            await super().connect(reconnect=reconnect)
        except AttributeError as error:
            if self.ws is None:
                raise GatewayUnreachableError("it closed the connection at once") from error
            raise

    async def on_connect(self) -> None:
        """Trust in nothing that was so before the connection was lost."""
        self._command_sync.forget_guilds()

    async def on_ready(self) -> None:
        """Bring up to date what is not yet. Discord says this more than once: after a lost connection again."""
        log.info("ready as %s in %d servers", self.user, len(self.guilds))
        # It reads and writes files, and may ask Discord.
        await asyncio.to_thread(self._on_connected)
        await self._command_sync.bring_up_to_date()
        for guild in self.guilds:
            await self.on_guild_available(guild)
        if self._todo_guild is not None and self.get_guild(self._todo_guild.id) is None:
            log.warning("the bot is not in the server %d that GUILD_ID names: invite it", self._todo_guild.id)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Bring up to date the commands of a guild that the bot finds itself in: whatever happened meanwhile."""
        is_for_todos = self._todo_guild is not None and guild.id == self._todo_guild.id
        if is_for_todos or self._removes_others:
            await self._command_sync.bring_up_to_date(guild)
        if is_for_todos:
            self.presence.begin()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Do the same for a guild that it was just invited to."""
        await self.on_guild_available(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Forget what a guild had of the commands, as Discord does."""
        self._command_sync.forget(guild)
        if self._todo_guild is not None and guild.id == self._todo_guild.id:
            await self.presence.end()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Answer a button, a menu or a form; commands are the tree's."""
        if interaction.type in (discord.InteractionType.component, discord.InteractionType.modal_submit):
            self.runner.attend()
            await self._controls.answer(interaction)

    async def _answer_unknown(self, interaction: discord.Interaction[Any], _arguments: Sequence[str]) -> None:
        """Say that another version has made a control; what was written into a form is given back."""
        if interaction.type is discord.InteractionType.modal_submit:
            await self._todos.give_back(interaction)
        else:
            await refuse(interaction, voice_of(interaction).words("bot.failure.old"))

    async def close(self) -> None:
        """Close the connection, once whoever waits for an answer has it: whoever ends it, be it the gateway."""
        await self.presence.end()
        await self.runner.finish(LAST_ANSWERS)
        await super().close()


class Tree(app_commands.CommandTree[GiftpingBot]):
    """The commands. What goes wrong unexpectedly is logged without a secret and told in one sentence."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:  # noqa: ARG002 as it is asked
        """Always: every command asks for itself. From here on it is to be answered before the bot ends."""
        self.client.runner.attend()
        return True

    async def on_error(self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /) -> None:
        """Tell the member that something went wrong, where that can still be told."""
        command = interaction.command.qualified_name if interaction.command else "?"
        await tell_failure(interaction, error, self.client.settings, f"/{command}", voice_of(interaction))


def _proxy_options(api: str) -> dict[str, Any]:
    """How the client goes through the proxy that the environment names; the library looks for none by itself."""
    url = yarl.URL(api)
    named = proxy_for(url.scheme, url.host or "")
    if not named:
        return {}
    proxy = yarl.URL(str(proxy_url(named)))
    auth = aiohttp.BasicAuth(proxy.user, proxy.password or "") if proxy.user else None
    return {"proxy": str(proxy.with_user(None)), "proxy_auth": auth}


def run(
    settings: Settings, token: str, on_connected: Callable[[], None] = lambda: None, *, removes_others: bool = False
) -> None:
    """Run the bot until SIGTERM or SIGINT; `on_connected` is called whenever it is ready.

    Raise discord.LoginFailure when the token is refused.
    """
    asyncio.run(_run(settings, token, on_connected, removes_others=removes_others))


async def _run(settings: Settings, token: str, on_connected: Callable[[], None], *, removes_others: bool) -> None:
    bot = GiftpingBot(settings, on_connected, removes_others=removes_others)
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    async with bot:
        started = asyncio.ensure_future(bot.start(token))
        told_to_end = asyncio.ensure_future(ending.wait())
        await asyncio.wait([started, told_to_end], return_when=asyncio.FIRST_COMPLETED)
        told_to_end.cancel()
        if started.done():
            started.result()
        log.info("ending")
        # One that still reads would close the connection as if it came back (4000); one that waits to connect again
        # would not notice for minutes that the bot is closed.
        started.cancel()
        await asyncio.gather(started, told_to_end, return_exceptions=True)
