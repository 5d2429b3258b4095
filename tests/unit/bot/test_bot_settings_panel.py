"""The panel of /giftcodesettings: every control, what it changes, and what it says when it cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import pytest
from bot_stage import GUILD, OTHER_GUILD, TABLES, Stage, labels, said, text_of
from fakes.records import NOON, code, entry, subscription, subscriptions
from simcord.actors import MemberActor
from simcord.backend.errors import SetupError
from simcord.results import ResponseMessage

from giftping.demo.sources import StandInSources
from giftping.demo.world import ChannelType, Permission, Tag
from giftping.runs.lock import RunLock
from giftping.runs.state_folder import CHECK_LOCK
from giftping.store.base import (
    HERE,
    Broken,
    ChannelKind,
    Destination,
    EntryState,
    Guild,
    Posting,
    PostsIn,
    Style,
    Subscription,
)
from giftping.words.catalogue import words_of

WOS, KINGSHOT = "whiteout-survival", "kingshot"
STRING_SELECT, ROLE_SELECT, CHANNEL_SELECT = 3, 6, 8

SOURCE = """\
[sources.my-list]
kind = "text"
game = "whiteout-survival"
url = "{url}"
min_interval = "0s"
rows = {{ code = {{ pattern = '\\b[A-Z0-9]{{6,12}}\\b' }} }}
"""


@pytest.fixture
def alice(stage: Stage) -> MemberActor:
    """A member who may manage the server."""
    return stage.add_member("alice", manage_guild=True)


async def opened(stage: Stage, alice: MemberActor) -> ResponseMessage:
    """The panel, opened by a member."""
    result = await alice.slash(stage.channel, "giftcodesettings")
    assert result.response is not None
    assert result.response.ephemeral
    return result.response


def panel_says(panel: ResponseMessage) -> str:
    (embed,) = panel.embeds
    return text_of(embed)


def menu(panel: ResponseMessage, kind: int) -> dict[str, Any]:
    menus = [one for row in panel.components for one in row["components"] if one["type"] == kind]
    assert len(menus) == 1
    return menus[0]


def offered(panel: ResponseMessage) -> list[str]:
    return [option["value"] for option in menu(panel, STRING_SELECT)["options"]]


async def choose(member: MemberActor, panel: ResponseMessage, kind: int, *values: Any) -> list[str]:
    """Choose values in a menu, and return what the bot said besides changing the panel."""
    result = await member.select(panel, list(values), custom_id=menu(panel, kind)["custom_id"])
    return [text_of(message.embeds[0]) for message in result.followups]


async def click(member: MemberActor, panel: ResponseMessage, label: str) -> list[str]:
    """Click a button, and return what the bot said besides changing the panel."""
    result = await member.click(panel, label=label)
    return [text_of(message.embeds[0]) for message in result.followups]


def known(stage: Stage, guild_id: int = GUILD) -> list[Subscription]:
    with stage.store() as store:
        return store.subscriptions(guild_id)


def set_up(stage: Stage, *games: str, **changes: Any) -> None:
    """Let codes go to the stage's channel."""
    settings = {"destination": Destination(channel_id=stage.channel.id)} | changes
    with stage.store() as store:
        store.put_subscriptions(*subscriptions(GUILD, *(games or (WOS,)), **settings))


# Where


async def test_a_server_without_codes_is_asked_for_a_channel(stage: Stage, alice: MemberActor) -> None:
    panel = await opened(stage, alice)
    assert "No gift codes go to this server yet. Choose a channel" in panel_says(panel)
    assert labels(panel.components) == ["This channel", "Statistics"]


async def test_this_channel_lets_codes_go_there(stage: Stage, alice: MemberActor) -> None:
    panel = await opened(stage, alice)
    assert await click(alice, panel, "This channel") == []
    assert f"Where: <#{stage.channel.id}>" in panel_says(panel)
    (one,) = known(stage)
    assert one.destination == Destination(channel_id=stage.channel.id)
    assert one.game == WOS


async def test_another_channel_can_be_chosen(stage: Stage, alice: MemberActor) -> None:
    set_up(stage, mentions=("5",))
    codes = stage.add_channel("codes")
    panel = await opened(stage, alice)
    assert await choose(alice, panel, CHANNEL_SELECT, codes) == []
    assert f"Where: <#{codes.id}>" in panel_says(panel)
    (one,) = known(stage)
    assert one.destination.channel_id == codes.id
    assert one.mentions == ("5",)


async def test_permissions_that_the_bot_lacks_in_the_chosen_channel_are_named_in_the_guilds_language(
    stage: Stage, alice: MemberActor
) -> None:
    with stage.store() as store:
        store.change_guild(GUILD, lambda _: Guild(GUILD, language="de"), discord.utils.utcnow())
    denied = discord.PermissionOverwrite(send_messages=False, embed_links=False)
    role = stage.guild.roles["TestBot"]
    closed = stage.guild.create_text_channel("closed", overwrites={role: denied})
    stage.stand_in.add_channel(closed.id, GUILD)
    panel = await opened(stage, alice)
    words = words_of("de")
    needs = words("bot.panel.bot_needs", permissions="Nachrichten senden, Links einbetten")
    assert await choose(alice, panel, CHANNEL_SELECT, closed) == [
        f"{words('bot.panel.cannot_go')}\n<#{closed.id}>: {needs}"
    ]
    assert f"<#{closed.id}>" in panel_says(panel), "it is set all the same: the permission may come"


async def test_a_channel_that_discord_shows_the_bot_not_is_told_by_asking_discord(
    stage: Stage, alice: MemberActor
) -> None:
    hidden = stage.add_channel("hidden", permissions=Permission.NONE)
    panel = await opened(stage, alice)
    (told,) = await choose(alice, panel, CHANNEL_SELECT, hidden)
    assert told == (
        f"Codes cannot go there yet\n<#{hidden.id}>: The bot cannot see it (HTTP 403 Missing Access (50001));"
        " invite the bot to the guild, and allow it View Channel there, then choose the channel again."
    )


async def test_a_channel_that_is_gone_is_told(stage: Stage, alice: MemberActor) -> None:
    panel = await opened(stage, alice)
    stage.stand_in.remove_channel(stage.channel.id)
    (told,) = await click(alice, panel, "This channel")
    assert "HTTP 404 Unknown Channel (10003)" in told


async def test_a_channel_where_no_messages_go_is_told(stage: Stage, alice: MemberActor) -> None:
    odd = stage.guild.create_text_channel("odd")
    stage.stand_in.add_channel(odd.id, GUILD, type=ChannelType.CATEGORY)
    panel = await opened(stage, alice)
    (told,) = await choose(alice, panel, CHANNEL_SELECT, odd)
    assert told == (
        f"Codes cannot go there yet\n<#{odd.id}>: Is a category, where nobody looks for announcements;"
        " give it a text channel."
    )


async def test_a_role_whose_mention_notifies_nobody_is_told_once_it_is_chosen(stage: Stage, alice: MemberActor) -> None:
    set_up(stage, destination=Destination(channel_id=stage.channel.id))
    role = stage.guild.create_role("closed")
    stage.stand_in.add_role(GUILD, role.id, is_mentionable=False)
    panel = await opened(stage, alice)
    (told,) = await choose(alice, panel, ROLE_SELECT, role)
    assert f"<#{stage.channel.id}>: the mention of role {role.id} notifies nobody" in told
    assert "giftping" not in told


async def test_a_broken_channel_is_shown_with_when_and_why(stage: Stage, alice: MemberActor) -> None:
    set_up(stage, broken=Broken(NOON, "HTTP 403 Missing Access (50001)", 1, None))
    text = panel_says(await opened(stage, alice))
    assert f"<t:{int(NOON.timestamp())}:R>: HTTP 403 Missing Access (50001)" in text


async def test_a_webhook_is_shown_without_its_secret(stage: Stage, alice: MemberActor) -> None:
    set_up(stage, destination=Destination(webhook="https://discord.com/api/webhooks/123/hook-secret"))
    text = panel_says(await opened(stage, alice))
    assert "Where: Webhook 123" in text
    assert "hook-secret" not in text


# Off


async def test_off_asks_nothing_and_says_how_to_turn_it_on_again(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    panel = await opened(stage, alice)
    assert await click(alice, panel, "Off") == []
    assert "To turn it on again, choose a channel" in panel_says(panel)
    assert known(stage) == []


async def test_turned_on_again_each_game_is_announced_as_it_was(stage: Stage, alice: MemberActor) -> None:
    forum = stage.guild.create_forum_channel("codes")
    stage.stand_in.add_channel(forum.id, GUILD, type=ChannelType.FORUM, tags=[Tag(71, "codes")])
    posting = Posting(kind=ChannelKind.FORUM, posts=PostsIn.KEPT, tags=("71",))
    with stage.store() as store:
        channel = Destination(channel_id=forum.id)
        one = subscription(GUILD, KINGSHOT, destination=channel, mentions=("5", HERE), style=Style.COMPACT)
        store.put_subscriptions(replace(one, posting=posting), subscription(GUILD, WOS, destination=channel, place=1))
        posts = replace(posting, posts=PostsIn.PER_ANNOUNCEMENT, tags=())
        store.put_subscriptions(replace(store.subscriptions(GUILD)[1], posting=posts))
        store.change_guild(GUILD, lambda guild: replace(guild, language="de"), NOON)
    before = known(stage)
    panel = await opened(stage, alice)
    assert await click(alice, panel, "Aus") == []
    assert known(stage) == []
    assert await choose(alice, panel, CHANNEL_SELECT, forum) == []

    def how(one: Subscription) -> tuple[object, ...]:
        return one.game, one.mentions, one.style, one.posting, one.destination

    assert list(map(how, known(stage))) == list(map(how, before))
    with stage.store() as store:
        assert store.guild(GUILD).language == "de"


async def test_games_in_several_places_stay_where_they_are(stage: Stage, alice: MemberActor) -> None:
    with stage.store() as store:
        there = [subscription(GUILD, WOS, destination=Destination(channel_id=stage.channel.id), mentions=("5",))]
        there.append(subscription(GUILD, KINGSHOT, destination=Destination(webhook="env:HOOK"), style=Style.COMPACT))
        store.put_subscriptions(*there)
    before = known(stage)
    panel = await opened(stage, alice)
    (text,) = await click(alice, panel, "This channel")
    assert "go to several places" in text
    (text,) = await choose(alice, panel, ROLE_SELECT, stage.add_role("Gifts"))
    assert "mention different roles" in text
    (text,) = await choose(alice, panel, STRING_SELECT, WOS, KINGSHOT, "genshin")
    assert "giftping" not in text
    assert "--" not in text
    assert known(stage) == before


async def test_off_forgets_nothing_that_was_announced(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    with stage.store() as store:
        store.insert([entry(GUILD, state=EntryState.SENT)])
    await click(alice, await opened(stage, alice), "Off")
    with stage.store() as store:
        assert [found.guild_id for found in store.entries(GUILD)] == [GUILD]


async def test_off_twice_names_no_other_server(stage: Stage, alice: MemberActor) -> None:
    """The command line would name the server with the most similar id."""
    set_up(stage)
    with stage.store() as store:
        store.put_subscriptions(subscription(OTHER_GUILD))
    panel = await opened(stage, alice)
    results = await stage.click_at_once(alice, panel, "Off", "Off")
    told = {text_of(message.embeds[0]) for result in results for message in result.followups}
    assert told <= {"No gift codes go to this server. Choose a channel with `/giftcodesettings` first."}
    assert known(stage) == []
    assert "To turn it on again" in panel_says(panel)


async def test_a_control_of_a_panel_that_is_behind_says_that_it_is_off(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    panel = await opened(stage, alice)
    with stage.store() as store:
        store.remove_subscriptions(GUILD)
    (told,) = await choose(alice, panel, STRING_SELECT, KINGSHOT)
    assert told.startswith("No gift codes go to this server.")
    assert "No gift codes go to this server yet." in panel_says(panel)
    assert known(stage) == []


# Games


async def test_games_are_chosen(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    panel = await opened(stage, alice)
    assert [option["value"] for option in menu(panel, STRING_SELECT)["options"] if option.get("default")] == [WOS]
    assert await choose(alice, panel, STRING_SELECT, KINGSHOT, WOS) == []
    assert {one.game for one in known(stage)} == {KINGSHOT, WOS}
    assert "Games: Whiteout Survival, Kingshot" in panel_says(panel)


async def test_no_game_is_refused_and_nothing_changes(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    assert await choose(alice, await opened(stage, alice), STRING_SELECT) == [
        "A server follows one game at least; Off stops all announcements."
    ]
    (one,) = known(stage)
    assert one.game == WOS


MANY = "\n".join(f'[games.game-{number:02}]\ntitle = "Game {number:02}"' for number in range(30))


async def test_more_than_25_games_are_on_pages_and_a_choice_keeps_those_of_the_others(
    stage: Stage, alice: MemberActor
) -> None:
    await stage.restart(f"{TABLES}\n{MANY}")
    set_up(stage)
    panel = await opened(stage, alice)
    first = offered(panel)
    assert len(first) == 25
    await choose(alice, panel, STRING_SELECT, first[3])
    await click(alice, panel, "More games")
    second = offered(panel)
    assert not set(first) & set(second)
    assert menu(panel, STRING_SELECT)["placeholder"] == "Which games (page 2 of 2)"
    await choose(alice, panel, STRING_SELECT, second[0], second[1])
    assert {one.game for one in known(stage)} - {WOS} == {first[3], second[0], second[1]}
    await click(alice, panel, "More games")
    assert offered(panel) == first


async def test_a_followed_game_that_the_settings_know_no_more_is_shown_and_does_not_block(
    stage: Stage, alice: MemberActor
) -> None:
    set_up(stage, WOS, "gone-game")
    panel = await opened(stage, alice)
    assert "gone-game (not known any more)" in panel_says(panel)
    assert await choose(alice, panel, STRING_SELECT, KINGSHOT) == []
    (one,) = known(stage)
    assert one.game == KINGSHOT


# Mention


async def test_roles_are_mentioned_and_nobody_again(stage: Stage, alice: MemberActor) -> None:
    set_up(stage, mentions=(HERE,))
    roles = [stage.add_role("Gifts"), stage.add_role("Codes")]
    panel = await opened(stage, alice)
    (text,) = await choose(alice, panel, ROLE_SELECT, *roles)
    assert "the mention @here notifies nobody" in text
    assert "".join(f" <@&{role.id}>" for role in roles) in panel_says(panel)
    chosen = [str(role.id) for role in roles]
    assert [str(one["id"]) for one in menu(panel, ROLE_SELECT)["default_values"]] == chosen
    (one,) = known(stage)
    assert one.mentions == (HERE, *chosen)
    await choose(alice, panel, ROLE_SELECT)
    assert "Mentions: nobody" in panel_says(panel)
    (one,) = known(stage)
    assert one.mentions == ()


# Current codes


async def test_current_codes_can_be_announced_or_not(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    panel = await opened(stage, alice)
    await click(alice, panel, "Announce current")
    (one,) = known(stage)
    assert one.announce_current
    assert "announced with the next check" in panel_says(panel)
    await click(alice, panel, "Only new ones")
    (one,) = known(stage)
    assert not one.announce_current
    assert "recorded with the next check, not announced" in panel_says(panel)


# Check now


async def test_check_now_announces_in_this_server_alone(stage: Stage, alice: MemberActor) -> None:
    with StandInSources() as sources:
        sources.set("/list", "FROST2026\n", "text/plain")
        await stage.restart(f"{TABLES}\n{SOURCE.format(url=sources.url('/list'))}")
        set_up(stage, announce_current=True)
        other = stage.add_channel("other", guild=stage.add_guild(OTHER_GUILD))
        with stage.store() as store:
            destination = Destination(channel_id=other.id)
            store.put_subscriptions(subscription(OTHER_GUILD, destination=destination, announce_current=True))
        panel = await opened(stage, alice)
        result = await alice.click(panel, label="Check now")
        assert said(result) == "Checked\nAnnounced: `FROST2026`."
        assert [arrival.channel_id for arrival in stage.stand_in.arrived()] == [stage.channel.id]
        assert said(await alice.click(panel, label="Check now")) == "Checked\nNothing new."


async def test_codes_of_the_first_look_are_said_to_be_recorded(stage: Stage, alice: MemberActor) -> None:
    with StandInSources() as sources:
        sources.set("/list", "FROST2026\nSNOW2026\n", "text/plain")
        await stage.restart(f"{TABLES}\n{SOURCE.format(url=sources.url('/list'))}")
        set_up(stage)
        result = await alice.click(await opened(stage, alice), label="Check now")
        assert said(result) == "Checked\n2 codes there at the first look: recorded, not announced."
        assert stage.stand_in.arrived() == []


async def test_a_check_while_another_is_at_it_says_so_and_checks_nothing(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    panel = await opened(stage, alice)
    with RunLock(stage.machine.state / CHECK_LOCK):
        assert said(await alice.click(panel, label="Check now")) == (
            "A check is at it just now, by the timer or by somebody else; what is new comes by itself."
        )
    with stage.store() as store:
        assert store.runs() == []


async def test_an_announcement_that_discord_refuses_is_not_reported_as_announced(
    stage: Stage, alice: MemberActor
) -> None:
    closed = stage.add_channel("closed", permissions=Permission.NONE)
    set_up(stage, destination=Destination(channel_id=closed.id), announce_current=True)
    with stage.store() as store:
        store.remember([code("FROST2026")])
    with StandInSources() as sources:
        sources.set("/list", "FROST2026\n", "text/plain")
        await stage.restart(f"{TABLES}\n{SOURCE.format(url=sources.url('/list'))}")
        text = said(await alice.click(await opened(stage, alice), label="Check now"))
    assert text.startswith("Checked, but not all went out\n")
    assert "Announced" not in text
    assert "HTTP 403 Missing Access (50001)" in text
    assert "giftping" not in text, "a member in Discord has no command line"


# Statistics, permissions, the store


async def test_statistics_are_a_click_away(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    with stage.store() as store:
        store.insert([entry(GUILD, state=EntryState.SENT, sent_at=NOON)])
    assert "Codes: 1" in said(await alice.click(await opened(stage, alice), label="Statistics"))


async def test_who_may_manage_the_server_no_more_changes_nothing(stage: Stage) -> None:
    role = stage.add_role("managers", manage_guild=True)
    carol = stage.add_member("carol", role)
    set_up(stage)
    panel = await opened(stage, carol)
    stage.env.backend.get_guild(GUILD).members[carol.id].role_ids.remove(role.id)
    assert said(await carol.click(panel, label="Off")) == "This needs the permission Manage Server."
    assert known(stage) != []


async def test_the_panel_is_for_who_opened_it(stage: Stage, alice: MemberActor) -> None:
    panel = await opened(stage, alice)
    with pytest.raises(SetupError, match="not visible"):
        await stage.add_member("ben").click(panel, label="This channel")


async def test_a_change_that_could_not_be_saved_is_not_shown_as_done(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    panel = await opened(stage, alice)
    (stage.machine.state / "giftping.json").write_text("{", "utf-8")
    (told,) = await click(alice, panel, "Off")
    assert told.startswith("The gift codes cannot be read or saved just now.")
    assert f"Where: <#{stage.channel.id}>" in panel_says(panel)


async def test_a_panel_from_before_a_restart_is_answered(stage: Stage, alice: MemberActor) -> None:
    panel = await opened(stage, alice)
    await stage.env.advance_time(3600)
    await stage.restart()
    assert await click(alice, panel, "This channel") == []
    assert f"Where: <#{stage.channel.id}>" in panel_says(panel)
    assert await click(alice, panel, "Off") == []
    assert known(stage) == []


async def test_clicks_that_come_before_the_first_is_answered_are_answered_too(stage: Stage, alice: MemberActor) -> None:
    set_up(stage)
    panel = await opened(stage, alice)
    results = await stage.click_at_once(alice, panel, "Off", "This channel", "Off")
    assert [result.acknowledged for result in results] == [True, True, True]
    assert known(stage) == []
    assert "turned off" in panel_says(panel) or "Off" not in labels(panel.components)


async def test_in_a_forum_that_is_chosen_each_announcement_is_a_post(stage: Stage, alice: MemberActor) -> None:
    forum = stage.guild.create_forum_channel("codes")
    stage.stand_in.add_channel(forum.id, GUILD, type=ChannelType.FORUM)
    panel = await opened(stage, alice)
    assert await choose(alice, panel, CHANNEL_SELECT, forum) == []
    with stage.store() as store:
        (one,) = store.subscriptions(GUILD)
    assert (one.posting.kind, one.posting.posts) == (ChannelKind.FORUM, PostsIn.PER_ANNOUNCEMENT)


async def test_what_a_channel_cannot_do_is_said_without_commands_of_the_command_line(
    stage: Stage, alice: MemberActor
) -> None:
    forum = stage.guild.create_forum_channel("codes")
    stage.stand_in.add_channel(forum.id, GUILD, type=ChannelType.FORUM, tags=[Tag(71, "codes")], wants_tag=True)
    panel = await opened(stage, alice)
    (text,) = await choose(alice, panel, CHANNEL_SELECT, forum)
    assert "Asks for a tag with each post; whoever runs the bot changes it" in text
    assert "giftping" not in text
