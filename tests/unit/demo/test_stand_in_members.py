import threading

import pytest
from fakes.openapi import ABSENT, discord_openapi
from stand_in_stage import GUILD, client_of

from giftping.demo import faults
from giftping.demo.discord import Match, StandInDiscord
from giftping.demo.ratelimits import Limits, RateLimit
from giftping.demo.world import Permission

MEMBER, BOT_MEMBER, STRANGER = 51, 52, 59
ROLE, HIGH_ROLE = 41, 42
MEMBERS = f"/guilds/{GUILD}/members"
HELD = f"{MEMBERS}/{MEMBER}/roles/{ROLE}"


@pytest.fixture
def discord(discord):
    discord.add_role(GUILD, ROLE, name="TODO")
    discord.add_role(GUILD, HIGH_ROLE, position=10)
    discord.add_member(GUILD, MEMBER, roles=[ROLE], name="Ada")
    discord.add_member(GUILD, BOT_MEMBER, is_bot=True)
    return discord


def error_of(response):
    return response.status_code, response.json()["code"]


def changes(discord):
    return [(change.user_id, change.role_id, change.given, change.by_bot) for change in discord.role_changes]


def test_a_member_is_shown_with_name_and_roles(discord, api):
    shown = api.get(f"{MEMBERS}/{MEMBER}").json()
    assert (shown["user"]["username"], shown["user"]["bot"], shown["roles"]) == ("Ada", False, [str(ROLE)])
    assert api.get(f"{MEMBERS}/{BOT_MEMBER}").json()["user"]["bot"] is True


def test_who_is_no_member_or_has_left_is_unknown(discord, api):
    assert error_of(api.get(f"{MEMBERS}/{STRANGER}")) == (404, 10007)
    assert error_of(api.get(f"/guilds/9/members/{MEMBER}")) == (404, 10004)
    discord.remove_member(GUILD, MEMBER)
    assert error_of(api.get(f"{MEMBERS}/{MEMBER}")) == (404, 10007)
    assert error_of(api.delete(HELD)) == (404, 10007)
    with pytest.raises(KeyError):
        discord.roles_of(GUILD, MEMBER)


def test_members_are_listed_by_id_a_page_at_a_time(discord, api):
    discord.members_intent = True
    for user_id in (70, 60):
        discord.add_member(GUILD, user_id)

    def listed(**params):
        return [int(member["user"]["id"]) for member in api.get(MEMBERS, params=params).json()]

    assert listed() == [MEMBER]
    assert listed(limit=3) == [MEMBER, BOT_MEMBER, 60]
    assert listed(limit=1000, after=60) == [70, discord.bot_id]
    assert listed(limit=1000, after=discord.bot_id) == []


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 1001}, {"limit": "all"}, {"limit": "١٢"}, {"after": "Ada"}, {"after": "١٢"}]
)
def test_a_listing_of_members_with_wrong_parameters_is_an_invalid_form(discord, api, params):
    discord.members_intent = True
    response = api.get(MEMBERS, params=params)
    assert error_of(response) == (400, 50035)
    assert list(response.json()["errors"]) == list(params)


def test_without_the_members_intent_there_is_no_list_but_every_single_member(discord, api):
    assert error_of(api.get(MEMBERS)) == (403, 50001)
    assert api.get(f"{MEMBERS}/{MEMBER}").status_code == 200


def test_the_intent_can_be_there_from_the_start():
    with StandInDiscord(members_intent=True) as discord, client_of(discord) as api:
        discord.add_guild(GUILD)
        assert [member["user"]["id"] for member in api.get(MEMBERS).json()] == [str(discord.bot_id)]


def test_the_bot_takes_and_gives_a_role_and_says_why(discord, api):
    discord.set_bot(GUILD)
    assert api.delete(HELD, headers={"X-Audit-Log-Reason": "5%20days%20%E2%8F%B0"}).status_code == 204
    assert discord.roles_of(GUILD, MEMBER) == frozenset()
    assert api.put(HELD).status_code == 204
    assert discord.roles_of(GUILD, MEMBER) == {ROLE}
    assert changes(discord) == [(MEMBER, ROLE, False, True), (MEMBER, ROLE, True, True)]
    assert [change.reason for change in discord.role_changes] == ["5 days ⏰", ""]
    assert [logged.reason for logged in discord.requests] == ["5 days ⏰", ""]


def test_what_changes_nothing_is_answered_and_logged_and_is_no_change(discord, api):
    discord.set_bot(GUILD)
    assert api.put(HELD).status_code == 204
    discord.take_role(GUILD, MEMBER, ROLE)
    assert [api.delete(HELD).status_code for _ in range(2)] == [204, 204]
    assert changes(discord) == [(MEMBER, ROLE, False, False)]
    assert discord.count(Match(method="DELETE", user_id=MEMBER)) == 2


def test_a_person_gives_and_takes_roles_too(discord):
    discord.take_role(GUILD, MEMBER, ROLE)
    discord.give_role(GUILD, MEMBER, ROLE)
    discord.give_role(GUILD, MEMBER, HIGH_ROLE)
    assert discord.roles_of(GUILD, MEMBER) == {ROLE, HIGH_ROLE}
    assert changes(discord) == [
        (MEMBER, ROLE, False, False),
        (MEMBER, ROLE, True, False),
        (MEMBER, HIGH_ROLE, True, False),
    ]


def test_the_stage_has_no_roles_and_members_that_do_not_exist(discord):
    for wrong in (
        lambda: discord.give_role(GUILD, MEMBER, 99),
        lambda: discord.take_role(GUILD, STRANGER, ROLE),
        lambda: discord.add_member(GUILD, STRANGER, roles=[99]),
    ):
        with pytest.raises(KeyError):
            wrong()


def test_a_role_that_is_not_there_or_is_everyones_is_refused(discord, api):
    discord.set_bot(GUILD)
    assert error_of(api.delete(f"{MEMBERS}/{MEMBER}/roles/99")) == (404, 10011)
    assert error_of(api.delete(f"{MEMBERS}/{MEMBER}/roles/{GUILD}")) == (400, 50028)
    discord.remove_role(GUILD, ROLE)
    assert error_of(api.put(HELD)) == (404, 10011)
    assert discord.roles_of(GUILD, MEMBER) == frozenset()


def test_a_bot_that_was_given_nothing_changes_no_roles(discord, api):
    for response in (api.put(HELD), api.delete(HELD)):
        assert error_of(response) == (403, 50013)
    assert discord.roles_of(GUILD, MEMBER) == {ROLE}


@pytest.mark.parametrize(
    ("permissions", "position", "status"),
    [
        (Permission.MANAGE_ROLES, 2, 204),
        (Permission.ADMINISTRATOR, 2, 204),
        (Permission.MANAGE_ROLES, 1, 403),
        (Permission.POSTING, 2, 403),
    ],
)
def test_the_bot_needs_the_permission_and_a_role_above(discord, api, permissions, position, status):
    discord.set_bot(GUILD, permissions=permissions, position=position)
    assert api.delete(HELD).status_code == status


def test_the_bot_can_see_what_it_may_do(discord, api):
    for position in (5, 8):
        discord.set_bot(GUILD, position=position)
    [held] = api.get(f"{MEMBERS}/{discord.bot_id}").json()["roles"]
    roles = {role["id"]: role for role in api.get(f"/guilds/{GUILD}/roles").json()}
    assert (roles[held]["position"], int(roles[held]["permissions"])) == (8, Permission.MANAGE_ROLES)
    assert roles[held]["tags"] == {"bot_id": str(discord.bot_id)}
    assert len(roles) == 4


def test_a_reason_of_more_than_512_characters_is_refused(discord, api):
    discord.set_bot(GUILD)
    assert error_of(api.delete(HELD, headers={"X-Audit-Log-Reason": "%C3%A9" * 513})) == (400, 50035)
    assert api.delete(HELD, headers={"X-Audit-Log-Reason": "%C3%A9" * 512}).status_code == 204


def test_a_fault_strikes_the_role_of_one_member_only(discord, api):
    discord.set_bot(GUILD)
    discord.add_member(GUILD, 60, roles=[ROLE])
    discord.fail(faults.status(500), match=Match(method="DELETE", user_id=60), after=True)
    assert api.delete(HELD).status_code == 204
    assert api.delete(f"{MEMBERS}/60/roles/{ROLE}").status_code == 500
    assert discord.roles_of(GUILD, 60) == frozenset()


def test_the_members_of_a_guild_share_a_bucket():
    with StandInDiscord(limits=Limits(others=RateLimit(2, 60.0))) as discord, client_of(discord) as api:
        for guild_id in (11, 12):
            discord.add_guild(guild_id)
        paths = ["/guilds/11/members/1", "/guilds/11/members/2", "/guilds/11/members/3", "/guilds/12/members/1"]
        assert [api.get(path).status_code for path in paths] == [404, 404, 429, 404]


def test_many_clients_at_once_take_a_role_once(discord):
    discord.set_bot(GUILD)

    def run():
        with client_of(discord) as client:
            for _ in range(5):
                client.delete(HELD)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert changes(discord) == [(MEMBER, ROLE, False, True)]
    assert discord.count(Match(method="DELETE")) == 20


@pytest.mark.skipif(discord_openapi() is None, reason=ABSENT)
def test_answers_about_members_are_as_the_openapi_description_says(discord, api):
    openapi = discord_openapi()
    discord.set_bot(GUILD)
    discord.members_intent = True
    member, role = "/guilds/{guild_id}/members/{user_id}", "/guilds/{guild_id}/members/{user_id}/roles/{role_id}"
    answers = [
        ("GET", member, api.get(f"{MEMBERS}/{MEMBER}")),
        ("GET", member, api.get(f"{MEMBERS}/{discord.bot_id}")),
        ("GET", member, api.get(f"{MEMBERS}/{STRANGER}")),
        ("GET", "/guilds/{guild_id}/members", api.get(MEMBERS, params={"limit": 1000})),
        ("GET", "/guilds/{guild_id}/roles", api.get(f"/guilds/{GUILD}/roles")),
        ("PUT", role, api.put(f"{MEMBERS}/{MEMBER}/roles/{HIGH_ROLE}")),
    ]
    wrong = {
        (method, template, answer.status_code): found
        for method, template, answer in answers
        if (found := openapi.response_violations(method, template, answer.status_code, answer.json()))
    }
    assert wrong == {}
    assert [answer.status_code for _, _, answer in answers] == [200, 200, 404, 200, 200, 403]
