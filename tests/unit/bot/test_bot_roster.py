from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from bot_stage import labels, shown
from english import SAID
from past import DAY, now
from simcord import SetupError
from todo_guild import TodoGuild

from giftping.demo import faults
from giftping.demo.log import Match

FOR_STAFF = {
    "todo_roster add": {"member": "asha"},
    "todo_roster remove": {"member": "asha"},
    "todo_roster list": {},
    "todo_pause": {"member": "asha"},
}


def options_of(todo: TodoGuild, command: str) -> dict[str, Any]:
    return {name: getattr(todo, who) for name, who in FOR_STAFF[command].items()}


def day(days: int) -> str:
    return f"{now() + timedelta(days=days):%Y-%m-%d}"


# Who may


@pytest.mark.parametrize("command", FOR_STAFF)
async def test_the_staff_and_the_owner_may_and_nobody_else(todo: TodoGuild, command: str) -> None:
    before = todo.past.read(todo.asha.id)
    with pytest.raises(SetupError, match="default-member-permissions"):
        await todo.asha.slash(todo.channel, command, **options_of(todo, command))
    moderator = todo.stage.add_member("mod", manage_roles=True)
    assert await todo.ask(moderator, command, **options_of(todo, command)) == SAID("bot.todo.not_for_you")
    assert todo.past.read(todo.asha.id) == before
    for who in (todo.staff, todo.owner):
        assert SAID("bot.todo.not_for_you") not in await todo.ask(who, command, **options_of(todo, command))


async def test_with_no_staff_role_and_no_owner_nobody_may(todo: TodoGuild) -> None:
    await todo.stage.restart(OWNER_ID=None)
    for who in (todo.owner, todo.staff):
        assert await todo.ask(who, "todo_roster list") == SAID("bot.todo.not_for_you")


# The roster


async def test_a_member_is_added_under_the_name_that_the_server_knows(todo: TodoGuild) -> None:
    answer = await todo.ask(todo.staff, "todo_roster add", member=todo.stranger)
    assert f"<@{todo.stranger.id}> takes part: the clock starts now." in answer
    member = todo.past.read(todo.stranger.id)
    assert (member.on_roster, member.name) == (True, "steve")
    assert member.membership is not None
    assert (member.membership.in_guild, member.membership.has_role) == (True, False)
    assert "On the roster already" in await todo.ask(todo.staff, "todo_roster add", member=todo.stranger)
    assert [event.kind for event in todo.past.events(todo.stranger.id)] == ["added"]


async def test_a_name_that_was_written_down_stays_when_the_member_is_added_again(todo: TodoGuild) -> None:
    await todo.ask(todo.owner, "todo_roster add", member=todo.asha)
    assert todo.past.read(todo.asha.id).name == "Asha"


async def test_a_bot_is_refused(todo: TodoGuild) -> None:
    robot = todo.stage.guild.add_member(todo.stage.env.create_user("robot", bot=True))
    assert "is a bot; bots hand in nothing" in await todo.ask(todo.owner, "todo_roster add", member=robot)
    assert not todo.past.read(robot.id).on_roster


async def test_a_member_who_has_left_is_added_with_a_warning(todo: TodoGuild) -> None:
    left = todo.stage.env.create_user("lena")
    answer = await todo.ask(todo.owner, "todo_roster add", member=left)
    assert f"<@{left.id}> is not in the guild; nobody reminds them until they are" in answer
    assert todo.past.read(left.id).on_roster


async def test_that_discord_does_not_say_who_somebody_is_is_told(todo: TodoGuild) -> None:
    left = todo.stage.env.create_user("lena")
    todo.stage.stand_in.fail(faults.status(403, 50001), match=Match(method="GET", user_id=left.id), times=None)
    assert "Discord does not say who" in await todo.ask(todo.owner, "todo_roster add", member=left)


async def test_a_member_is_taken_off_and_keeps_the_history(todo: TodoGuild) -> None:
    await todo.hand_in(todo.asha, must_do="Read two pages")
    assert "is not reminded any more" in await todo.ask(todo.owner, "todo_roster remove", member=todo.asha)
    member = todo.past.read(todo.asha.id)
    assert not member.on_roster
    assert member.todo is not None
    assert [event.kind for event in todo.past.events(todo.asha.id)][-1] == "removed"
    again = await todo.ask(todo.owner, "todo_roster remove", member=todo.asha)
    assert again == f"<@{todo.asha.id}> is not on the roster: `/todo_roster list`"


async def test_somebody_who_has_left_can_be_taken_off(todo: TodoGuild) -> None:
    left = todo.stage.env.create_user("lena")
    todo.past.member(left.id, "Lena")
    assert "Off the roster" in await todo.ask(todo.owner, "todo_roster remove", member=left)


async def test_the_list_says_who_has_handed_in_and_that_nobody_is_on_it(todo: TodoGuild) -> None:
    listed = await todo.ask(todo.owner, "todo_roster list")
    assert "0 of 1 handed in today" in listed
    assert f"<@{todo.asha.id}> not yet, last <t:" in listed
    await todo.hand_in(todo.asha, must_do="Read two pages")
    assert "1 of 1 handed in today" in await todo.ask(todo.owner, "todo_roster list")
    await todo.ask(todo.owner, "todo_roster remove", member=todo.asha)
    assert "Nobody is on the roster" in await todo.ask(todo.owner, "todo_roster list")


async def test_two_hundred_members_are_listed_page_by_page_and_nobody_is_left_out(todo: TodoGuild) -> None:
    ids = range(2_000_000_000_000_000_000, 2_000_000_000_000_000_199)
    for user_id in ids:
        todo.past.document("active_members", {"_id": str(user_id), "name": f"Member {user_id}"})
    shown_first = await todo.owner.slash(todo.channel, "todo_roster list")
    seen = shown(shown_first).description or ""
    message = shown_first.response
    assert message is not None
    pages = 1
    while "On" in labels(message.components):
        await todo.owner.click(message, label="On")
        message = shown_first.response
        assert message is not None
        seen += message.embeds[0].description or ""
        pages += 1
    assert pages == 5
    assert all(f"<@{user_id}>" in seen for user_id in (*ids, todo.asha.id))


async def test_an_odd_document_is_told_beside_the_list(todo: TodoGuild) -> None:
    todo.past.document("active_members", {"_id": "3000000000000000001", "added": "never"})
    listed = await todo.ask(todo.owner, "todo_roster list")
    assert f"<@{todo.asha.id}>" in listed
    assert "⚠️ But" in listed


# Pauses


async def test_a_pause_from_and_to_is_kept_by_the_members_own_days(todo: TodoGuild) -> None:
    answer = await todo.ask(
        todo.staff, "todo_pause", member=todo.asha, **{"from": day(2), "to": day(3), "reason": "*Exams*"}
    )
    assert r"\*Exams\*" in answer
    (pause,) = todo.past.read(todo.asha.id).pauses
    assert pause.end is not None
    assert pause.end - pause.start == 2 * DAY
    # Midnight in the zone of the settings, which is that of those who have none of their own.
    assert (pause.start.hour, pause.start.minute) == (0, 0)
    assert f"from <t:{int(pause.start.timestamp())}:f> until <t:{int(pause.end.timestamp())}:f>" in answer


async def test_a_pause_begins_now_and_goes_on_until_it_is_ended(todo: TodoGuild) -> None:
    assert "until it is ended" in await todo.ask(todo.owner, "todo_pause", member=todo.asha)
    ended = await todo.ask(todo.owner, "todo_pause", member=todo.asha, end=True)
    assert "Not paused any more" in ended
    (pause,) = todo.past.read(todo.asha.id).pauses
    assert pause.end is not None
    assert pause.end <= now()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"from": "soon"}, "“from”: 'soon' is not a day such as 2026-12-31 or 31/12/2026"),
        ({"to": "31/02/2026"}, "“to”: '31/02/2026' is not a day"),
        ({"to": "2020-01-01"}, "“to” 2020-01-01 is over before the pause begins"),
        ({"from": "1999-01-01"}, "“from”: 1999-01-01 is too far away"),
        ({"end": True, "reason": "because"}, "“end” ends a pause now"),
        ({"end": True}, "is not paused, now or later"),
    ],
    ids=str,
)
async def test_what_is_no_pause_is_refused_in_the_words_of_the_command(
    todo: TodoGuild, options: dict[str, Any], reason: str
) -> None:
    answer = await todo.ask(todo.owner, "todo_pause", member=todo.asha, **options)
    assert reason in answer
    assert "--" not in answer
    assert todo.past.read(todo.asha.id).pauses == ()


async def test_pauses_do_not_overlap(todo: TodoGuild) -> None:
    await todo.ask(todo.owner, "todo_pause", member=todo.asha)
    again = await todo.ask(todo.owner, "todo_pause", member=todo.asha, **{"from": day(5)})
    assert f"<@{todo.asha.id}> is paused already from <t:" in again
    assert "“end” ends that" in again
    assert len(todo.past.read(todo.asha.id).pauses) == 1


async def test_who_is_not_on_the_roster_cannot_be_paused(todo: TodoGuild) -> None:
    answer = await todo.ask(todo.owner, "todo_pause", member=todo.stranger)
    assert answer == f"<@{todo.stranger.id}> is not on the roster; add them: `/todo_roster add`"


async def test_pauses_that_are_over_are_not_shown(todo: TodoGuild) -> None:
    await todo.ask(todo.owner, "todo_pause", member=todo.asha)
    await todo.ask(todo.owner, "todo_pause", member=todo.asha, end=True)
    answer = await todo.ask(todo.owner, "todo_pause", member=todo.asha, **{"from": day(5), "to": day(5)})
    assert answer.count("•") == 1
