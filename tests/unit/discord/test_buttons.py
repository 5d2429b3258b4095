"""Messages with buttons by both ways, where Discord takes those and where it does not: each goes out once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.openapi import discord_openapi

from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.world import ChannelType
from giftping.discord.http import DiscordHttp
from giftping.discord.message import ForumPost, LinkButton, Message
from giftping.discord.outcome import Done, Refused, Route, WithdrawnError
from giftping.discord.posts import ForumRoute
from giftping.discord.rest import ChannelRoute, RestClient
from giftping.discord.webhook import WebhookAddress, WebhookRoute

GUILD, CHANNEL, OTHER, FORUM, HOOK, FORUM_HOOK = 11, 21, 22, 23, 31, 32
BUTTONS = tuple(LinkButton(f"Redeem {number}", f"https://redeem.example/?c={number}") for number in range(7))
PLAIN = Message(content="Gift100, at https://redeem.example/")
MESSAGE = Message(content="Gift100", buttons=BUTTONS, without_buttons=PLAIN)


@pytest.fixture
def discord() -> Iterator[StandInDiscord]:
    openapi = discord_openapi()
    with StandInDiscord(limits=None, validate=openapi and openapi.request_violations) as stand_in:
        stand_in.add_guild(GUILD)
        stand_in.add_channel(CHANNEL, GUILD)
        stand_in.add_channel(OTHER, GUILD)
        stand_in.add_webhook(HOOK, "token", CHANNEL)
        yield stand_in
        assert stand_in.violations == []
        assert stand_in.unexpected == []


@pytest.fixture
def http(discord: StandInDiscord) -> Iterator[DiscordHttp]:
    with DiscordHttp(discord.api, token=discord.bot_token, budget=timedelta(seconds=5)) as made:
        yield made


@pytest.fixture(params=["bot", "webhook"])
def route(request: pytest.FixtureRequest, http: DiscordHttp) -> Route:
    return route_by(request.param, http)


def route_by(way: str, http: DiscordHttp) -> Route:
    """Return a way to the channel, which knows nothing but what the client knows."""
    if way == "bot":
        return ChannelRoute(RestClient(http), CHANNEL)
    return WebhookRoute(http, WebhookAddress(HOOK, "token"), None)


def labels(discord: StandInDiscord) -> list[list[list[str]]]:
    """Return the labels of the buttons of each message in the channel, row by row."""
    return [
        [[one["label"] for one in row["components"]] for row in message.components]
        for message in discord.messages(CHANNEL)
    ]


def posts(discord: StandInDiscord) -> int:
    return sum(one.method == "POST" for one in discord.requests)


def test_a_message_has_its_buttons_in_rows_of_five(discord: StandInDiscord, route: Route) -> None:
    assert isinstance(route.post(MESSAGE, "d"), Done)
    assert [[len(row) for row in one] for one in labels(discord)] == [[5, 2]]
    assert [one.content for one in discord.messages(CHANNEL)] == ["Gift100"]


@pytest.mark.parametrize("way", ["bot", "webhook"])
def test_where_buttons_are_refused_the_links_go_out_and_that_is_asked_once_a_run(
    discord: StandInDiscord, http: DiscordHttp, way: str
) -> None:
    discord.refuse_buttons(CHANNEL)
    fences: list[int] = []
    first = route_by(way, http).post(MESSAGE, "d1", fence=lambda: fences.append(1))
    assert isinstance(first, Done)
    assert ([one.content for one in discord.messages(CHANNEL)], posts(discord), len(fences)) == ([PLAIN.content], 2, 2)
    # A route is made anew for each message.
    assert isinstance(route_by(way, http).post(MESSAGE, "d2"), Done)
    assert ([one.content for one in discord.messages(CHANNEL)], posts(discord)) == ([PLAIN.content] * 2, 3)
    assert labels(discord) == [[], []]


def test_one_channel_that_refuses_them_takes_nobody_elses_buttons(discord: StandInDiscord, http: DiscordHttp) -> None:
    discord.refuse_buttons(CHANNEL)
    route_by("bot", http).post(MESSAGE, "d1")
    ChannelRoute(RestClient(http), OTHER).post(MESSAGE, "d2")
    assert [len(one.components) for one in discord.messages(OTHER)] == [2]


def test_who_has_lost_the_delivery_meanwhile_sends_no_second_one(discord: StandInDiscord, route: Route) -> None:
    discord.refuse_buttons(CHANNEL)
    asked: list[int] = []

    def fence() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise WithdrawnError("another host has it")

    assert route.post(MESSAGE, "d", fence=fence) == Refused("another host has it", withdrawn=True)
    assert discord.messages(CHANNEL) == []


@pytest.mark.parametrize("fault", [faults.status(400, 50035, "Invalid Form Body"), faults.status(403, 50013)])
def test_another_no_is_no_reason_to_leave_the_buttons_out(
    discord: StandInDiscord, route: Route, fault: faults.Fault
) -> None:
    discord.fail(fault, match=Match(method="POST"))
    assert isinstance(route.post(MESSAGE, "d1"), Refused)
    assert posts(discord) == 1
    assert isinstance(route.post(MESSAGE, "d2"), Done)
    assert labels(discord)[0] != []


@pytest.mark.parametrize("fault", [faults.reset(), faults.html(502)])
def test_an_end_that_is_unclear_is_not_tried_again(discord: StandInDiscord, route: Route, fault: faults.Fault) -> None:
    discord.fail(fault, match=Match(method="POST"))
    route.post(MESSAGE, "d1")
    assert posts(discord) == 1


def test_an_edit_takes_away_the_buttons_that_the_message_has_no_more(discord: StandInDiscord, route: Route) -> None:
    done = route.post(MESSAGE, "d")
    assert isinstance(done, Done)
    for left in (BUTTONS[2:3], ()):
        assert isinstance(route.edit(Message(content="Gift100", buttons=left), done.message_id, CHANNEL), Done)
        assert labels(discord) == [[[one.label for one in left]] if left else []]


def test_an_edit_where_buttons_are_refused_has_the_links(discord: StandInDiscord, route: Route) -> None:
    done = route.post(Message(content="Gift100"), "d")
    assert isinstance(done, Done)
    discord.refuse_buttons(CHANNEL)
    assert isinstance(route.edit(MESSAGE, done.message_id, CHANNEL), Done)
    assert [one.content for one in discord.messages(CHANNEL)] == [PLAIN.content]


@pytest.mark.parametrize("way", ["bot", "webhook"])
def test_a_post_of_a_forum_that_refuses_buttons_is_opened_once_under_its_name(
    discord: StandInDiscord, http: DiscordHttp, way: str
) -> None:
    discord.add_channel(FORUM, GUILD, type=ChannelType.FORUM)
    discord.add_webhook(FORUM_HOOK, "token", FORUM)
    discord.refuse_buttons(FORUM)
    route: Route
    if way == "bot":
        route = ForumRoute(RestClient(http), FORUM)
    else:
        route = WebhookRoute(http, WebhookAddress(FORUM_HOOK, "token"), None, opens_post=True)
    done = route.post(replace(MESSAGE, post=ForumPost("Gift100")), "d")
    assert isinstance(done, Done)
    assert [one.content for one in discord.messages(done.message_id)] == [PLAIN.content]
    assert posts(discord) == 2
