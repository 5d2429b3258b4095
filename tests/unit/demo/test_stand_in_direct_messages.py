from datetime import UTC, datetime

import pytest
from fakes.openapi import ABSENT, discord_openapi
from stand_in_stage import CHANNEL, GUILD, WEBHOOK, client_of, furnish

from giftping.demo import faults
from giftping.demo.discord import Arrival, Match, StandInDiscord
from giftping.demo.ratelimits import Limits, RateLimit

MEMBER, OTHER, BOT_MEMBER, STRANGER = 51, 52, 53, 59
ROLE = 41
OPEN = "/users/@me/channels"
IN_CHANNEL = f"/channels/{CHANNEL}/messages"


@pytest.fixture
def discord(discord):
    discord.add_role(GUILD, ROLE)
    discord.add_member(GUILD, MEMBER, roles=[ROLE])
    discord.add_member(GUILD, OTHER)
    discord.add_member(GUILD, BOT_MEMBER, roles=[ROLE], is_bot=True)
    return discord


def error_of(response):
    return response.status_code, response.json()["code"]


def open_dm(api, user_id=MEMBER):
    return api.post(OPEN, json={"recipient_id": str(user_id)})


def messages_of(api, user_id=MEMBER):
    return f"/channels/{open_dm(api, user_id).json()['id']}/messages"


def told(discord):
    return [(one.user_id, one.kind, one.message.content) for one in discord.all_notifications()]


def test_a_channel_for_direct_messages_is_opened_once(discord, api):
    assert discord.dm_channel_of(MEMBER) is None
    first, second = open_dm(api).json(), open_dm(api).json()
    assert (first["type"], [user["id"] for user in first["recipients"]]) == (1, [str(MEMBER)])
    assert first == second == api.get(f"/channels/{first['id']}").json()
    assert discord.dm_channel_of(MEMBER) == int(first["id"])
    assert open_dm(api, OTHER).json()["id"] != first["id"]


def test_nobody_has_heard_of_a_stranger(discord, api):
    assert error_of(open_dm(api, STRANGER)) == (400, 50033)
    assert error_of(open_dm(api, discord.bot_id)) == (400, 50033)
    assert error_of(api.post(OPEN, json={"recipient_id": "Ada"})) == (400, 50035)
    discord.add_message(CHANNEL, "hello", author_id=STRANGER)
    assert open_dm(api, STRANGER).status_code == 200


def test_a_direct_message_arrives_and_notifies(discord, api):
    sent = api.post(messages_of(api), json={"content": "```GIFT```"})
    assert sent.status_code == 200
    channel_id = discord.dm_channel_of(MEMBER)
    assert [message.content for message in discord.messages(channel_id)] == ["```GIFT```"]
    assert discord.arrived() == [Arrival(channel_id, ("GIFT",))]
    [notification] = discord.notifications(MEMBER)
    assert (notification.kind, notification.message.id) == ("dm", int(sent.json()["id"]))
    assert discord.notifications(OTHER) == []


def test_who_has_closed_them_gets_no_direct_messages(discord, api):
    path = messages_of(api)
    discord.close_dms(MEMBER)
    assert open_dm(api).status_code == 200
    assert error_of(api.post(path, json={"content": "x"})) == (403, 50007)
    assert api.get(path).json() == discord.all_notifications() == []
    discord.open_dms(MEMBER)
    assert api.post(path, json={"content": "x"}).status_code == 200


def test_who_shares_no_guild_any_more_gets_no_direct_messages(discord, api):
    path = messages_of(api)
    api.post(path, json={"content": "before"})
    discord.close_dms(MEMBER)
    discord.remove_member(GUILD, MEMBER)
    assert f"/channels/{open_dm(api).json()['id']}/messages" == path
    assert error_of(api.post(path, json={"content": "after"})) == (403, 50278)
    assert [message["content"] for message in api.get(path).json()] == ["before"]


def test_a_guild_that_the_bot_has_left_is_shared_no_more(discord, api):
    path = messages_of(api)
    discord.remove_guild(GUILD)
    assert error_of(api.post(path, json={"content": "x"})) == (403, 50278)
    discord.add_guild(12)
    discord.add_member(12, MEMBER)
    assert api.post(path, json={"content": "x"}).status_code == 200


def test_bots_do_not_write_to_each_other(discord, api):
    assert error_of(api.post(messages_of(api, BOT_MEMBER), json={"content": "x"})) == (403, 50007)


def test_in_a_direct_channel_the_bot_sees_everything(discord, api):
    path = messages_of(api)
    api.post(path, json={"content": "mine"})
    other = discord.add_message(discord.dm_channel_of(MEMBER), "theirs", author_id=MEMBER)
    assert [message["content"] for message in api.get(path).json()] == ["theirs", "mine"]
    assert api.get(f"{path}/{other}").json()["content"] == "theirs"


def test_opening_many_new_channels_is_too_fast_and_opening_known_ones_is_not(discord, api):
    discord.new_dms = 1
    assert open_dm(api, MEMBER).status_code == 200
    assert error_of(open_dm(api, OTHER)) == (403, 40003)
    assert open_dm(api, MEMBER).status_code == 200
    assert discord.dm_channel_of(OTHER) is None
    discord.reset_new_dms()
    assert open_dm(api, OTHER).status_code == 200


def test_a_mention_in_the_content_notifies_the_members_that_are_allowed(discord, api):
    text = f"<@{MEMBER}> <@!{OTHER}> <@{STRANGER}>"
    api.post(IN_CHANNEL, json={"content": text, "allowed_mentions": {"users": [str(MEMBER), str(STRANGER)]}})
    api.post(IN_CHANNEL, json={"content": text, "allowed_mentions": {"parse": []}})
    api.post(IN_CHANNEL, json={"embeds": [{"description": text}]})
    assert told(discord) == [(MEMBER, "channel", text)]
    discord.remove_member(GUILD, MEMBER)
    api.post(IN_CHANNEL, json={"content": text})
    assert told(discord)[1:] == [(OTHER, "channel", text)]


def test_a_bot_that_is_mentioned_by_its_id_is_told_of_too(discord, api):
    api.post(IN_CHANNEL, json={"content": f"<@{BOT_MEMBER}>"})
    assert [one.user_id for one in discord.all_notifications()] == [BOT_MEMBER]


def test_roles_and_everyone_notify_the_people_behind_them(discord, api):
    api.post(IN_CHANNEL, json={"content": f"<@&{ROLE}> <@{MEMBER}>"})
    assert [one.user_id for one in discord.all_notifications()] == [MEMBER]
    discord.add_message(CHANNEL, "@everyone", author_id=MEMBER)
    assert [one.user_id for one in discord.all_notifications()[1:]] == [OTHER]


def test_a_webhook_notifies_as_the_bot_does(discord, api):
    api.post(discord.webhook_url(WEBHOOK), json={"content": f"<@{MEMBER}>"})
    assert told(discord) == [(MEMBER, "channel", f"<@{MEMBER}>")]


def test_a_repeat_by_nonce_notifies_once(discord, api):
    body = {"content": f"<@{MEMBER}>", "nonce": "n", "enforce_nonce": True}
    id_ = api.post(IN_CHANNEL, json=body).json()["id"]
    api.post(IN_CHANNEL, json=body)
    assert [one.message.id for one in discord.notifications(MEMBER)] == [int(id_)]


def test_a_notification_bears_the_time_of_the_stand_ins_clock():
    noon = datetime(2026, 8, 1, 12, tzinfo=UTC)
    with StandInDiscord(clock=lambda: noon) as discord, client_of(furnish(discord)) as api:
        discord.add_member(GUILD, MEMBER)
        api.post(IN_CHANNEL, json={"content": f"<@{MEMBER}>"})
        assert [one.at for one in discord.notifications(MEMBER)] == [noon]


@pytest.mark.parametrize(("after", "notified"), [(False, 0), (True, 1)])
def test_a_fault_strikes_the_direct_messages_of_one_member_only(discord, api, after, notified):
    paths = [messages_of(api, user_id) for user_id in (MEMBER, OTHER)]
    strike = Match(method="POST", template="/channels/{channel_id}/messages", user_id=MEMBER)
    discord.fail(faults.status(500), match=strike, after=after)
    assert [api.post(path, json={"content": "x"}).status_code for path in reversed(paths)] == [200, 500]
    assert len(discord.notifications(MEMBER)) == notified


def test_a_fault_strikes_the_opening_of_one_channel_only(discord, api):
    discord.fail(faults.status(403, 40003), match=Match(template=OPEN, user_id=OTHER))
    assert [open_dm(api, user_id).status_code for user_id in (MEMBER, OTHER)] == [200, 403]
    assert [logged.user_id for logged in discord.requests] == [MEMBER, OTHER]


def test_each_direct_channel_has_a_bucket_of_its_own():
    one = RateLimit(1, 60.0)
    limits = Limits(routes={("POST", "/channels/{channel_id}/messages"): one}, others=RateLimit(2, 60.0))
    with StandInDiscord(limits=limits) as discord, client_of(furnish(discord)) as api:
        for user_id in (MEMBER, OTHER):
            discord.add_member(GUILD, user_id)
        first, second = messages_of(api, MEMBER), messages_of(api, OTHER)
        assert [api.post(path, json={"content": "x"}).status_code for path in (first, first, second)] == [200, 429, 200]
        assert open_dm(api).status_code == 429


@pytest.mark.skipif(discord_openapi() is None, reason=ABSENT)
def test_answers_about_direct_messages_are_as_the_openapi_description_says(discord, api):
    openapi = discord_openapi()
    path = messages_of(api)
    answers = [
        ("POST", OPEN, open_dm(api)),
        ("POST", OPEN, open_dm(api, STRANGER)),
        ("GET", "/channels/{channel_id}", api.get(path.removesuffix("/messages"))),
        ("POST", "/channels/{channel_id}/messages", api.post(path, json={"content": "x"})),
        ("GET", "/channels/{channel_id}/messages", api.get(path)),
    ]
    wrong = {
        (method, template, answer.status_code): found
        for method, template, answer in answers
        if (found := openapi.response_violations(method, template, answer.status_code, answer.json()))
    }
    assert wrong == {}
    assert discord.violations == []
