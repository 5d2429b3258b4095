"""A guild that takes part in the TODO system: an owner, somebody of the staff, a member, and a stranger."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import discord
import simcord
from bot_stage import GUILD, TABLES, Stage, said
from english import ENGLISH, FIELDS
from fakes.patience import PATIENT
from past import HOUR, Past
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle, RoleHandle
from simcord.results import InteractionResult

from giftping.demo.log import Match
from giftping.discord.snowflake import snowflake_at

STAFF_TABLES = f"""\
{TABLES}
[todo]
staff_role = "{{staff_role}}"
"""

READ = {"must_do": "Read two pages"}


@dataclass
class TodoGuild:
    """The guild of `stage`, and who is in it; the bot goes by settings that name it."""

    stage: Stage
    owner: MemberActor
    staff: MemberActor
    asha: MemberActor
    stranger: MemberActor
    role: RoleHandle
    staff_role: RoleHandle

    @property
    def channel(self) -> ChannelHandle:
        """The channel in which commands are given and TODOs are posted."""
        return self.stage.channel

    @property
    def past(self) -> Past:
        """What writes down the past of members."""
        return Past(self.stage.machine.state)

    @property
    def posted(self) -> list[str]:
        """What stands in the channel, as texts."""
        return [f"{one.content} {one.embeds}" for one in self.stage.stand_in.messages(self.channel.id)]

    @property
    def to_channel(self) -> Match:
        """The requests that post into the channel."""
        return Match(method="POST", channel_id=self.channel.id)

    async def restart(self, **variables: object) -> None:
        """Start the bot anew, with these variables; None takes one away."""
        await self.stage.restart(STAFF_TABLES.format(staff_role=self.staff_role.id), **variables)

    async def ask(self, member: MemberActor, command: str, /, **options: Any) -> str:
        """What a member is answered who gives a command."""
        return said(await member.slash(self.channel, command, **options))

    async def hand_in(self, member: MemberActor, command: str = "todo", /, **texts: Any) -> InteractionResult:
        """What comes of a form that is opened, filled in and sent; `target` and `file` go with the command."""
        options = {name: texts.pop(key) for key, name in (("target", "member"), ("file", "attachment")) if key in texts}
        opened = await member.slash(self.channel, command, **options)
        return await member.submit_modal(opened, filled(opened, **texts))


def make_todo_guild(stage: Stage) -> TodoGuild:
    """The guild of a stage with its people; the bot is to be started anew then."""
    role, staff_role = stage.add_role("TODO"), stage.add_role("staff", manage_roles=True)
    owner = stage.add_member("olga", manage_roles=True)
    guild = TodoGuild(
        stage=stage,
        owner=owner,
        staff=stage.add_member("sam", staff_role),
        asha=stage.add_member("asha", role),
        stranger=stage.add_member("steve"),
        role=role,
        staff_role=staff_role,
    )
    stage.machine.variables |= {
        "GUILD_ID": str(GUILD),
        "TODO_CHANNEL_ID": str(stage.channel.id),
        "ROLE_ID": str(role.id),
        "OWNER_ID": str(owner.id),
    }
    guild.past.member(guild.asha.id, "Asha", silent=30 * HOUR)
    return guild


def controls(opened: InteractionResult) -> dict[str, Mapping[str, Any]]:
    """The controls of the form that was opened, by the name that a TODO has for them."""
    assert opened.modal is not None, said(opened)
    by_label = {label["label"]: label["component"] for label in opened.modal["components"]}
    return {name: by_label[label] for name, label in FIELDS.items()}


def filled(opened: InteractionResult, **texts: str) -> dict[str, str]:
    """The values of a form that was opened, with these texts and what it comes with."""
    fields = controls(opened)
    before = {field["custom_id"]: field["value"] for field in fields.values() if field.get("value")}
    return before | {fields[name]["custom_id"]: text for name, text in texts.items()}


@dataclass
class Heard:
    """As much of an interaction as a command needs: who gave it, and what they were shown. SimCord's clock stands
    still while a thread is at work, so that it cannot show who is faster.
    """

    user: Any
    guild_id: int = GUILD
    id: int = field(default_factory=lambda: snowflake_at(datetime.now(UTC)))
    forms: list[discord.ui.Modal] = field(default_factory=list)
    embeds: list[discord.Embed] = field(default_factory=list)
    locale: discord.Locale = discord.Locale.american_english

    @property
    def client(self) -> Any:
        return SimpleNamespace(runner=SimpleNamespace(voice=lambda *_: ENGLISH))

    @property
    def response(self) -> Heard:
        return self

    @property
    def followup(self) -> Heard:
        return self

    async def send(self, *, embed: discord.Embed, **_: Any) -> None:
        self.embeds.append(embed)

    async def edit_original_response(self, *, embed: discord.Embed, **_: Any) -> None:
        self.embeds.append(embed)

    async def send_message(self, *, embed: discord.Embed, **_: Any) -> None:
        self.embeds.append(embed)

    async def send_modal(self, form: discord.ui.Modal) -> None:
        self.forms.append(form)


def texts_of(**texts: str) -> dict[str, str]:
    """The texts of a whole form."""
    return dict.fromkeys(FIELDS, "") | texts


async def acknowledged(todo: TodoGuild) -> None:
    """Wait until the next interaction has had its first answer. Raise TimeoutError when it gets none."""
    env = todo.stage.env
    before = answers(env)
    async with asyncio.timeout(PATIENT):
        while answers(env) == before:
            await asyncio.sleep(0)


def answers(env: simcord.Env) -> int:
    """How many interactions were given their first answer."""
    return sum(request.path.endswith("/callback") for request in env.http_requests)
