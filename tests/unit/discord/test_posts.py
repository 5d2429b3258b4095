"""The posts of forums, by the bot and by webhook: opened, and found again whose end was unclear."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fakes.openapi import discord_openapi

from giftping.demo import faults
from giftping.demo.clock import ShiftedClock
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.world import ChannelType, Permission, Tag
from giftping.discord.http import DiscordHttp
from giftping.discord.message import ForumPost, Message
from giftping.discord.outcome import Absent, Done, Finding, Found, Refused, Route, Unclear, Undecided
from giftping.discord.posts import ForumRoute
from giftping.discord.rest import ChannelRoute, RestClient
from giftping.discord.webhook import WebhookRoute, parse_webhook_url

GUILD, FORUM, TEXT, HOOK = 1, 500, 501, 31
MESSAGE = Message(content="ours", post=ForumPost("Codes", ("7",)))
NOBODY = frozenset[int]()


class Play:
    """A forum on a stand-in Discord, with a client for the bot."""

    def __init__(self, discord: StandInDiscord) -> None:
        self.discord = discord
        self.http = DiscordHttp(discord.api, token=discord.bot_token, budget=timedelta(0))
        self.rest = RestClient(self.http)

    def route(self, *, by_webhook: bool = False, reads: bool = True) -> Route:
        if not by_webhook:
            return ForumRoute(self.rest, FORUM)
        address = parse_webhook_url(self.discord.webhook_url(HOOK), api=self.discord.api)
        return WebhookRoute(self.http, address, self.rest if reads else None, opens_post=True)

    def find(self, route: Route, since: int, *, accounted: frozenset[int] = NOBODY, quiet: bool = True) -> Finding:
        return route.find(
            lambda message: message.get("content") == "ours" if message.get("content") else None,
            since=since,
            until=None,
            accounted=accounted,
            quiet=quiet,
        )


@pytest.fixture
def play() -> Iterator[Play]:
    openapi = discord_openapi()
    validate = openapi.request_violations if openapi else None
    with StandInDiscord(clock=ShiftedClock(), limits=None, validate=validate, message_content=True) as discord:
        discord.add_guild(GUILD)
        discord.add_channel(FORUM, GUILD, type=ChannelType.FORUM, tags=[Tag(7, "codes")])
        discord.add_channel(TEXT, GUILD)
        discord.add_webhook(HOOK, "secret", FORUM)
        stage = Play(discord)
        yield stage
        stage.http.close()
        assert discord.violations == []


by_both = pytest.mark.parametrize("by_webhook", [False, True], ids=["bot", "webhook"])


def begun(play: Play, route: Route) -> int:
    assert route.ask() is None
    anchor = route.anchor()
    assert anchor is not None
    return anchor


@by_both
def test_a_post_that_was_opened_is_there_with_its_message(play: Play, by_webhook: bool) -> None:
    route = play.route(by_webhook=by_webhook)
    since = begun(play, route)
    outcome = route.post(MESSAGE, "delivery", since=since)
    (post,) = play.discord.posts(FORUM)
    assert outcome == Done(post.id, post.id)
    assert (post.name, post.applied_tags) == ("Codes", (7,))
    assert play.find(route, since) == Found(post.id, post.id)
    assert play.find(route, since, accounted=frozenset({post.id})) == Absent()
    assert route.repeats_safely_for == timedelta(0)


@by_both
def test_a_post_is_found_wherever_it_is_listed(play: Play, by_webhook: bool) -> None:
    """An announcement in an active post, and one in a post that was archived at once among many others."""
    route = play.route(by_webhook=by_webhook)
    play.route().post(Message(content="old", post=ForumPost("Old")), "delivery")
    play.discord.clock.forward(timedelta(hours=1))
    since = begun(play, route)
    for name in ("a", "b"):
        play.route().post(Message(content=f"others {name}", post=ForumPost(name)), "delivery")
    route.post(MESSAGE, "delivery", since=since)
    play.route().post(Message(content="later", post=ForumPost("Later")), "delivery")
    ours = play.discord.posts(FORUM)[3]
    for post in play.discord.posts(FORUM):
        play.discord.archive(post.id)
    assert play.find(route, since) == Found(ours.id, ours.id)


@by_both
def test_what_is_not_there_is_absent_only_once_nobody_can_be_at_it(play: Play, by_webhook: bool) -> None:
    route = play.route(by_webhook=by_webhook)
    since = begun(play, route)
    assert isinstance(play.find(route, since, quiet=False), Undecided)
    assert play.find(route, since) == Absent()


@by_both
@pytest.mark.parametrize(
    "permissions",
    [Permission.NONE, Permission.POSTING & ~Permission.READ_MESSAGE_HISTORY],
    ids=["hidden", "not read back"],
)
def test_where_the_bot_may_not_look_nothing_is_absent(play: Play, by_webhook: bool, permissions: Permission) -> None:
    route = play.route(by_webhook=by_webhook)
    since = begun(play, route)
    play.discord.set_permissions(FORUM, permissions)
    assert isinstance(play.find(route, since), Undecided)


def test_a_post_whose_message_was_deleted_is_not_taken_for_absent(play: Play) -> None:
    route = play.route()
    since = begun(play, route)
    route.post(MESSAGE, "delivery", since=since)
    (post,) = play.discord.posts(FORUM)
    play.discord.remove_message(post.id, post.id)
    assert isinstance(play.find(route, since), Undecided)


def test_a_webhook_shows_the_texts_that_the_bot_may_not_see(play: Play) -> None:
    play.discord.message_content = False
    route = play.route(by_webhook=True)
    since = begun(play, route)
    route.post(MESSAGE, "delivery", since=since)
    (post,) = play.discord.posts(FORUM)
    assert play.find(route, since) == Found(post.id, post.id)


def test_a_webhook_without_a_bot_cannot_look(play: Play) -> None:
    route = play.route(by_webhook=True, reads=False)
    assert (route.can_look, play.route(by_webhook=True).can_look) == (False, True)
    found = play.find(route, begun(play, route))
    assert isinstance(found, Undecided)
    assert found.for_good


@by_both
@pytest.mark.parametrize(
    "fault",
    [faults.status(500), faults.reset(), faults.garbage(b"{}"), faults.html(502), faults.no_content()],
    ids=lambda fault: fault.name,
)
def test_what_was_not_answered_with_the_post_is_unclear(play: Play, by_webhook: bool, fault: faults.Fault) -> None:
    route = play.route(by_webhook=by_webhook)
    since = begun(play, route)
    play.discord.fail(fault, match=Match(method="POST"), after=True)
    assert isinstance(route.post(MESSAGE, "delivery", since=since), Unclear)
    (post,) = play.discord.posts(FORUM)
    assert play.find(route, since) == Found(post.id, post.id)


def test_an_answer_that_is_no_post_of_the_forum_is_unclear(play: Play) -> None:
    route = play.route()
    since = begun(play, route)
    other = b'{"id": "%d", "type": 11, "parent_id": "501"}' % (since + 5)
    play.discord.fail(faults.garbage(other), match=Match(method="POST"), after=True)
    assert isinstance(route.post(MESSAGE, "delivery", since=since), Unclear)


@by_both
def test_a_no_to_a_post_is_a_clean_no(play: Play, by_webhook: bool) -> None:
    play.discord.add_channel(FORUM, GUILD, type=ChannelType.FORUM, wants_tag=True)
    outcome = play.route(by_webhook=by_webhook).post(Message(content="ours", post=ForumPost("Codes")), "delivery")
    assert isinstance(outcome, Refused)
    assert outcome.code == 40067
    assert play.discord.posts(FORUM) == []


@by_both
def test_a_message_in_an_archived_post_is_edited_and_the_post_stays_archived(play: Play, by_webhook: bool) -> None:
    route = play.route(by_webhook=by_webhook)
    route.post(MESSAGE, "delivery")
    (post,) = play.discord.posts(FORUM)
    play.discord.archive(post.id)
    assert route.edit(Message(content="changed"), post.id, post.id) == Done(post.id, post.id)
    assert play.discord.messages(post.id)[0].content == "changed"
    assert play.discord.posts(FORUM)[0].is_archived


def test_a_webhook_alone_opens_no_archived_post(play: Play) -> None:
    route = play.route(by_webhook=True)
    route.post(MESSAGE, "delivery")
    (post,) = play.discord.posts(FORUM)
    play.discord.archive(post.id)
    alone = DiscordHttp(play.discord.api, token=None, budget=timedelta(0))
    address = parse_webhook_url(play.discord.webhook_url(HOOK), api=play.discord.api)
    outcome = WebhookRoute(alone, address, None).edit(Message(content="changed"), post.id, post.id)
    alone.close()
    assert isinstance(outcome, Refused)
    assert outcome.code == 50083


def test_the_bot_publishes_a_message_and_says_how_long_a_limit_lasts(play: Play) -> None:
    play.discord.add_channel(502, GUILD, type=ChannelType.ANNOUNCEMENT)
    done = ChannelRoute(play.rest, 502).post(Message(content="news"), "delivery")
    assert isinstance(done, Done)
    play.discord.fail(faults.rate_limited("shared", 1163.0), match=Match(method="POST"))
    limited = play.rest.publish_message(502, done.message_id)
    assert isinstance(limited, Refused)
    assert (limited.status, limited.retry_after) == (429, timedelta(seconds=1163))
