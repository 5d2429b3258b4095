"""A guild in two Discords: SimCord's, which the bot is driven through, and the stand-in, which giftping posts to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import discord
import simcord
from simcord.actors import MemberActor
from simcord.backend.serializers import message_payload
from simcord.builders import ChannelHandle, GuildHandle, RoleHandle
from simcord.interactions import base_payload
from simcord.results import InteractionResult, ResponseMessage

from giftping.bot.app import GiftpingBot
from giftping.demo.discord import StandInDiscord
from giftping.demo.world import Permission
from giftping.settings.keys import Settings
from giftping.settings.load import load_settings
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

GUILD = 1_000_000_000_000_000_001
OTHER_GUILD = 1_000_000_000_000_000_002

TABLES = """\
time_zone = "UTC"

[codes]
built_in_sources = false
"""


@dataclass
class Machine:
    """A folder with settings, and the stand-in that they name."""

    folder: Path
    stand_in: StandInDiscord
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def settings(self, tables: str = TABLES, **variables: object) -> Settings:
        """The settings of this machine, with these tables and variables; the variables stay for the next call.

        None takes a variable away.
        """
        self.variables |= {name: str(value) for name, value in variables.items() if value is not None}
        for name in (name for name, value in variables.items() if value is None):
            self.variables.pop(name, None)
        (self.folder / "giftping.toml").write_text(tables, "utf-8")
        environment = {
            "HOME": str(self.folder),
            "GIFTPING_STATE": str(self.state),
            "GIFTPING_DISCORD_API": self.stand_in.api,
            "DISCORD_TOKEN": self.stand_in.bot_token,
        }
        return load_settings(environment | self.variables, cwd=self.folder)


@dataclass
class Stage:
    """A guild with a channel; everything that is made here is there in both Discords."""

    env: simcord.Env
    machine: Machine
    guild: GuildHandle
    channel: ChannelHandle

    @property
    def stand_in(self) -> StandInDiscord:
        """The Discord that giftping's own client posts to."""
        return self.machine.stand_in

    @property
    def settings(self) -> Settings:
        """The settings that the bot goes by now."""
        assert isinstance(self.env.bot, GiftpingBot)
        return self.env.bot.settings

    def store(self) -> Store:
        """The store that the bot writes to, to be opened with `with`."""
        return Store(TinyEngine(self.machine.state))

    def add_channel(
        self, name: str, *, guild: GuildHandle | None = None, permissions: Permission = Permission.POSTING
    ) -> ChannelHandle:
        """Add a text channel, with what the bot may do in it."""
        guild = guild or self.guild
        channel = guild.create_text_channel(name)
        self.stand_in.add_channel(channel.id, guild.id, name=name, permissions=permissions)
        return channel

    def add_guild(self, guild_id: int) -> GuildHandle:
        """Add a guild that the bot is in."""
        guild = self.env.create_guild(id=guild_id)
        self.stand_in.add_guild(guild_id)
        self.stand_in.set_bot(guild_id)
        return guild

    def add_role(self, name: str, *, guild: GuildHandle | None = None, **permissions: bool) -> RoleHandle:
        """Add a role, with what its members may do."""
        guild = guild or self.guild
        role = guild.create_role(name, permissions=discord.Permissions(**permissions))
        self.stand_in.add_role(guild.id, role.id, name=name)
        return role

    def add_member(
        self, name: str, *roles: RoleHandle, guild: GuildHandle | None = None, **permissions: bool
    ) -> MemberActor:
        """Add a member, with roles, and one more that holds the permissions where some are named."""
        guild = guild or self.guild
        held = [*roles, *([self.add_role(f"{name}'s", guild=guild, **permissions)] if permissions else [])]
        member = guild.add_member(self.env.create_user(name), roles=held)
        self.stand_in.add_member(guild.id, member.id, name=name, roles=[role.id for role in held])
        return member

    async def click_at_once(
        self, member: MemberActor, message: ResponseMessage, *labels: str
    ) -> list[InteractionResult]:
        """Let a member click buttons so fast that all clicks are on their way before one is answered."""
        buttons = {one["label"]: one for row in message.components for one in row["components"] if one["type"] == 2}
        return await self.press_at_once(member, message, *(buttons[label]["custom_id"] for label in labels))

    async def press_at_once(
        self, member: MemberActor, message: ResponseMessage, *custom_ids: str
    ) -> list[InteractionResult]:
        """Do the same with buttons by their ids, whatever these are."""
        backend = self.env.backend
        stored = backend.get_message(message.channel_id, message.id)
        results = []
        for custom_id in custom_ids:
            record, payload = base_payload(
                backend,
                type=3,
                channel_id=message.channel_id,
                guild_id=member.guild.id,
                user_id=member.id,
                data={"custom_id": custom_id, "component_type": 2},
            )
            record.source_message_id = message.id
            payload["message"] = dict(message_payload(backend, stored))
            backend.emit("INTERACTION_CREATE", payload)
            results.append(InteractionResult(self.env, record))
        await self.env.settle()
        return results

    async def restart(self, tables: str = TABLES, **variables: object) -> GiftpingBot:
        """Start the bot anew, with these settings, and return it."""
        bot = GiftpingBot(self.machine.settings(tables, **variables))
        await self.env.restart_bot(bot)
        return bot


def shown(result: InteractionResult) -> discord.Embed:
    """The one embed that the member was answered with; it is seen by the member alone."""
    messages = [message for message in (result.response, *result.followups) if message is not None]
    assert len(messages) == 1, messages
    assert messages[0].ephemeral
    (embed,) = messages[0].embeds
    return embed


def text_of(embed: discord.Embed) -> str:
    """Everything that an embed says, a line for each part."""
    parts = [embed.title, embed.description, *(f"{field.name}: {field.value}" for field in embed.fields)]
    return "\n".join(part for part in [*parts, embed.footer.text] if part)


def said(result: InteractionResult) -> str:
    """Everything that the one embed says that the member was answered with."""
    return text_of(shown(result))


def labels(components: Sequence[dict[str, Any]]) -> list[str]:
    """The labels of a message's buttons that can be clicked."""
    buttons = (one for row in components for one in row.get("components", ()) if one["type"] == 2)
    return [button["label"] for button in buttons if not button.get("disabled")]
