"""The TODO commands: handing in, looking, and the roster."""

from __future__ import annotations

import asyncio
import logging
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import aiohttp
import discord
from discord import app_commands, ui

from giftping.bot import todo_replies as replies
from giftping.bot.desk import EXIT_REFUSED, Desk, Reply
from giftping.bot.failures import tell_failure
from giftping.bot.replies import refused
from giftping.bot.views import Controls, show_pages
from giftping.commands import pause as pausing
from giftping.commands import roster as listing
from giftping.commands import submit as submitting
from giftping.commands import todo as looking
from giftping.discord.members import MemberInfo
from giftping.todo.model import Attachment
from giftping.todo.validation import NAME_LENGTH, content_type_of, file_mistakes
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from giftping.commands.session import Session
    from giftping.settings.load import Settings

log = logging.getLogger("giftping.bot")

PATIENCE = 2.0
"""Seconds that a form may wait for the store: Discord takes its first answer within three (Interactions)."""

FORM_OPEN = 12 * 3600.0
"""Seconds for which an opened form is taken; what was opened and never sent is forgotten then."""

TITLE_LENGTH = 45
"""The most characters of a form's title (Modal)."""

LIST_LENGTH = 1024
DATE_LENGTH = 10
FOR_OTHERS = {"manage_roles": True}

Interaction = discord.Interaction[Any]
User = discord.User | discord.Member


@dataclass(frozen=True, slots=True)
class Task:
    """What a form is for: the member that a TODO is handed in for, None for oneself, and the file to post along."""

    member: User | None = None
    file: discord.Attachment | None = None


class TodoForm(ui.Modal):
    """The form of a TODO: for oneself, or for a member. It hands in once, however often it is sent."""

    def __init__(self, commands: TodoCommands, task: Task, texts: Mapping[str, str] | None = None) -> None:
        title = f"TODO for {task.member.display_name}" if task.member else "Daily TODO"
        super().__init__(title=title[:TITLE_LENGTH], timeout=FORM_OPEN)
        self._commands = commands
        self._task = task
        self._is_taken = False
        fewest, most = NAME_LENGTH
        self._entries: dict[str, ui.TextInput[Any]] = {
            "name": ui.TextInput(required=False, min_length=fewest, max_length=most),
            "date": ui.TextInput(required=False, max_length=DATE_LENGTH),
        }
        for name in replies.LISTS:
            style = discord.TextStyle.paragraph
            self._entries[name] = ui.TextInput(style=style, required=False, max_length=LIST_LENGTH)
        described = {
            "name": "Whose TODO it is, or what for; empty is the name on the roster",
            "date": "DD/MM/YYYY; empty is today",
            "must_do": "At least one of these three, unless a file says it all",
        }
        for name, entry in self._entries.items():
            entry.default = (texts or {}).get(name) or None
            self.add_item(ui.Label(text=replies.FIELDS[name], description=described.get(name), component=entry))

    async def on_submit(self, interaction: Interaction, /) -> None:
        """Hand in what was written."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if self._is_taken:
            await interaction.followup.send(embed=refused(Reply(refusal=replies.TAKEN)), ephemeral=True)
            return
        self._is_taken = True
        texts = {name: entry.value for name, entry in self._entries.items()}
        await self._commands.hand_in(interaction, texts, self._task)

    # discord.py's forms take one argument less than its other views.
    async def on_error(self, interaction: Interaction, error: Exception, /) -> None:  # type: ignore[override]
        """Tell the member that something went wrong, where that can still be told."""
        await tell_failure(interaction, error, self._commands.settings, "the form of a TODO")


class Again(Controls):
    """A button that opens the form once more, with what was typed."""

    def __init__(self, desk: Desk, shown_by: Interaction, form: Callable[[], TodoForm]) -> None:
        super().__init__(desk, shown_by)
        self._form = form

    @ui.button(label="Correct it", emoji="✏️")
    async def correct(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Open the form with what was typed."""
        await interaction.response.send_modal(self._form())


class TodoCommands:
    """What the TODO commands do with one guild's members."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @property
    def settings(self) -> Settings:
        """The settings that the bot was started with."""
        return self._desk.settings

    # Who may

    def _is_staff(self, interaction: Interaction) -> bool:
        staff_role_id = self.settings.todo.staff_role_id
        roles = getattr(interaction.user, "roles", ())
        return staff_role_id is not None and any(role.id == staff_role_id for role in roles)

    def _may_act_for_others(self, interaction: Interaction) -> bool:
        return self._is_staff(interaction) or interaction.user.id == self.settings.todo.owner_id

    async def _refuses(self, interaction: Interaction, *, for_others: bool = False) -> bool:
        """Tell why a command is not for this server or member; return whether it was refused."""
        guild_id = self.settings.todo.guild_id
        if guild_id is not None and interaction.guild_id != guild_id:
            reason = replies.ELSEWHERE
        elif for_others and not self._may_act_for_others(interaction):
            reason = replies.NOT_FOR_YOU
        else:
            return False
        await interaction.response.send_message(embed=refused(Reply(refusal=reason)), ephemeral=True)
        return True

    # Handing in

    async def open_form(self, interaction: Interaction, task: Task) -> None:
        """Open the form, or say at once why nothing may be handed in.

        Where the store takes too long to say, the form is opened: it is asked again when the form comes back.
        """
        if await self._refuses(interaction, for_others=task.member is not None):
            return
        if reason := _file_mistake(task.file):
            embed = refused(Reply(refusal=reason))
        elif (reply := await self._asked_in_time(interaction, task)) is not None and reply.refusal:
            embed = replies.refusal_of(reply, interaction.user.id)
        else:
            await interaction.response.send_modal(TodoForm(self, task))
            return
        await interaction.response.send_message(embed=embed, ephemeral=True)

    async def _asked_in_time(self, interaction: Interaction, task: Task) -> Reply | None:
        """Whether a TODO may be handed in, None where the store has not said so in time."""
        if task.member is None:
            asking = self._desk.ask(submitting.may_submit, interaction.user.id)
        else:
            by, is_staff = interaction.user.id, self._is_staff(interaction)
            asking = self._desk.ask(submitting.may_submit, task.member.id, by, by_staff=is_staff)
        asked = asyncio.ensure_future(asking)
        done, _ = await asyncio.wait([asked], timeout=PATIENCE)
        return asked.result() if done else None

    async def hand_in(self, interaction: Interaction, texts: Mapping[str, str], task: Task) -> None:
        """Hand in a TODO, and say what came of it; the interaction has been acknowledged."""
        user_id, member = interaction.user.id, task.member
        try:
            content = await task.file.read() if task.file else b""
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("a file cannot be fetched: %s", type(error).__name__)
            reply = Reply(refusal="The file cannot be fetched from Discord; attach it again.", exit_code=EXIT_REFUSED)
        else:
            given = submitting.Given(
                user=user_id if member is None else None,
                for_user=member.id if member else None,
                by=user_id if member else None,
                by_staff=member is not None and self._is_staff(interaction),
                name=texts["name"],
                date=texts["date"],
                must_do=texts["must_do"],
                can_do=texts["can_do"],
                dont_do=texts["dont_do"],
            )
            # Of two that come at once for one member, the second is to see what the first has written.
            async with self._turns.setdefault(member.id if member else user_id, asyncio.Lock()):
                reply = await self._desk.ask(_submit, given, task.file.filename if task.file else "", content)
        if reply.refusal:
            embed = replies.not_taken(reply, user_id, texts)
            view = Again(self._desk, interaction, lambda: TodoForm(self, task, texts))
            await interaction.followup.send(embed=embed, view=view, ephemeral=True)
        else:
            embed = replies.handed_in(reply, for_other=member is not None)
            await interaction.followup.send(embed=embed, ephemeral=True)

    # Looking

    async def status(self, interaction: Interaction, member: User | None) -> None:
        """Say how a member stands; others only for the owner and the staff."""
        is_other = member is not None and member.id != interaction.user.id
        if await self._refuses(interaction, for_others=is_other):
            return
        user = member or interaction.user
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(looking.status, user.id)
        await interaction.followup.send(embed=replies.status_of(reply, user.id), ephemeral=True)

    async def show(self, interaction: Interaction) -> None:
        """Show the member's own TODO."""
        if await self._refuses(interaction):
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(looking.status, interaction.user.id)
        await interaction.followup.send(embed=replies.own_todo(reply), ephemeral=True)

    async def delete(self, interaction: Interaction) -> None:
        """Take the text of the member's own TODO away; the clock goes on as it was."""
        if await self._refuses(interaction):
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(looking.delete, interaction.user.id)
        await interaction.followup.send(embed=replies.deleted(reply), ephemeral=True)

    # The roster

    async def add_to_roster(self, interaction: Interaction, member: User) -> None:
        """Let a member take part."""
        if await self._refuses(interaction, for_others=True):
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(listing.add, listing.RosterRequest(member.id, seen=_seen(member)))
        await interaction.followup.send(embed=replies.listed(reply, member.id), ephemeral=True)

    async def remove_from_roster(self, interaction: Interaction, member: User) -> None:
        """Let a member take part no more."""
        if await self._refuses(interaction, for_others=True):
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(listing.remove, member.id, yes=True)
        await interaction.followup.send(embed=replies.unlisted(reply, member.id), ephemeral=True)

    async def list_roster(self, interaction: Interaction) -> None:
        """Show who takes part, and who has handed in today."""
        if await self._refuses(interaction, for_others=True):
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        pages = replies.roster_pages(await self._desk.ask(looking.list_today))
        await show_pages(interaction, self._desk, pages)

    async def pause(self, interaction: Interaction, request: pausing.PauseRequest) -> None:
        """Let a member's clocks stand still, or go on."""
        if await self._refuses(interaction, for_others=True):
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await self._desk.ask(pausing.pause, request)
        embed = replies.paused(reply, request.user_id, utc_now())
        await interaction.followup.send(embed=embed, ephemeral=True)


def _submit(session: Session, given: submitting.Given, filename: str, content: bytes) -> int:
    """Hand in a TODO as the command line does, with the file in a folder of its own for as long as that takes."""
    if not filename:
        return submitting.submit(session, given)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, re.sub(r"[^\w.-]", "_", filename, flags=re.ASCII)[-100:])
        path.write_bytes(content)
        return submitting.submit(session, replace(given, attach=path))


def _file_mistake(file: discord.Attachment | None) -> str:
    """Why a file cannot be handed in, before it is fetched; nothing where it can."""
    if file is None:
        return ""
    attachment = Attachment(file.filename, content_type_of(file.filename), file.size)
    return ". ".join(reason for _, reason in file_mistakes(attachment))


def _seen(user: User) -> MemberInfo | None:
    """A member of the server as the bot has met them just now; None for somebody who is not in it.

    A bot is one wherever it is.
    """
    if isinstance(user, discord.Member):
        return MemberInfo(user.id, user.display_name, user.bot, frozenset(role.id for role in user.roles))
    return MemberInfo(user.id, user.display_name, is_bot=True, role_ids=frozenset()) if user.bot else None


def add_commands(tree: app_commands.CommandTree[Any], desk: Desk, guild: discord.abc.Snowflake | None) -> None:
    """Put the TODO commands into a tree, for one guild where it is named."""
    commands = TodoCommands(desk)
    where: dict[str, Any] = {"guild": guild} if guild is not None else {}

    @tree.command(name="todo", description="Hand in your TODO", **where)
    @app_commands.guild_only()
    @app_commands.describe(attachment="A file of up to 8 MiB, posted along")
    async def todo(interaction: Interaction, attachment: discord.Attachment | None = None) -> None:
        await commands.open_form(interaction, Task(file=attachment))

    @tree.command(name="atodo", description="Hand in a TODO for a member", **where)
    @app_commands.guild_only()
    @app_commands.default_permissions(**FOR_OTHERS)
    @app_commands.describe(member="Whose TODO it is", attachment="A file of up to 8 MiB, posted along")
    async def atodo(
        interaction: Interaction, member: discord.User, attachment: discord.Attachment | None = None
    ) -> None:
        await commands.open_form(interaction, Task(member, attachment))

    @tree.command(name="todostatus", description="Your last TODO, the next reminder, and why", **where)
    @app_commands.guild_only()
    @app_commands.describe(member="Somebody else; for the owner and the staff")
    async def todostatus(interaction: Interaction, member: discord.User | None = None) -> None:
        await commands.status(interaction, member)

    @tree.command(name="listtodo", description="Your present TODO", **where)
    @app_commands.guild_only()
    async def listtodo(interaction: Interaction) -> None:
        await commands.show(interaction)

    @tree.command(name="deltodo", description="Delete the text of your TODO; your clock goes on", **where)
    @app_commands.guild_only()
    async def deltodo(interaction: Interaction) -> None:
        await commands.delete(interaction)

    @tree.command(name="todo_pause", description="Let a member's clocks stand still, or go on", **where)
    @app_commands.guild_only()
    @app_commands.default_permissions(**FOR_OTHERS)
    @app_commands.rename(first_day="from", last_day="to")
    @app_commands.describe(
        member="Whose clocks",
        first_day="The first day, 2026-12-31 or 31/12/2026; without it, from now on",
        last_day="The last day; without it, until the pause is ended",
        reason="Shown with the pause",
        end="End the present pause instead",
    )
    async def todo_pause(
        interaction: Interaction,
        member: discord.User,
        first_day: str | None = None,
        last_day: str | None = None,
        reason: app_commands.Range[str, 0, 200] = "",
        end: bool = False,  # noqa: FBT001 an option of a slash command
    ) -> None:
        request = pausing.PauseRequest(member.id, first_day, last_day, reason, end)
        await commands.pause(interaction, request)

    tree.add_command(_roster_group(commands), **where)


def _roster_group(commands: TodoCommands) -> app_commands.Group:
    group = app_commands.Group(
        name="todo_roster",
        description="Who takes part",
        guild_only=True,
        default_permissions=discord.Permissions(**FOR_OTHERS),
    )

    @group.command(name="add", description="Let a member take part")
    async def add(interaction: Interaction, member: discord.User) -> None:
        await commands.add_to_roster(interaction, member)

    @group.command(name="remove", description="Let a member take part no more")
    async def remove(interaction: Interaction, member: discord.User) -> None:
        await commands.remove_from_roster(interaction, member)

    @group.command(name="list", description="Who takes part, and who has handed in today")
    async def list_members(interaction: Interaction) -> None:
        await commands.list_roster(interaction)

    return group
