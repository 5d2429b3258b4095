from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest

from giftping.discord import members as discord_members
from giftping.discord.http import Answer, DiscordHttp
from giftping.discord.members import (
    CANNOT_DM,
    DMS_TOO_FAST,
    INVALID_RECIPIENT,
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    NO_MUTUAL_GUILDS,
    UNKNOWN_MEMBER,
    UNKNOWN_ROLE,
    UNKNOWN_USER,
    MemberInfo,
    MembersClient,
    RoleInfo,
)
from giftping.discord.outcome import Refused, Unclear, WithdrawnError
from giftping.discord.refusals import UNKNOWN_CHANNEL

GUILD, USER, ROLE, CHANNEL = 3, 5, 6, 7
VIA = {"via": "1.1 google"}
THIS_MEMBER = f"/guilds/{GUILD}/members/{USER}"
THIS_ROLE = f"{THIS_MEMBER}/roles/{ROLE}"


class StandIn:
    """Answers from a list, the last one for ever, or from a function, and keeps what was asked."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response | Exception] = []
        self.answer = None
        self.requests: list[httpx.Request] = []

    def __call__(self, request):
        self.requests.append(request)
        if self.answer:
            return self.answer(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def asked(self):
        return [f"{request.method} {request.url.path.removeprefix('/api/v10')}" for request in self.requests]


@pytest.fixture
def stand_in():
    return StandIn()


@pytest.fixture
def client(stand_in, clock):
    http = DiscordHttp(
        "https://discord.test/api/v10",
        token="t",
        budget=timedelta(seconds=60),
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        transport=httpx.MockTransport(stand_in),
    )
    return MembersClient(http)


def ok(body, status=200):
    return httpx.Response(status, json=body, headers=VIA)


def error(status, code=0, message="no"):
    return httpx.Response(status, json={"code": code, "message": message}, headers=VIA)


def limited(seconds):
    return httpx.Response(429, json={"message": "slow down", "retry_after": seconds, "global": False}, headers=VIA)


def member(user_id=USER, **parts):
    user = {"id": str(user_id), "username": "asha", "global_name": "Asha", "bot": False} | parts.pop("user", {})
    return {"user": user, "nick": None, "roles": []} | parts


def role(**parts):
    return {"id": str(ROLE), "name": "TODO", "position": 2, "permissions": "268435456"} | parts


CALLS = {
    "guild": lambda client: client.guild(GUILD),
    "channel": lambda client: client.channel(CHANNEL),
    "roles": lambda client: client.roles(GUILD),
    "member": lambda client: client.member(GUILD, USER),
    "members": lambda client: client.members(GUILD),
    "give_role": lambda client: client.give_role(GUILD, USER, ROLE, reason="back"),
    "take_role": lambda client: client.take_role(GUILD, USER, ROLE, reason="gone"),
    "open_dm": lambda client: client.open_dm(USER),
}
GOOD = {
    "guild": (ok({"id": str(GUILD)}), {"id": str(GUILD)}),
    "channel": (ok({"id": str(CHANNEL), "type": 1}), {"id": str(CHANNEL), "type": 1}),
    "roles": (ok([role()]), (RoleInfo(ROLE, "TODO", 2, 1 << 28),)),
    "member": (ok(member()), MemberInfo(USER, "Asha", False, frozenset())),
    "members": (ok([member()]), {USER: MemberInfo(USER, "Asha", False, frozenset())}),
    "give_role": (httpx.Response(204, headers=VIA), Answer(204, None)),
    "take_role": (httpx.Response(204, headers=VIA), Answer(204, None)),
    "open_dm": (ok({"id": str(CHANNEL), "type": 1}), CHANNEL),
}


# What every call has in common


@pytest.mark.parametrize("call", CALLS)
def test_a_good_answer_is_read(client, stand_in, call):
    stand_in.answers, expected = [GOOD[call][0]], GOOD[call][1]
    assert CALLS[call](client) == expected
    assert len(stand_in.requests) == 1


@pytest.mark.parametrize("call", CALLS)
def test_a_429_is_waited_out(client, stand_in, clock, call):
    stand_in.answers, expected = [limited(2.0), GOOD[call][0]], GOOD[call][1]
    assert CALLS[call](client) == expected
    assert clock.sleeps == [pytest.approx(2.0, abs=0.01)]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (error(500), "HTTP 500"),
        (httpx.Response(502, html="<h1>bad gateway</h1>"), "HTTP 502"),
        (httpx.ReadError("x"), "the connection failed after the request was written"),
        (httpx.ReadTimeout("x"), "timed out after the request was written"),
    ],
)
def test_what_may_have_been_carried_out_is_unclear(client, stand_in, call, event, reason):
    stand_in.answers = [event]
    assert CALLS[call](client) == Unclear(reason)
    assert len(stand_in.requests) == 1


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", [b"", b"<h1>sign in</h1>", b"null", b'"text"', b"[[]]", b"[null]"])
def test_a_good_status_with_another_body_is_unclear(client, stand_in, call, body):
    stand_in.answers = [httpx.Response(200, content=body, headers=VIA)]
    outcome = CALLS[call](client)
    assert isinstance(outcome, Unclear)
    assert outcome.reason.startswith("HTTP 200, but ")


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("guild", 404, 10004),
        ("channel", 404, UNKNOWN_CHANNEL),
        ("channel", 403, MISSING_ACCESS),
        ("roles", 403, MISSING_ACCESS),
        ("member", 404, UNKNOWN_MEMBER),
        ("member", 404, UNKNOWN_USER),
        ("members", 403, MISSING_ACCESS),
        ("give_role", 403, MISSING_PERMISSIONS),
        ("take_role", 403, MISSING_PERMISSIONS),
        ("take_role", 404, UNKNOWN_MEMBER),
        ("take_role", 404, UNKNOWN_ROLE),
        ("open_dm", 400, INVALID_RECIPIENT),
        ("open_dm", 403, DMS_TOO_FAST),
        ("open_dm", 403, CANNOT_DM),
        ("open_dm", 403, NO_MUTUAL_GUILDS),
    ],
)
def test_a_clean_no_tells_its_code(client, stand_in, call, status, code):
    stand_in.answers = [error(status, code, "No")]
    # Too many conversations at once is a limit, which passes; all the others stay until somebody acts.
    lasting = code != DMS_TOO_FAST
    assert CALLS[call](client) == Refused(f"HTTP {status} No ({code})", status, code, lasting=lasting)


# Members


@pytest.mark.parametrize(
    ("parts", "info"),
    [
        ({"nick": "Ash"}, MemberInfo(USER, "Ash", False, frozenset())),
        ({"nick": ""}, MemberInfo(USER, "Asha", False, frozenset())),
        ({"user": {"global_name": None}}, MemberInfo(USER, "asha", False, frozenset())),
        ({"user": {"bot": True}}, MemberInfo(USER, "Asha", True, frozenset())),
        ({"roles": ["6", "8"]}, MemberInfo(USER, "Asha", False, frozenset({6, 8}))),
    ],
)
def test_a_member_is_read(client, stand_in, parts, info):
    stand_in.answers = [ok(member(**parts))]
    assert client.member(GUILD, USER) == info
    assert stand_in.asked == [f"GET {THIS_MEMBER}"]


def test_an_account_that_does_not_say_it_is_a_bot_is_a_person(client, stand_in):
    person = member()
    del person["user"]["bot"]
    stand_in.answers = [ok(person)]
    assert client.member(GUILD, USER) == MemberInfo(USER, "Asha", False, frozenset())


NO_MEMBERS = [
    {},
    {"user": None, "roles": []},
    member(user={"id": "x"}),
    member(user={"username": None, "global_name": None}),
    member(roles=None),
    member(roles=["x"]),
    member(roles=["6", None]),
]


@pytest.mark.parametrize("body", [*NO_MEMBERS, member(USER + 1)])
def test_what_is_not_the_member_that_was_asked_for_is_unclear(client, stand_in, body):
    stand_in.answers = [ok(body)]
    assert client.member(GUILD, USER) == Unclear("the answer is not the member that was asked for")


@pytest.mark.parametrize("body", NO_MEMBERS)
def test_a_list_is_not_believed_when_one_of_it_is_no_member(client, stand_in, body):
    stand_in.answers = [ok([member(), body])]
    assert client.members(GUILD) == Unclear("HTTP 200, but the answer is not a list of members")


def pages(total):
    """Answer as a guild with so many members does."""

    def answer(request):
        after, limit = int(request.url.params["after"]), int(request.url.params["limit"])
        ids = range(after + 1, min(total, after + limit) + 1)
        return ok([member(user_id) for user_id in ids])

    return answer


@pytest.mark.parametrize(
    ("total", "asked_after"),
    [(0, [0]), (1, [0]), (999, [0]), (1000, [0, 1000]), (2001, [0, 1000, 2000])],
)
def test_all_members_are_read_page_by_page(client, stand_in, total, asked_after):
    stand_in.answer = pages(total)
    found = client.members(GUILD)
    assert list(found) == list(range(1, total + 1))
    assert all(user_id == info.user_id for user_id, info in found.items())
    asked = [dict(request.url.params) for request in stand_in.requests]
    assert asked == [{"limit": "1000", "after": str(after)} for after in asked_after]


@pytest.mark.parametrize("event", [error(500), error(403, MISSING_ACCESS), httpx.Response(200, json={})])
def test_half_a_list_is_no_list(client, stand_in, monkeypatch, event):
    monkeypatch.setattr(discord_members, "MEMBERS_PAGE", 2)
    stand_in.answers = [ok([member(1), member(2)]), event]
    assert isinstance(client.members(GUILD), Refused | Unclear)
    assert len(stand_in.requests) == 2


def test_a_list_that_begins_again_and_again_ends(client, stand_in, monkeypatch):
    monkeypatch.setattr(discord_members, "MEMBERS_PAGE", 2)
    stand_in.answers = [ok([member(1), member(2)])]
    assert client.members(GUILD) == Unclear("the list of members begins again and again")
    assert len(stand_in.requests) == 2


def test_a_page_of_members_with_very_many_roles_is_read(client, stand_in):
    roles = [str(2**62 + number) for number in range(250)]
    stand_in.answers = [ok([member(user_id, roles=roles) for user_id in range(1, 1000)])]
    found = client.members(GUILD)
    assert len(found) == 999
    assert len(found[1].role_ids) == 250


# Roles


def test_the_roles_of_a_guild_are_read(client, stand_in):
    everybody = role(id=str(GUILD), name="@everyone", position=0, permissions="0")
    stand_in.answers = [ok([everybody, role()])]
    assert client.roles(GUILD) == (RoleInfo(GUILD, "@everyone", 0, 0), RoleInfo(ROLE, "TODO", 2, 1 << 28))
    assert stand_in.asked == [f"GET /guilds/{GUILD}/roles"]


@pytest.mark.parametrize(
    "broken",
    [
        {"id": None},
        {"name": None},
        {"position": "2"},
        {"position": True},
        {"permissions": 8},
        {"permissions": ""},
        {"permissions": "-8"},
        {"permissions": "９"},
        {"permissions": "9" * 5000},
    ],
)
def test_a_list_is_not_believed_when_one_of_it_is_no_role(client, stand_in, broken):
    stand_in.answers = [ok([role(), role(**broken)])]
    assert client.roles(GUILD) == Unclear("HTTP 200, but the answer is not a list of roles")


@pytest.mark.parametrize(("call", "method"), [("give_role", "PUT"), ("take_role", "DELETE")])
def test_a_role_is_given_and_taken_with_a_reason_and_without_a_body(client, stand_in, call, method):
    stand_in.answers = [GOOD[call][0]]
    getattr(client, call)(GUILD, USER, ROLE, reason="5 days without a TODO")
    (request,) = stand_in.requests
    assert stand_in.asked == [f"{method} {THIS_ROLE}"]
    assert request.headers["x-audit-log-reason"] == "5%20days%20without%20a%20TODO"
    assert request.content == b""


@pytest.mark.parametrize("call", ["give_role", "take_role"])
def test_a_change_of_a_role_is_only_believed_of_a_204(client, stand_in, call):
    stand_in.answers = [ok({})]
    assert CALLS[call](client) == Unclear("HTTP 200, but a changed role is answered with 204")


@pytest.mark.parametrize("call", ["give_role", "take_role"])
def test_the_caller_is_asked_right_before_each_change_of_a_role(client, stand_in, clock, call):
    asked = []
    stand_in.answers = [limited(3.0), GOOD[call][0]]
    result = getattr(client, call)(
        GUILD, USER, ROLE, reason="x", ready=lambda: asked.append(round(clock.seconds - 1000))
    )
    assert result == Answer(204, None)
    assert asked == [0, 3]


@pytest.mark.parametrize("call", ["give_role", "take_role"])
def test_a_change_of_a_role_may_be_taken_back(client, stand_in, call):
    def ready():
        raise WithdrawnError("submitted a moment ago")

    result = getattr(client, call)(GUILD, USER, ROLE, reason="x", ready=ready)
    assert result == Refused("submitted a moment ago", withdrawn=True)
    assert stand_in.requests == []


def test_all_members_of_a_guild_share_its_limit_for_roles(client, stand_in, clock):
    told = {"x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "4"}
    stand_in.answers = [httpx.Response(204, headers=VIA | told)]
    client.take_role(GUILD, USER, ROLE, reason="x")
    client.take_role(GUILD + 1, USER, ROLE, reason="x")
    assert clock.sleeps == []
    client.take_role(GUILD, USER + 1, ROLE, reason="x")
    assert clock.sleeps == [pytest.approx(4.0, abs=0.01)]


# Direct messages


def test_a_direct_message_channel_is_opened_for_its_recipient(client, stand_in):
    stand_in.answers = [GOOD["open_dm"][0]]
    assert client.open_dm(USER) == CHANNEL
    (request,) = stand_in.requests
    assert stand_in.asked == ["POST /users/@me/channels"]
    assert json.loads(request.content) == {"recipient_id": str(USER)}


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": "x"}])
def test_an_answer_that_names_no_channel_is_unclear(client, stand_in, body):
    stand_in.answers = [ok(body)]
    assert client.open_dm(USER) == Unclear("the answer names no channel")
