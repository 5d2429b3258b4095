"""What `guilds add` takes, and refuses, of how messages are posted: posts, tags, publishing, a webhook's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ran import Ran

from giftping.demo.discord import StandInDiscord
from giftping.demo.world import ChannelType, Permission, Tag
from giftping.store.base import ChannelKind, Posting, PostsIn
from giftping.store.records import Store

Run = Callable[..., Ran]

HERE = 7001
TEXT, NEWS, FORUM, STRICT, THREAD = 7010, 7011, 7012, 7013, 7014
NEWS_HOOK, FORUM_HOOK = 8001, 8002
EACH, KEPT = PostsIn.PER_ANNOUNCEMENT, PostsIn.KEPT


@pytest.fixture
def town(discord: StandInDiscord) -> StandInDiscord:
    """A guild with one channel of each kind."""
    discord.add_guild(HERE)
    discord.set_bot(HERE, permissions=0)
    discord.add_channel(TEXT, HERE)
    discord.add_channel(NEWS, HERE, type=ChannelType.ANNOUNCEMENT)
    discord.add_channel(FORUM, HERE, type=ChannelType.FORUM, tags=[Tag(71, "Codes"), Tag(72, "News")])
    discord.add_channel(STRICT, HERE, type=ChannelType.MEDIA, tags=[Tag(73, "Codes")], wants_tag=True)
    discord.add_channel(THREAD, HERE, type=ChannelType.THREAD, parent_id=TEXT)
    for hook, channel in ((NEWS_HOOK, NEWS), (FORUM_HOOK, FORUM)):
        discord.add_webhook(hook, f"token-of-{hook}", channel)
    return discord


def posting(store: Store) -> Posting:
    (one,) = store.subscriptions(HERE)
    return one.posting


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--channel", str(TEXT)), Posting(ChannelKind.TEXT)),
        (("--channel", str(NEWS), "--publish"), Posting(ChannelKind.ANNOUNCEMENT, publishes=True)),
        (("--channel", str(THREAD)), Posting(ChannelKind.THREAD)),
        (("--channel", str(FORUM)), Posting(ChannelKind.FORUM, EACH)),
        (("--channel", str(FORUM), "--posts", "kept"), Posting(ChannelKind.FORUM, KEPT)),
        (("--channel", str(FORUM), "--tag", "news", "--tag", "71"), Posting(ChannelKind.FORUM, EACH, ("72", "71"))),
        (("--channel", str(STRICT), "--tag", "codes"), Posting(ChannelKind.MEDIA, EACH, ("73",))),
    ],
)
def test_what_a_channel_is_and_how_messages_are_posted_there_is_kept(
    giftping: Run, store: Store, town: StandInDiscord, options: tuple[str, ...], expected: Posting
) -> None:
    ran = giftping("guilds", "add", str(HERE), *options)
    assert (ran.exit_code, ran.errors) == (0, "")
    assert posting(store) == expected
    assert giftping("guilds", "test", str(HERE)).exit_code == 0
    assert giftping("doctor").exit_code in (0, 69)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--channel", str(TEXT), "--posts", "kept"), "is a text channel, and takes no posts; giftping guilds add"),
        (("--channel", str(FORUM), "--posts", "none"), "is a forum, where each message needs a post"),
        (("--channel", str(FORUM), "--posts", "kep"), "did you mean 'kept'?"),
        (("--channel", str(TEXT), "--publish"), "is a text channel: only messages of an announcement channel"),
        (("--channel", str(FORUM), "--publish"), "is a forum: only messages of an announcement channel"),
        (("--channel", str(STRICT)), "asks for a tag with each post; giftping guilds add 7001 --tag NAME (Codes)"),
        (("--channel", str(FORUM), "--tag", "Code"), "did you mean 'Codes'?"),
        (("--channel", str(FORUM), "--tag", "99"), "--tag '99'"),
        (("--channel", str(FORUM), *(6 * ("--tag", "71"))), "at most 5 tags"),
        (("--channel", str(FORUM), "--tag", "71", "--no-tag"), "contradict each other"),
        (("--channel", str(TEXT), "--username", "Codes"), "a bot posts under its own name"),
    ],
)
def test_what_a_channel_cannot_do_is_refused_and_nothing_is_kept(
    giftping: Run, store: Store, town: StandInDiscord, options: tuple[str, ...], why: str
) -> None:
    ran = giftping("guilds", "add", str(HERE), *options)
    assert (ran.exit_code, why in ran.error) == (2, True), ran.error
    assert store.subscriptions(HERE) == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--username", "x" * 81), "81 characters, at most 80"),
        (("--username", "My Discord bot"), "'discord' in it"),
        (("--username", "CLYDE"), "'clyde' in it"),
        (("--username", "  "), "blank"),
        (("--avatar", "king.png"), "not an http or https URL"),
        (("--avatar", "ftp://example.org/a.png"), "not an http or https URL"),
        (("--avatar", "https://[bad"), "not a URL"),
        (("--avatar", "https://example.org/" + "a" * 2048), "at most 2048"),
    ],
)
def test_a_name_or_a_picture_that_discord_would_refuse_is_refused(
    giftping: Run, store: Store, town: StandInDiscord, options: tuple[str, ...], why: str
) -> None:
    way = ("--webhook", town.webhook_url(FORUM_HOOK))
    ran = giftping("guilds", "add", str(HERE), *way, *options)
    assert (ran.exit_code, why in ran.error) == (2, True), ran.error
    assert store.subscriptions(HERE) == []


def test_a_webhook_posts_under_the_name_it_is_given_until_that_is_taken_back(
    giftping: Run, store: Store, town: StandInDiscord
) -> None:
    named = ("--username", "Codes of the king", "--avatar", "https://example.org/a.png")
    told = giftping("guilds", "add", str(HERE), "--webhook", town.webhook_url(FORUM_HOOK), *named).output
    assert "each in a post of its own, as Codes of the king" in told
    assert giftping("guilds", "test", str(HERE)).exit_code == 0
    assert giftping("guilds", "add", str(HERE), "--username", "", "--avatar", "").exit_code == 0
    assert giftping("guilds", "test", str(HERE)).exit_code == 0
    names = [town.messages(post.id)[0].author.name for post in town.posts(FORUM)]
    assert names == ["Codes of the king", "Gift codes"]
    assert posting(store) == Posting(ChannelKind.FORUM, EACH)


def test_a_test_posts_each_game_of_a_destination_as_that_one_is_posted(giftping: Run, town: StandInDiscord) -> None:
    for game, name, tag in (("genshin", "Paimon", "Codes"), ("kingshot", "The king", "News")):
        way = ("--webhook", town.webhook_url(FORUM_HOOK), "--username", name, "--tag", tag)
        assert giftping("guilds", "add", str(HERE), "--game", game, *way).exit_code == 0
    assert giftping("guilds", "test", str(HERE)).exit_code == 0
    posted = [(town.messages(post.id)[0].author.name, post.applied_tags) for post in town.posts(FORUM)]
    assert posted == [("Paimon", (71,)), ("The king", (72,))]


def test_without_a_token_it_is_said_what_the_webhooks_channel_is(
    giftping: Run, store: Store, town: StandInDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISCORD_TOKEN")
    way = ("--webhook", town.webhook_url(FORUM_HOOK))
    assert giftping("guilds", "add", str(HERE), *way).exit_code == 0
    ran = giftping("guilds", "test", str(HERE))
    assert (ran.exit_code, f"giftping guilds add {HERE} --posts per-announcement" in ran.errors) == (69, True), ran
    ran = giftping("guilds", "add", str(HERE), "--tag", "Codes")
    assert (ran.exit_code, "no bot sees the forum's tags" in ran.error) == (2, True), ran
    assert giftping("guilds", "add", str(HERE), "--tag", "71").exit_code == 0
    assert posting(store) == Posting(None, EACH, ("71",))
    assert giftping("guilds", "test", str(HERE)).exit_code == 0


def test_what_a_webhook_posts_is_published_by_a_bot_that_manages_messages(
    giftping: Run, town: StandInDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = ("--webhook", town.webhook_url(NEWS_HOOK), "--publish")
    ran = giftping("guilds", "add", str(HERE), *way)
    assert (ran.exit_code, "the bot lacks Manage Messages" in ran.errors) == (0, True)
    assert "the bot lacks Manage Messages" in giftping("doctor").output
    tested = giftping("guilds", "test", str(HERE))
    assert (tested.exit_code, "the bot lacks Manage Messages" in tested.errors) == (0, True)
    town.set_permissions(NEWS, Permission.POSTING | Permission.MANAGE_MESSAGES)
    assert giftping("guilds", "add", str(HERE), *way).errors == ""
    monkeypatch.delenv("DISCORD_TOKEN")
    assert "a webhook alone cannot publish" in giftping("guilds", "add", str(HERE), *way).errors


def test_what_is_not_said_stays_and_another_channel_begins_anew(
    giftping: Run, store: Store, town: StandInDiscord
) -> None:
    giftping("guilds", "add", str(HERE), "--channel", str(FORUM), "--posts", "kept", "--tag", "Codes")
    giftping("guilds", "add", str(HERE), "--label", "Town")
    assert posting(store) == Posting(ChannelKind.FORUM, KEPT, ("71",))
    giftping("guilds", "add", str(HERE), "--no-tag")
    assert posting(store) == Posting(ChannelKind.FORUM, KEPT)
    giftping("guilds", "add", str(HERE), "--channel", str(NEWS))
    assert posting(store) == Posting(ChannelKind.ANNOUNCEMENT)
    # A new game goes where the others go, as they do.
    giftping("guilds", "add", str(HERE), "--publish")
    giftping("guilds", "add", str(HERE), "--game", "kingshot")
    assert [one.posting for one in store.subscriptions(HERE)] == 2 * [Posting(ChannelKind.ANNOUNCEMENT, publishes=True)]


def test_a_locked_thread_takes_a_bot_that_manages_threads(giftping: Run, town: StandInDiscord) -> None:
    town.lock(THREAD)
    ran = giftping("guilds", "add", str(HERE), "--channel", str(THREAD))
    assert (ran.exit_code, "lacks Manage Threads" in ran.errors) == (0, True)
    town.set_permissions(TEXT, Permission.POSTING | Permission.MANAGE_THREADS)
    assert giftping("guilds", "add", str(HERE), "--channel", str(THREAD)).errors == ""


def test_a_channel_that_has_become_a_forum_is_told_and_taken_once_it_is_added_again(
    giftping: Run, store: Store, town: StandInDiscord, home: Path
) -> None:
    giftping("guilds", "add", str(HERE), "--channel", str(TEXT))
    town.add_channel(TEXT, HERE, type=ChannelType.FORUM)
    ran = giftping("guilds", "test", str(HERE))
    assert (ran.exit_code, "is a forum, where each message needs a post" in ran.errors) == (69, True), ran
    giftping("guilds", "add", str(HERE), "--channel", str(TEXT))
    assert posting(store) == Posting(ChannelKind.FORUM, EACH)
    assert giftping("guilds", "test", str(HERE)).exit_code == 0


def test_the_next_steps_of_one_game_name_it_where_the_others_go_elsewhere(
    giftping: Run, store: Store, town: StandInDiscord
) -> None:
    town.add_role(HERE, 7101, is_mentionable=False)
    giftping("guilds", "add", str(HERE), "--channel", str(TEXT))
    ran = giftping("guilds", "add", str(HERE), "--game", "genshin", "--channel", str(NEWS), "--mention", "7101")
    step = f"giftping guilds add {HERE} --game genshin --mention ROLE"
    assert step in ran.error
    for command in (("guilds", "test", str(HERE)), ("doctor",)):
        ran = giftping(*command)
        assert step in " ".join((ran.output + ran.errors).split())
    # As it says: what is asked for changes no other game.
    town.remove_channel(NEWS)
    ran = giftping("doctor")
    assert f"giftping guilds add {HERE} --game genshin --channel ID" in " ".join(ran.output.split())
    assert {one.game: one.mentions for one in store.subscriptions(HERE)}["whiteout-survival"] == ()
