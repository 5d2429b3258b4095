"""Forums and their posts, threads that are archived or locked, and what is published, as the stand-in has them."""

from datetime import timedelta

import httpx
import pytest
from fakes.openapi import ABSENT, discord_openapi
from stand_in_stage import CHANNEL, GUILD, WEBHOOK

from giftping.demo.clock import ShiftedClock
from giftping.demo.discord import Arrival, StandInDiscord
from giftping.demo.world import ChannelType, Permission, Tag

FORUM, NEWS, THREAD = 24, 25, 26
HELLO = {"content": "hello"}
EMBED = {"title": "New codes", "fields": [{"name": "Code", "value": "```\nGIFT2026\n```"}]}
POST = {"name": "Codes", "message": {"embeds": [EMBED]}}


def error_of(response: httpx.Response) -> tuple[int, int]:
    return response.status_code, response.json()["code"]


@pytest.fixture
def forum_hook(discord: StandInDiscord) -> str:
    discord.add_channel(FORUM, GUILD, type=ChannelType.FORUM, tags=[Tag(1, "codes"), Tag(2, "news")])
    discord.add_webhook(34, "t", FORUM)
    return discord.webhook_url(34)


def test_a_forum_takes_a_post_whose_first_message_has_its_id(discord, api, forum_hook):
    by_bot = api.post(f"/channels/{FORUM}/threads", json={**POST, "applied_tags": ["1"]})
    by_hook = api.post(forum_hook, params={"wait": "true"}, json={"embeds": [EMBED], "thread_name": "More"})
    assert (by_bot.status_code, by_hook.status_code) == (201, 200)
    first, second = discord.posts(FORUM)
    assert [(post.name, post.applied_tags) for post in (first, second)] == [("Codes", (1,)), ("More", ())]
    assert by_bot.json()["id"] == str(first.id) == str(discord.messages(first.id)[0].id)
    assert by_hook.json()["id"] == by_hook.json()["channel_id"] == str(second.id)
    assert discord.arrived() == [Arrival(first.id, ("GIFT2026",)), Arrival(second.id, ("GIFT2026",))]


def test_a_forum_takes_no_message_that_is_in_no_post(discord, api, forum_hook):
    assert error_of(api.post(forum_hook, json=HELLO)) == (400, 220001)
    assert error_of(api.post(f"/channels/{FORUM}/messages", json=HELLO)) == (400, 50008)
    assert error_of(api.get(f"/channels/{FORUM}/messages")) == (400, 50024)
    assert error_of(api.post(discord.webhook_url(WEBHOOK), json={**HELLO, "thread_name": "x"})) == (400, 220003)
    both = api.post(forum_hook, params={"thread_id": 1}, json={**HELLO, "thread_name": "x"})
    assert error_of(both)[0] in (400, 404)
    assert discord.posts(FORUM) == []


def test_a_forum_may_want_a_tag_of_each_post(discord, api):
    discord.add_channel(FORUM, GUILD, type=ChannelType.FORUM, tags=[Tag(1, "codes")], wants_tag=True)
    assert error_of(api.post(f"/channels/{FORUM}/threads", json=POST)) == (400, 40067)
    assert api.post(f"/channels/{FORUM}/threads", json={**POST, "applied_tags": ["1"]}).status_code == 201
    assert api.post(f"/channels/{FORUM}/threads", json={**POST, "applied_tags": ["9"]}).status_code == 400


def test_posts_are_listed_as_active_or_as_archived(discord, api, forum_hook):
    ids = [api.post(f"/channels/{FORUM}/threads", json=POST).json()["id"] for _ in range(3)]
    discord.archive(int(ids[0]))
    discord.archive(int(ids[1]))
    active = api.get(f"/guilds/{GUILD}/threads/active").json()["threads"]
    archived = api.get(f"/channels/{FORUM}/threads/archived/public", params={"limit": 2}).json()
    assert [one["id"] for one in active] == [ids[2]]
    assert {one["id"] for one in archived["threads"]} == {ids[0], ids[1]}
    before = archived["threads"][-1]["thread_metadata"]["archive_timestamp"]
    earlier = api.get(f"/channels/{FORUM}/threads/archived/public", params={"limit": 2, "before": before}).json()
    assert (earlier["threads"], earlier["has_more"]) == ([], False)


def test_archived_posts_are_shown_to_nobody_who_may_not_read_back(discord, api, forum_hook):
    discord.set_permissions(FORUM, Permission.POSTING & ~Permission.READ_MESSAGE_HISTORY)
    assert error_of(api.get(f"/channels/{FORUM}/threads/archived/public")) == (403, 50013)


def test_an_archived_thread_is_opened_by_a_message_and_takes_no_edit_before(discord, api):
    discord.add_channel(THREAD, GUILD, type=ChannelType.THREAD, parent_id=CHANNEL)
    one = api.post(f"/channels/{THREAD}/messages", json=HELLO).json()["id"]
    discord.archive(THREAD)
    assert error_of(api.patch(f"/channels/{THREAD}/messages/{one}", json=HELLO)) == (400, 50083)
    assert api.patch(f"/channels/{THREAD}", json={"archived": False}).status_code == 200
    assert api.patch(f"/channels/{THREAD}/messages/{one}", json=HELLO).status_code == 200
    discord.archive(THREAD)
    assert api.post(f"/channels/{THREAD}/messages", json=HELLO).status_code == 200
    assert api.get(f"/channels/{THREAD}").json()["thread_metadata"]["archived"] is False


def test_a_locked_thread_is_for_those_who_manage_threads(discord, api):
    discord.add_channel(THREAD, GUILD, type=ChannelType.THREAD, parent_id=CHANNEL)
    discord.lock(THREAD)
    assert error_of(api.post(f"/channels/{THREAD}/messages", json=HELLO)) == (400, 160005)
    by_hook = api.post(discord.webhook_url(WEBHOOK), params={"thread_id": THREAD}, json=HELLO)
    assert error_of(by_hook) == (400, 160005)
    discord.set_permissions(THREAD, Permission.POSTING | Permission.MANAGE_THREADS)
    assert api.post(f"/channels/{THREAD}/messages", json=HELLO).status_code == 200


def test_a_message_is_published_once_in_an_announcement_channel_alone(discord, api):
    discord.add_channel(NEWS, GUILD, type=ChannelType.ANNOUNCEMENT)
    one = api.post(f"/channels/{NEWS}/messages", json=HELLO).json()["id"]
    published = api.post(f"/channels/{NEWS}/messages/{one}/crosspost")
    assert (published.status_code, published.json()["flags"]) == (200, 1)
    assert error_of(api.post(f"/channels/{NEWS}/messages/{one}/crosspost")) == (400, 40033)
    assert error_of(api.post(f"/channels/{NEWS}/messages/7/crosspost")) == (404, 10008)
    other = api.post(f"/channels/{CHANNEL}/messages", json=HELLO).json()["id"]
    assert error_of(api.post(f"/channels/{CHANNEL}/messages/{other}/crosspost")) == (400, 50024)
    assert discord.messages(NEWS)[0].is_published


def test_another_ones_message_is_published_by_who_manages_messages(discord, api):
    discord.add_channel(NEWS, GUILD, type=ChannelType.ANNOUNCEMENT)
    discord.add_webhook(34, "t", NEWS)
    one = api.post(discord.webhook_url(34), params={"wait": "true"}, json=HELLO).json()["id"]
    assert error_of(api.post(f"/channels/{NEWS}/messages/{one}/crosspost")) == (403, 50013)
    discord.set_permissions(NEWS, Permission.POSTING | Permission.MANAGE_MESSAGES)
    assert api.post(f"/channels/{NEWS}/messages/{one}/crosspost").status_code == 200


def test_ten_messages_an_hour_are_published():
    with (
        StandInDiscord(clock=ShiftedClock()) as discord,
        httpx.Client(
            base_url=discord.api,
            headers={"Authorization": f"Bot {discord.bot_token}", "User-Agent": "DiscordBot (https://example.org, 1)"},
        ) as api,
    ):
        discord.add_guild(GUILD)
        discord.add_channel(NEWS, GUILD, type=ChannelType.ANNOUNCEMENT)
        ids = [discord.add_message(NEWS, "news", author_id=discord.bot_id) for _ in range(11)]
        answers = [api.post(f"/channels/{NEWS}/messages/{one}/crosspost") for one in ids]
        assert [one.status_code for one in answers] == [200] * 10 + [429]
        assert float(answers[-1].json()["retry_after"]) > 60
        discord.clock.forward(timedelta(hours=1))
        assert api.post(f"/channels/{NEWS}/messages/{ids[-1]}/crosspost").status_code == 200


def test_a_webhook_posts_under_another_name(discord, api):
    hook = discord.webhook_url(WEBHOOK)
    named = {**HELLO, "username": "Codes", "avatar_url": "https://example.org/a.png"}
    assert api.post(hook, json=named).status_code == 204
    assert [message.author.name for message in discord.messages(CHANNEL)] == ["Codes"]
    for wrong in ("x" * 81, "My Discord", "clyde"):
        assert error_of(api.post(hook, json={**HELLO, "username": wrong})) == (400, 50035)
    assert error_of(api.post(hook, json={**HELLO, "avatar_url": "ftp://x"})) == (400, 50035)


@pytest.mark.skipif(discord_openapi() is None, reason=ABSENT)
def test_what_is_answered_of_posts_is_as_discord_describes_it(discord, api, forum_hook):
    openapi = discord_openapi()
    created = api.post(f"/channels/{FORUM}/threads", json=POST)
    active, archived = f"/guilds/{GUILD}/threads/active", f"/channels/{FORUM}/threads/archived/public"
    found = openapi.response_violations("POST", "/channels/{channel_id}/threads", 201, created.json())
    found += openapi.response_violations("GET", "/guilds/{guild_id}/threads/active", 200, api.get(active).json())
    discord.archive(int(created.json()["id"]))
    template = "/channels/{channel_id}/threads/archived/public"
    found += openapi.response_violations("GET", template, 200, api.get(archived).json())
    found += openapi.response_violations("GET", "/channels/{channel_id}", 200, api.get(f"/channels/{FORUM}").json())
    assert found == []
