from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import aiohttp
import discord
import pytest
from bot_stage import GUILD, OTHER_GUILD, labels, said, shown, text_of
from english import FIELDS, NOT_LISTED, SAID
from fakes.patience import PATIENT
from past import DAY, HOUR, now
from simcord import SetupError
from todo_guild import READ, Heard, TodoGuild, controls, filled, texts_of

from giftping.bot import todo_commands
from giftping.bot import todo_embeds as embeds
from giftping.bot.command_runner import CommandResult, CommandRunner
from giftping.bot.todo_form import Draft, FormPurpose, TodoForm
from giftping.commands import submit as submitting
from giftping.demo import faults
from giftping.todo.model import Lapse, Removal, RemovalState
from giftping.todo.validation import ATTACHMENT_SIZE


async def test_a_todo_is_saved_posted_and_answered_to_the_member_alone(todo: TodoGuild) -> None:
    answer = said(await todo.hand_in(todo.asha, **READ, can_do="*Swim* far", name="Asha's day"))
    for part in ("✅ TODO handed in", "Posted in the channel.", "Streak: 1 day.", "Read two pages", "Asha's day"):
        assert part in answer
    member = todo.past.read(todo.asha.id)
    assert member.todo is not None
    assert (member.todo.must_do, member.todo.can_do, member.todo.name) == ("Read two pages", "*Swim* far", "Asha's day")
    (post,) = todo.posted
    assert "Read two pages" in post
    assert todo.stage.stand_in.all_notifications() == []


async def test_an_empty_name_is_the_one_of_the_roster_and_an_empty_date_is_today(todo: TodoGuild) -> None:
    await todo.hand_in(todo.asha, **READ)
    kept = todo.past.read(todo.asha.id).todo
    assert kept is not None
    assert (kept.name, len(kept.date)) == ("Asha", len("31/12/2026"))


async def test_the_form_keeps_within_discords_limits(todo: TodoGuild) -> None:
    long_name = todo.stage.add_member("n" * 32)
    todo.past.member(long_name.id, "Long")
    opened = await todo.owner.slash(todo.channel, "atodo", member=long_name)
    assert opened.modal is not None
    assert len(opened.modal["title"]) <= 45
    for label in opened.modal["components"]:
        assert len(label["label"]) <= 45
        assert len(label.get("description") or "") <= 100
        assert 1 <= label["component"]["max_length"] <= 4000


# Who may


async def test_a_stranger_is_refused_before_a_form_opens(todo: TodoGuild) -> None:
    refused = await todo.stranger.slash(todo.channel, "todo")
    assert refused.modal is None
    assert said(refused) == NOT_LISTED


async def test_the_owner_hands_in_without_being_on_the_roster(todo: TodoGuild) -> None:
    assert "Posted in the channel." in said(await todo.hand_in(todo.owner, **READ, name="Olga"))


async def test_a_form_is_opened_while_the_store_takes_long_and_asked_about_again_when_it_comes_back(
    todo: TodoGuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(todo_commands, "PATIENCE", 0.01)
    released = threading.Event()
    asked = submitting.may_submit

    def slow(*arguments: Any, **named: Any) -> int:
        released.wait(PATIENT)
        return asked(*arguments, **named)

    monkeypatch.setattr(submitting, "may_submit", slow)
    commands, stranger = todo_commands.TodoCommands(CommandRunner(todo.stage.settings)), Heard(todo.stranger)
    try:
        await commands.open_form(stranger, FormPurpose())  # type: ignore[arg-type]
    finally:
        released.set()
    assert [type(form) for form in stranger.forms] == [TodoForm]
    await commands.hand_in(stranger, Draft(FormPurpose(), texts_of(**READ)))  # type: ignore[arg-type]
    (answer,) = stranger.embeds
    assert NOT_LISTED in text_of(answer)
    assert "Read two pages" in text_of(answer)
    assert todo.posted == []


async def test_todos_are_not_handed_in_on_another_server(todo: TodoGuild) -> None:
    await todo.restart(GUILD_ID=OTHER_GUILD)
    todo.stage.add_guild(OTHER_GUILD)
    with pytest.raises(SetupError, match="todo"):
        await todo.asha.slash(todo.channel, "todo")


@pytest.mark.parametrize("command", ["todo", "todostatus", "listtodo", "deltodo", "todo_roster list"])
async def test_a_command_that_reaches_the_bot_from_elsewhere_is_refused(todo: TodoGuild, command: str) -> None:
    object.__setattr__(todo.stage.settings.todo, "guild_id", OTHER_GUILD)
    assert await todo.ask(todo.owner, command) == SAID("bot.todo.elsewhere")


async def test_without_a_guild_in_the_settings_it_is_saved_and_said_that_it_is_not_posted(todo: TodoGuild) -> None:
    opened = await todo.asha.slash(todo.channel, "todo")
    await todo.restart(GUILD_ID=None)
    answer = said(await todo.asha.submit_modal(opened, filled(opened, **READ)))
    assert "Saved, but not posted yet" in answer
    assert "GUILD_ID is not set" in answer
    assert todo.past.read(todo.asha.id).last_submit > now() - HOUR  # type: ignore[operator]


# What is wrong with a TODO

MISTAKES = {
    "Date": ({"date": "31/02/2026", **READ}, "is not a date; write it as DD/MM/YYYY"),
    "Must do": ({"must_do": "."}, "has only punctuation"),
}


@pytest.mark.parametrize("field", MISTAKES)
async def test_a_mistake_is_told_with_its_field_and_what_was_typed_is_not_lost(todo: TodoGuild, field: str) -> None:
    texts, reason = MISTAKES[field]
    before = todo.past.read(todo.asha.id)
    embed = shown(await todo.hand_in(todo.asha, **texts))
    assert embed.title == "Not handed in"
    assert embed.description is not None
    assert embed.description.startswith(f"**{field}**: ")
    assert reason in embed.description
    assert {one.name: one.value for one in embed.fields} == {FIELDS[name]: text for name, text in texts.items()}
    assert todo.past.read(todo.asha.id) == before
    assert todo.posted == []


async def test_all_mistakes_are_told_at_once(todo: TodoGuild) -> None:
    embed = shown(await todo.hand_in(todo.asha, name="??", date="1/1/2001", can_do="."))
    assert embed.description is not None
    assert [line.split(":")[0] for line in embed.description.splitlines()] == ["**Date**", "**Can do**"]


async def test_a_todo_that_says_nothing_at_all_is_told_what_to_write(todo: TodoGuild) -> None:
    assert "write at least one of Must do, Can do, Don't do, or attach a file" in said(await todo.hand_in(todo.asha))


async def test_the_longest_texts_are_posted_and_answered_and_given_back(todo: TodoGuild) -> None:
    texts = {name: name[0] * 4000 for name in embeds.LISTS}
    assert "Posted in the channel." in said(await todo.hand_in(todo.asha, name="n" * 256, **texts))
    embed = shown(await todo.hand_in(todo.asha, name="n" * 256, **texts))
    assert "handed in already, word for word" in (embed.description or "")
    typed = ["n" * 256, *texts.values()]
    # An embed has not the room; the form that the button opens has.
    shown_of = [(field.value or "").rstrip("…") for field in embed.fields]
    assert all(text.startswith(shown) for text, shown in zip(typed, shown_of, strict=True))


async def test_a_button_opens_the_form_again_with_what_was_typed(todo: TodoGuild) -> None:
    refused = await todo.hand_in(todo.asha, date="tomorrow", **READ)
    answer = refused.response
    assert answer is not None
    assert labels(answer.components) == ["Correct it"]
    opened = await todo.asha.click(answer, label="Correct it")
    typed = {name: field.get("value") or "" for name, field in controls(opened).items()}
    assert typed == {"name": "", "date": "tomorrow", "must_do": "Read two pages", "can_do": "", "dont_do": ""}
    assert "Posted in the channel." in said(await todo.asha.submit_modal(opened, filled(opened, date="")))


# After a restart


async def test_a_form_from_before_a_restart_hands_in_for_whom_it_was_opened(todo: TodoGuild) -> None:
    mine = await todo.asha.slash(todo.channel, "todo")
    for_asha = await todo.owner.slash(todo.channel, "atodo", member=todo.asha)
    await todo.restart()
    assert "Posted in the channel." in said(await todo.asha.submit_modal(mine, filled(mine, **READ)))
    assert todo.stage.env.bot._connection._view_store._modals == {}
    answer = said(await todo.owner.submit_modal(for_asha, filled(for_asha, must_do="Read a third")))
    assert "Posted in the channel." in answer
    assert [f"<@{todo.asha.id}>" in post for post in todo.posted] == [True, True]


async def test_a_form_whose_file_was_lost_by_a_restart_gives_the_text_back_and_can_do_without(todo: TodoGuild) -> None:
    opened = await todo.asha.slash(todo.channel, "todo", attachment=("plan.txt", b"a plan"))
    await todo.restart()
    refused = await todo.asha.submit_modal(opened, filled(opened, must_do="Read *two* pages\n# of 1_000"))
    assert said(refused).startswith(f"{SAID('bot.todo.not_taken')}\n{SAID('bot.form.no_file')}")
    assert todo.posted == []
    assert refused.response
    await todo.restart()
    again = await todo.asha.click(refused.response, label="Correct it")
    typed = {name: field.get("value") for name, field in controls(again).items() if field.get("value")}
    assert typed == {"must_do": "Read *two* pages\n# of 1_000"}
    assert "Posted in the channel." in said(await todo.asha.submit_modal(again, filled(again)))


async def test_a_form_that_an_older_version_has_opened_gives_the_text_back(todo: TodoGuild) -> None:
    opened = await todo.asha.slash(todo.channel, "todo")
    assert opened._interaction.modal is not None
    opened._interaction.modal["custom_id"] = "0f3a9c"
    given_back = await todo.asha.submit_modal(opened, filled(opened, **READ))
    assert said(given_back).startswith(f"{SAID('bot.todo.not_taken')}\n{SAID('bot.form.old')}")
    assert given_back.response
    again = await todo.asha.click(given_back.response, label="Correct it")
    assert "Posted in the channel." in said(await todo.asha.submit_modal(again, filled(again)))


# Sent twice


async def sent_again(todo: TodoGuild, opened: Any, values: Mapping[str, str]) -> Any:
    """Send a form that has been sent: the client does that when no answer has reached it."""
    opened._interaction.modal_consumed = False
    return await todo.asha.submit_modal(opened, dict(values))


async def test_a_form_that_is_sent_twice_at_once_hands_in_once(
    todo: TodoGuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    hand_in = todo_commands.TodoCommands.hand_in

    async def noted(self: Any, *arguments: Any) -> None:
        taken.append(arguments)
        await hand_in(self, *arguments)

    monkeypatch.setattr(todo_commands.TodoCommands, "hand_in", noted)
    opened = await todo.asha.slash(todo.channel, "todo", attachment=("plan.txt", b"a plan"))
    assert "Posted in the channel." in said(await todo.asha.submit_modal(opened, filled(opened, **READ)))
    assert said(await sent_again(todo, opened, filled(opened, **READ))) == SAID("bot.form.taken")
    assert len(taken) == len(todo.posted) == 1


async def test_two_forms_with_the_same_text_at_the_same_time_hand_in_once(todo: TodoGuild) -> None:
    commands = todo_commands.TodoCommands(CommandRunner(todo.stage.settings))
    texts = texts_of(**READ)
    both = [Heard(todo.asha), Heard(todo.asha)]
    await asyncio.gather(*(commands.hand_in(one, Draft(FormPurpose(), texts)) for one in both))  # type: ignore[arg-type]
    assert {embed.title for one in both for embed in one.embeds} == {"Not handed in", "✅ TODO handed in"}
    assert len(todo.posted) == 1


async def test_todos_of_one_member_are_handed_in_one_after_the_other_and_those_of_two_side_by_side(
    todo: TodoGuild,
) -> None:
    class Counting(CommandRunner):
        running = most = 0

        async def post(self, *_: Any, **__: Any) -> CommandResult:
            Counting.running += 1
            Counting.most = max(Counting.most, Counting.running)
            await asyncio.sleep(0)
            Counting.running -= 1
            return CommandResult(refusal="no", exit_code=2)

    commands = todo_commands.TodoCommands(Counting(todo.stage.settings))
    for members, at_once in (((todo.asha, todo.asha), 1), ((todo.asha, todo.staff), 2)):
        Counting.most = 0
        forms = (commands.hand_in(Heard(member), Draft(FormPurpose(), texts_of(**READ))) for member in members)  # type: ignore[arg-type]
        await asyncio.gather(*forms)
        assert Counting.most == at_once


async def test_an_unexpected_error_is_told_and_logged_without_the_token(
    todo: TodoGuild, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = todo.stage.stand_in.bot_token

    async def broken(*_: Any) -> None:
        raise RuntimeError(f"no way with {token}")

    monkeypatch.setattr(todo_commands.TodoCommands, "hand_in", broken)
    answer = said(await todo.hand_in(todo.asha, **READ))
    assert answer.startswith("Something unexpected went wrong")
    assert "no way with" in caplog.text
    assert token not in caplog.text


# Files


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        ("a.png", ATTACHMENT_SIZE + 1, "a.png has 8.0 MiB, at most 8 MiB"),
        ("a.exe", 10, "a.exe is of a kind that is not taken"),
        ("a.png", 0, "a.png is empty"),
    ],
)
async def test_a_file_that_is_not_taken_is_refused_before_the_form(
    todo: TodoGuild, name: str, size: int, reason: str
) -> None:
    refused = await todo.asha.slash(todo.channel, "todo", attachment=(name, bytes(size)))
    assert refused.modal is None
    assert reason in said(refused)


async def test_a_file_is_posted_along_and_says_it_all(todo: TodoGuild) -> None:
    answer = said(await todo.hand_in(todo.asha, file=("my plän (1).png", b"a picture")))
    assert "Posted in the channel." in answer
    (message,) = todo.stage.stand_in.messages(todo.channel.id)
    assert [(file.filename, file.size) for file in message.attachments] == [("my_pl_n__1_.png", len(b"a picture"))]


async def test_a_file_may_have_a_name_longer_than_a_disk_takes(todo: TodoGuild) -> None:
    assert "Posted in the channel." in said(await todo.hand_in(todo.asha, file=("計" * 150 + ".png", b"a picture")))


async def test_a_file_that_cannot_be_fetched_is_told_and_nothing_is_handed_in(
    todo: TodoGuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_: discord.Attachment) -> bytes:
        raise aiohttp.ClientConnectionError

    monkeypatch.setattr(discord.Attachment, "read", gone)
    answer = said(await todo.hand_in(todo.asha, file=("plan.txt", b"a plan"), **READ))
    assert SAID("bot.form.no_file") in answer
    assert "Read two pages" in answer
    assert todo.past.read(todo.asha.id).todo is None


# Discord refuses


@pytest.mark.parametrize(
    "fault", [faults.status(403, 50013), faults.status(404, 10003), faults.status(500)], ids=["403", "404", "500"]
)
async def test_what_discord_does_not_take_is_saved_and_not_called_posted(todo: TodoGuild, fault: faults.Fault) -> None:
    todo.stage.stand_in.fail(fault, match=todo.to_channel, times=None)
    answer = said(await todo.hand_in(todo.asha, **READ))
    assert "Saved, but not posted yet" in answer
    assert "Posted in the channel" not in answer
    assert todo.past.read(todo.asha.id).last_submit > now() - HOUR  # type: ignore[operator]


async def test_the_role_comes_back_and_that_it_cannot_is_told(todo: TodoGuild) -> None:
    since = now() - 6 * DAY
    taken = Lapse(since, now() - 2 * DAY, Removal(RemovalState.DONE, now() - DAY, "host"))
    todo.stage.stand_in.take_role(GUILD, todo.asha.id, todo.role.id)
    todo.past.member(todo.asha.id, "Asha", last_submit=since, lapse=taken)
    todo.stage.stand_in.set_bot(GUILD, position=1)
    assert "the next sweep gives it" in said(await todo.hand_in(todo.asha, **READ))
    todo.stage.stand_in.set_bot(GUILD)
    assert "The role is back." in said(await todo.hand_in(todo.asha, must_do="Read two more"))
    assert todo.role.id in todo.stage.stand_in.roles_of(GUILD, todo.asha.id)


async def test_a_history_that_cannot_be_read_does_not_hide_that_the_todo_is_saved(todo: TodoGuild) -> None:
    todo.past.document("todo_events", {"_id": "odd", "user_id": str(todo.asha.id), "kind": "left", "at": "never"})
    answer = said(await todo.hand_in(todo.asha, **READ))
    assert "Posted in the channel." in answer
    assert "Streak" not in answer


# For somebody else


@pytest.mark.parametrize("who", ["owner", "staff"])
async def test_a_todo_for_a_member_is_handed_in_and_the_member_is_told(todo: TodoGuild, who: str) -> None:
    by = getattr(todo, who)
    answer = said(await todo.hand_in(by, "atodo", target=todo.asha, **READ))
    assert "Posted in the channel." in answer
    assert f"<@{todo.asha.id}> was told by direct message." in answer
    told = todo.stage.stand_in.notifications(todo.asha.id)
    assert [notified.kind for notified in told] == ["channel", "dm"]
    (event,) = [event for event in todo.past.events(todo.asha.id) if event.result == "handed in"]
    assert event.by == str(by.id)


async def test_that_a_member_takes_no_direct_messages_is_told(todo: TodoGuild) -> None:
    todo.stage.stand_in.close_dms(todo.asha.id)
    answer = said(await todo.hand_in(todo.owner, "atodo", target=todo.asha, **READ))
    assert f"<@{todo.asha.id}> takes no direct messages." in answer


async def test_who_manages_no_roles_is_not_shown_the_commands_for_others(todo: TodoGuild) -> None:
    assert "atodo" in todo.owner.available_commands(todo.channel)
    shown_to_asha = {name.split()[0] for name in todo.asha.available_commands(todo.channel)}
    assert not {"atodo", "todo_pause", "todo_roster"} & shown_to_asha
    assert {"todo", "todostatus", "listtodo", "deltodo"} <= shown_to_asha


async def test_who_is_shown_them_and_is_neither_owner_nor_staff_is_refused(todo: TodoGuild) -> None:
    moderator = todo.stage.add_member("mod", manage_roles=True)
    assert await todo.ask(moderator, "atodo", member=todo.asha) == SAID("bot.todo.not_for_you")


async def test_a_member_who_is_not_on_the_roster_is_named_with_what_to_do(todo: TodoGuild) -> None:
    answer = await todo.ask(todo.owner, "atodo", member=todo.stranger)
    assert answer == f"<@{todo.stranger.id}> is not on the roster; add them: `/todo_roster add`"


async def test_a_todo_for_a_member_who_has_left_is_handed_in_all_the_same(todo: TodoGuild) -> None:
    left = todo.stage.env.create_user("lena")
    todo.past.member(left.id, "Lena")
    answer = said(await todo.hand_in(todo.owner, "atodo", target=left, **READ))
    assert "Posted in the channel." in answer


# Looking


async def test_a_member_sees_when_the_next_reminder_comes_and_why(todo: TodoGuild) -> None:
    embed = shown(await todo.asha.slash(todo.channel, "todostatus"))
    values = {one.name: one.value or "" for one in embed.fields}
    assert {"Last TODO", "Next reminder", "Role goes", "Streak", "Why"} <= set(values)
    assert values["Last TODO"].startswith("<t:")
    assert values["Next reminder"].endswith(":R>")


async def test_how_others_stand_is_for_the_owner_and_the_staff(todo: TodoGuild) -> None:
    assert await todo.ask(todo.stranger, "todostatus", member=todo.asha) == SAID("bot.todo.not_for_you")
    for who in (todo.owner, todo.staff):
        assert f"<@{todo.asha.id}>" in await todo.ask(who, "todostatus", member=todo.asha)
    assert "Nothing is known of" in await todo.ask(todo.owner, "todostatus", member=todo.stranger)
    assert "Nothing is known of" in await todo.ask(todo.stranger, "todostatus", member=todo.stranger)


OLD_TODOS = {
    "the document": {"name": "Asha", "date": "1/2/2026", "must_do": "Run", "can_do": "N/A", "dont_do": "N/A"},
    "slash options": {"feature_name": "Asha", "date": "01/02/2026", "must_do": "Run"},
    "with a file": {
        "feature_name": "Asha",
        "date": "01/02/2026",
        "must_do": "Run",
        "attachment": {"filename": "plan.png", "file_type": "image", "url": "https://cdn.example/plan.png"},
    },
    "nothing but a list": {"must_do": "Run"},
    "longer than a post": dict.fromkeys(("name", "date", "can_do", "dont_do"), "x" * 4000) | {"must_do": "Run" * 1300},
}


@pytest.mark.parametrize("shape", OLD_TODOS)
async def test_a_todo_of_the_older_bot_is_shown(todo: TodoGuild, shape: str) -> None:
    document = {"_id": str(todo.stranger.id), "last_submit": 1769900000.0, "last_ping": 0, "todo": OLD_TODOS[shape]}
    todo.past.document("todo_timestamps", document)
    answer = await todo.ask(todo.stranger, "listtodo")
    assert "Run" in answer
    assert "N/A" not in answer


async def test_the_one_field_of_the_oldest_bot_is_no_todo_and_no_error(todo: TodoGuild) -> None:
    todo.past.document("todo_timestamps", {"_id": str(todo.stranger.id), "last_submit": 1769900000.0})
    assert "Hand one in with `/todo`" in await todo.ask(todo.stranger, "listtodo")


async def test_a_todo_that_cannot_be_read_is_told_without_what_only_the_operator_can_use(todo: TodoGuild) -> None:
    todo.past.document("todo_timestamps", {"_id": str(todo.stranger.id), "todo": "odd"})
    assert await todo.ask(todo.stranger, "listtodo") == SAID("bot.todo.away")


async def test_deleting_a_todo_keeps_the_clock_and_the_history(todo: TodoGuild) -> None:
    assert "No TODO to delete" in await todo.ask(todo.asha, "deltodo")
    await todo.hand_in(todo.asha, **READ)
    before = todo.past.read(todo.asha.id)
    assert "it still counts as handed in" in await todo.ask(todo.asha, "deltodo")
    after = todo.past.read(todo.asha.id)
    assert (after.last_submit, after.todo) == (before.last_submit, None)
    assert [event.kind for event in todo.past.events(todo.asha.id)].count("deleted") == 1
    assert "handed in" in [event.result for event in todo.past.events(todo.asha.id)]
    assert "Hand one in with `/todo`" in await todo.ask(todo.asha, "listtodo")


async def test_deleting_what_is_not_there_leaves_no_document(todo: TodoGuild) -> None:
    assert "No TODO to delete" in await todo.ask(todo.stranger, "deltodo")
    assert todo.past.read(todo.stranger.id).timestamps_document is None
