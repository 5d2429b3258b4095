"""The TODO commands: handing in, looking, and the roster."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import aiohttp
import discord
from discord import app_commands

from giftping.bot import todo_embeds as embeds
from giftping.bot.answers import Interaction, acknowledge, answer, open_form, refuse, say, voice_of
from giftping.bot.command_names import options, spoken
from giftping.bot.command_runner import CommandResult, CommandRunner
from giftping.bot.controls import Controls, begin, form_texts, show_pages
from giftping.bot.embeds import refusal_embed
from giftping.bot.todo_form import CORRECT, FORM, Draft, Drafts, FormPurpose, TodoForm, correction
from giftping.bot.voice import Voice
from giftping.commands import pause, roster, submit, todo
from giftping.discord.members import MemberInfo
from giftping.discord.snowflake import snowflake_time
from giftping.errors import EXIT_USAGE
from giftping.text import file_name, id_or_none
from giftping.todo.model import Attachment
from giftping.todo.validation import content_type_of, file_mistakes
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from giftping.commands.session import Session
    from giftping.settings.keys import Settings

log = logging.getLogger("giftping.bot")

PATIENCE = 2.0
"""Seconds that a form may wait for the store: Discord takes its first answer within three (Interactions)."""

FOR_OTHERS = {"manage_roles": True}

ROSTER = "roster"
"""The name of the buttons that leaf through the roster."""

User = discord.User | discord.Member


class TodoCommands:
    """What the TODO commands do with one guild's members."""

    def __init__(self, runner: CommandRunner) -> None:
        self._runner = runner
        # One lock for each member who hands in just now; weak, so that those of everybody else go by themselves.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._drafts = Drafts()

    @property
    def settings(self) -> Settings:
        """The settings that the bot was started with."""
        return self._runner.settings

    # Who may

    def _is_staff(self, interaction: Interaction) -> bool:
        # By what came with the interaction: Discord signs who sent it, with the roles of that very moment.
        staff_role_id = self.settings.todo.staff_role_id
        roles = getattr(interaction.user, "roles", ())
        return staff_role_id is not None and any(role.id == staff_role_id for role in roles)

    def _may_act_for_others(self, interaction: Interaction) -> bool:
        return self._is_staff(interaction) or interaction.user.id == self.settings.todo.owner_id

    async def _allows(self, interaction: Interaction, *, for_others: bool = False) -> bool:
        """Whether a command is for this server and member; they are told why where it is not."""
        guild_id = self.settings.todo.guild_id
        if guild_id is not None and interaction.guild_id != guild_id:
            reason = voice_of(interaction).words("bot.todo.elsewhere")
        elif for_others and not self._may_act_for_others(interaction):
            reason = voice_of(interaction).words("bot.todo.not_for_you")
        else:
            return True
        await refuse(interaction, reason)
        return False

    # Handing in

    async def open_form(self, interaction: Interaction, purpose: FormPurpose) -> None:
        """Open the form, or say at once why nothing may be handed in.

        Where the store takes too long to say, the form is opened: it is asked again when the form comes back.
        """
        if not await self._allows(interaction, for_others=purpose.member_id is not None):
            return
        if reason := _file_mistake(purpose.file, voice_of(interaction)):
            await refuse(interaction, reason)
        elif (result := await self._asked_in_time(interaction, purpose)) is not None and result.refusal:
            await say(interaction, embeds.todo_refusal(result, voice_of(interaction)))
        else:
            await self._show_form(interaction, Draft(purpose))

    async def _show_form(self, interaction: Interaction, draft: Draft) -> None:
        self._drafts.keep(interaction.id, draft)
        await open_form(interaction, TodoForm(interaction.id, draft, voice_of(interaction)))

    async def take_form(self, interaction: Interaction, arguments: Sequence[str]) -> None:
        """Hand in what was written into a form, whichever bot has opened it, and whenever."""
        member, number, has_file = arguments
        if not await self._allows(interaction):
            return
        await acknowledge(interaction)
        draft = self._drafts.get(int(number))
        if draft is None:
            purpose = FormPurpose(id_or_none(member))
            draft = self._drafts.keep(int(number), Draft(purpose, is_file_lost=has_file == "1"))
        if draft.is_taken:
            await answer(interaction, refusal_embed(voice_of(interaction).words("bot.form.taken")))
            return
        draft.is_taken = True
        draft.texts = dict.fromkeys(embeds.TEXTS, "") | form_texts(interaction)
        await self.hand_in(interaction, draft)

    async def correct(self, interaction: Interaction, arguments: Sequence[str]) -> None:
        """Open the form once more, with what was typed: as it is kept, or else as the message shows it."""
        member, number = arguments
        kept = self._drafts.get(int(number))
        message = interaction.message
        shown = embeds.typed_texts(message.embeds, voice_of(interaction)) if message else {}
        draft = Draft(kept.purpose, kept.texts) if kept else Draft(FormPurpose(id_or_none(member)), shown)
        await self._show_form(interaction, draft)

    async def give_back(self, interaction: Interaction) -> None:
        """Give back what was written into a form that an older version has opened, to be handed in by one of today."""
        await acknowledge(interaction)
        voice, typed = voice_of(interaction), form_texts(interaction).values()
        # Its inputs had ids made up for it alone, but were in this order.
        texts = dict.fromkeys(embeds.TEXTS, "") | dict(zip(embeds.TEXTS, typed, strict=False))
        draft = self._drafts.keep(interaction.id, Draft(FormPurpose(), texts))
        result = CommandResult(refusal=voice.words("bot.form.old"), exit_code=EXIT_USAGE)
        await answer(interaction, embeds.not_taken(result, texts, voice), correction(interaction.id, draft, voice))

    async def _asked_in_time(self, interaction: Interaction, purpose: FormPurpose) -> CommandResult | None:
        """Whether a TODO may be handed in, None where the store has not said so in time."""
        if purpose.member_id is None:
            asking = self._runner.form(submit.may_submit, interaction.user.id)
        else:
            by, is_staff = interaction.user.id, self._is_staff(interaction)
            asking = self._runner.form(submit.may_submit, purpose.member_id, by, by_staff=is_staff)
        # Left running when the time is over: a thread that waits for the store cannot be stopped.
        asked = asyncio.ensure_future(asking)
        done, _ = await asyncio.wait([asked], timeout=PATIENCE)
        return asked.result() if done else None

    async def hand_in(self, interaction: Interaction, draft: Draft) -> None:
        """Hand in a TODO, and say what came of it; the interaction has been acknowledged."""
        user_id, member_id, file = interaction.user.id, draft.purpose.member_id, draft.purpose.file
        voice, texts = voice_of(interaction), draft.texts
        content = b""
        if file is not None:
            try:
                content = await file.read()
            except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
                log.warning("a file cannot be fetched: %s", type(error).__name__)
                draft.is_file_lost = True
        if draft.is_file_lost:
            # The form that corrects it has no file: handed in without, nothing is lost but that.
            draft.purpose = replace(draft.purpose, file=None)
            result = CommandResult(refusal=voice.words("bot.form.no_file"), exit_code=EXIT_USAGE)
        else:
            given = submit.Given(
                user=user_id if member_id is None else None,
                for_user=member_id,
                by=user_id if member_id is not None else None,
                by_staff=member_id is not None and self._is_staff(interaction),
                name=texts["name"],
                date=texts["date"],
                # Discord's own time of the moment at which the form was sent.
                at=snowflake_time(interaction.id),
                must_do=texts["must_do"],
                can_do=texts["can_do"],
                dont_do=texts["dont_do"],
            )
            # Of two that come at once for one member, the second is to see what the first has written.
            async with self._turns.setdefault(member_id or user_id, asyncio.Lock()):
                result = await self._runner.post(_submit, given, file.filename if file else "", content)
        if result.refusal:
            kept = self._drafts.keep(interaction.id, Draft(draft.purpose, texts))
            embed = embeds.not_taken(result, texts, voice)
            await answer(interaction, embed, correction(interaction.id, kept, voice))
        else:
            await answer(interaction, embeds.handed_in(result, voice, for_other=member_id is not None))

    # Looking

    async def status(self, interaction: Interaction, member: User | None) -> None:
        """Say how a member stands; others only for the owner and the staff."""
        is_other = member is not None and member.id != interaction.user.id
        if not await self._allows(interaction, for_others=is_other):
            return
        user = member or interaction.user
        await acknowledge(interaction)
        result = await self._runner.run(todo.status, user.id)
        await answer(interaction, embeds.status_of(result, user.id, voice_of(interaction)))

    async def show(self, interaction: Interaction) -> None:
        """Show the member's own TODO."""
        if not await self._allows(interaction):
            return
        await acknowledge(interaction)
        result = await self._runner.run(todo.status, interaction.user.id)
        await answer(interaction, embeds.own_todo(result, voice_of(interaction)))

    async def delete(self, interaction: Interaction) -> None:
        """Take the text of the member's own TODO away; the clock goes on as it was."""
        if not await self._allows(interaction):
            return
        await acknowledge(interaction)
        result = await self._runner.run(todo.delete, interaction.user.id)
        await answer(interaction, embeds.deleted(result, voice_of(interaction)))

    # The roster

    async def add_to_roster(self, interaction: Interaction, member: User) -> None:
        """Let a member take part."""
        if not await self._allows(interaction, for_others=True):
            return
        await acknowledge(interaction)
        result = await self._runner.run(roster.add, roster.RosterRequest(member.id, seen=_seen(member)))
        await answer(interaction, embeds.listed(result, member.id, voice_of(interaction)))

    async def remove_from_roster(self, interaction: Interaction, member: User) -> None:
        """Let a member take part no more."""
        if not await self._allows(interaction, for_others=True):
            return
        await acknowledge(interaction)
        result = await self._runner.run(roster.remove, member.id, yes=True)
        await answer(interaction, embeds.unlisted(result, member.id, voice_of(interaction)))

    async def list_roster(self, interaction: Interaction, arguments: Sequence[str] = ("0",)) -> None:
        """Show who takes part, and who has handed in today: the page of that number."""
        if not await self._allows(interaction, for_others=True):
            return
        await begin(interaction)
        result = await self._runner.run(todo.list_today)
        pages = embeds.roster_pages(result, voice_of(interaction))
        await show_pages(interaction, pages, int(arguments[0]), ROSTER)

    async def pause(self, interaction: Interaction, request: pause.PauseRequest) -> None:
        """Let a member's clocks stand still, or go on."""
        if not await self._allows(interaction, for_others=True):
            return
        await acknowledge(interaction)
        result = await self._runner.run(pause.pause, request)
        embed = embeds.paused(result, request.user_id, utc_now(), voice_of(interaction))
        await answer(interaction, embed)


def _submit(session: Session, given: submit.Given, filename: str, content: bytes) -> int:
    """Hand in a TODO as the command line does, with the file in a folder of its own for as long as that takes."""
    if not filename:
        return submit.submit(session, given)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, file_name(filename))
        path.write_bytes(content)
        return submit.submit(session, replace(given, attach=path))


def _file_mistake(file: discord.Attachment | None, voice: Voice) -> str:
    """Why a file cannot be handed in, before it is fetched; nothing where it can."""
    if file is None:
        return ""
    attachment = Attachment(file.filename, content_type_of(file.filename), file.size)
    return ". ".join(reason.in_words(voice.words) for _, reason in file_mistakes(attachment))


def _seen(user: User) -> MemberInfo | None:
    """A member of the server as the bot has met them just now; None for somebody who is not in it.

    A bot is one wherever it is.
    """
    if isinstance(user, discord.Member):
        return MemberInfo(user.id, user.display_name, user.bot, frozenset(role.id for role in user.roles))
    return MemberInfo(user.id, user.display_name, is_bot=True, role_ids=frozenset()) if user.bot else None


def add_controls(controls: Controls, commands: TodoCommands) -> None:
    """Let the commands answer forms and buttons."""
    controls.add(FORM, commands.take_form)
    controls.add(CORRECT, commands.correct)
    controls.add(ROSTER, commands.list_roster)


def add_commands(tree: app_commands.CommandTree[Any], commands: TodoCommands, guild: discord.abc.Snowflake) -> None:
    """Put the TODO commands into a tree, for their guild."""
    where: dict[str, Any] = {"guild": guild}

    @tree.command(**spoken("todo"), **where)
    @app_commands.guild_only()
    @options("todo", "attachment")
    async def todo(interaction: Interaction, attachment: discord.Attachment | None = None) -> None:
        await commands.open_form(interaction, FormPurpose(file=attachment))

    @tree.command(**spoken("atodo"), **where)
    @app_commands.guild_only()
    @app_commands.default_permissions(**FOR_OTHERS)
    @options("atodo", "member", "attachment")
    async def atodo(
        interaction: Interaction, member: discord.User, attachment: discord.Attachment | None = None
    ) -> None:
        await commands.open_form(interaction, FormPurpose(member.id, member.display_name, attachment))

    @tree.command(**spoken("todostatus"), **where)
    @app_commands.guild_only()
    @options("todostatus", "member")
    async def todostatus(interaction: Interaction, member: discord.User | None = None) -> None:
        await commands.status(interaction, member)

    @tree.command(**spoken("listtodo"), **where)
    @app_commands.guild_only()
    async def listtodo(interaction: Interaction) -> None:
        await commands.show(interaction)

    @tree.command(**spoken("deltodo"), **where)
    @app_commands.guild_only()
    async def deltodo(interaction: Interaction) -> None:
        await commands.delete(interaction)

    @tree.command(**spoken("todo_pause"), **where)
    @app_commands.guild_only()
    @app_commands.default_permissions(**FOR_OTHERS)
    @options("todo_pause", "member", "reason", "end", first_day="from", last_day="to")
    async def todo_pause(
        interaction: Interaction,
        member: discord.User,
        first_day: str | None = None,
        last_day: str | None = None,
        reason: app_commands.Range[str, 0, 200] = "",
        end: bool = False,  # noqa: FBT001 an option of a slash command
    ) -> None:
        request = pause.PauseRequest(member.id, first_day, last_day, reason, end)
        await commands.pause(interaction, request)

    tree.add_command(_roster_group(commands), **where)


def _roster_group(commands: TodoCommands) -> app_commands.Group:
    group = app_commands.Group(
        **spoken("todo_roster"),
        guild_only=True,
        default_permissions=discord.Permissions(**FOR_OTHERS),
    )

    @group.command(**spoken("todo_roster.add"))
    @options("todo_roster.add", "member")
    async def add(interaction: Interaction, member: discord.User) -> None:
        await commands.add_to_roster(interaction, member)

    @group.command(**spoken("todo_roster.remove"))
    @options("todo_roster.remove", "member")
    async def remove(interaction: Interaction, member: discord.User) -> None:
        await commands.remove_from_roster(interaction, member)

    @group.command(**spoken("todo_roster.list"))
    async def list_members(interaction: Interaction) -> None:
        await commands.list_roster(interaction)

    return group
