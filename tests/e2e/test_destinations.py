"""Each game of a guild goes where it should: into channels, threads and forums, and is published, as members see it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from forks import Forker, forked
from scene import GAME, Host, Scene

from giftping.demo.world import ChannelType, Permission, StoredMessage, Tag

GUILD, NEWS, GENSHIN, FORUM = 5001, 5_000_001, 5_000_002, 5_000_003
NEWS_ROLE, GENSHIN_ROLE = 5101, 5102
HOOK = 9_500_000


@pytest.fixture
def town(scene: Scene) -> Scene:
    """A guild with an announcement channel, a text channel and a forum that wants tags."""
    scene.discord.add_guild(GUILD)
    scene.discord.set_bot(GUILD, permissions=0)
    scene.discord.add_channel(NEWS, GUILD, type=ChannelType.ANNOUNCEMENT)
    scene.discord.add_channel(GENSHIN, GUILD)
    scene.discord.add_channel(FORUM, GUILD, type=ChannelType.FORUM, tags=[Tag(71, "codes")], wants_tag=True)
    scene.discord.add_webhook(HOOK, "forum-secret", FORUM)
    for role in (NEWS_ROLE, GENSHIN_ROLE):
        scene.discord.add_role(GUILD, role)
    return scene


def in_posts(scene: Scene) -> list[list[StoredMessage]]:
    return [scene.discord.messages(post.id) for post in scene.discord.posts(FORUM)]


def codes_in(messages: list[StoredMessage]) -> list[str]:
    from giftping.demo.log import visible_codes

    return [code for message in messages for code in visible_codes(message)]


def check(host: Host) -> str:
    ran = host.run("codes", "check")
    assert (ran.exit_code, ran.errors) == (0, ""), ran
    return ran.output


def add(host: Host, *options: str) -> None:
    ran = host.run("guilds", "add", str(GUILD), *options)
    assert (ran.exit_code, ran.errors) == (0, ""), ran


def test_two_games_in_two_channels_and_a_third_in_a_forum(town: Scene, forker: Forker) -> None:
    for game, code in ((GAME, "OLDWOS"), ("genshin", "OLDGENSHIN"), ("kingshot", "OLDKING")):
        town.list_codes(code, game=game)
    host = forked(town.host(), forker)
    host.environment["FORUM_HOOK"] = town.discord.webhook_url(HOOK)
    add(host, "--game", GAME, "--channel", str(NEWS), "--mention", str(NEWS_ROLE), "--publish")
    add(host, "--game", "genshin", "--channel", str(GENSHIN), "--mention", str(GENSHIN_ROLE))
    by_name = ("--username", "Royal codes", "--avatar", "https://example.org/king.png")
    add(host, "--game", "kingshot", "--webhook", "env:FORUM_HOOK", "--tag", "codes", *by_name)
    check(host)
    for game, code in ((GAME, "NEWWOS"), ("genshin", "NEWGENSHIN"), ("kingshot", "NEWKING")):
        town.list_codes(code, game=game)
    assert "published 1 message" in check(host)

    (news,), (genshin,), ((king,),) = town.discord.messages(NEWS), town.discord.messages(GENSHIN), in_posts(town)
    assert [codes_in([one]) for one in (news, genshin, king)] == [["NEWWOS"], ["NEWGENSHIN"], ["NEWKING"]]
    assert (news.notified.roles, genshin.notified.roles, king.notified.roles) == ((NEWS_ROLE,), (GENSHIN_ROLE,), ())
    assert (news.is_published, genshin.is_published) == (True, False)
    (post,) = town.discord.posts(FORUM)
    assert (king.author.name, king.webhook_id, post.applied_tags) == ("Royal codes", HOOK, (71,))
    assert "NEWKING" in post.name

    # One is changed; the others stay as they are, and nothing is announced again.
    ledger = host.ledger()
    add(host, "--game", "genshin", "--channel", str(FORUM), "--posts", "kept", "--tag", "71")
    check(host)
    town.list_codes("NEWERWOS", "NEWWOS")
    town.list_codes("NEWERGENSHIN", "NEWGENSHIN", game="genshin")
    check(host)
    assert codes_in(town.discord.messages(NEWS)) == ["NEWWOS", "NEWERWOS"]
    assert codes_in(town.discord.messages(GENSHIN)) == ["NEWGENSHIN"]
    assert [codes_in(post) for post in in_posts(town)] == [["NEWKING"], ["NEWERGENSHIN"]]
    assert ledger.items() <= host.ledger().items()


@pytest.mark.parametrize("by_webhook", [False, True], ids=["bot", "webhook"])
def test_a_post_that_is_kept_up_is_opened_anew_when_somebody_deletes_it(
    scene: Scene, forker: Forker, by_webhook: bool
) -> None:
    scene.list_codes("FIRST")
    host = forked(scene.host(), forker)
    guild = scene.forum_guild(host, 1, "--posts", "kept", by_webhook=by_webhook)
    forum = scene.channels[guild]
    for code in ("FIRST", "SECOND", "THIRD"):
        scene.list_codes(code)
        check(host)
    (post,) = scene.discord.posts(forum)
    assert codes_in(scene.discord.messages(post.id)) == ["FIRST", "SECOND", "THIRD"]
    scene.discord.archive(post.id)
    scene.list_codes("FOURTH")
    check(host)
    assert codes_in(scene.discord.messages(post.id))[-1] == "FOURTH"
    scene.discord.remove_channel(post.id)
    for code in ("FIFTH", "SIXTH"):
        scene.list_codes(code)
        check(host)
    (anew,) = scene.discord.posts(forum)
    assert codes_in(scene.discord.messages(anew.id)) == ["FIFTH", "SIXTH"]
    assert host.run("guilds", "list").output.count("all in one post") == 1


@pytest.mark.parametrize("by_webhook", [False, True], ids=["bot", "webhook"])
@pytest.mark.parametrize("posts", ["kept", "per-announcement"])
def test_what_has_ended_is_put_right_in_posts_and_archived_ones_stay_archived(
    scene: Scene, forker: Forker, by_webhook: bool, posts: str
) -> None:
    end = scene.discord.clock() + timedelta(hours=1)
    scene.list_codes({"code": "SHORT", "expires": end.isoformat()})
    host = forked(scene.host(), forker)
    guild = scene.forum_guild(host, 1, "--posts", posts, by_webhook=by_webhook)
    check(host)
    (post,) = scene.discord.posts(scene.channels[guild])
    scene.discord.archive(post.id)
    # Withdrawn by a person: no clock has to be put forward for that.
    assert host.run("codes", "withdraw", "SHORT").exit_code == 0
    assert "edited 1 message" in check(host)
    (message,) = scene.discord.messages(post.id)
    assert "by mistake" in str(message.embeds)
    assert scene.discord.posts(scene.channels[guild])[0].is_archived


def test_what_is_to_be_published_is_asked_again_until_it_is(town: Scene, forker: Forker) -> None:
    town.list_codes("OLDCODE7")
    host = forked(town.host(), forker)
    town.discord.add_webhook(HOOK + 1, "news-secret", NEWS)
    host.environment["NEWS_HOOK"] = town.discord.webhook_url(HOOK + 1)
    ran = host.run("guilds", "add", str(GUILD), "--webhook", "env:NEWS_HOOK", "--publish")
    assert (ran.exit_code, "the bot lacks Manage Messages" in ran.errors) == (0, True)
    check(host)
    town.list_codes("NEWCODE8")
    ran = host.run("codes", "check")
    assert (ran.exit_code, "allow the bot Manage Messages there" in ran.errors) == (69, True), ran
    assert codes_in(town.discord.messages(NEWS)) == ["NEWCODE8"]
    ran = host.run("codes", "check")
    assert (ran.exit_code, ran.output, ran.errors) == (0, "", "")
    town.discord.set_permissions(NEWS, Permission.POSTING | Permission.MANAGE_MESSAGES)
    town.list_codes("NEWCODE8", "NEWCODE9")
    ran = host.run("codes", "check")
    assert (ran.exit_code, "published 2 messages" in ran.output) == (0, True), ran
    assert [message.is_published for message in town.discord.messages(NEWS)] == [True, True]
    assert "published" not in check(host)


def test_a_webhook_alone_cannot_publish_and_that_is_said(town: Scene, forker: Forker) -> None:
    town.list_codes("OLDCODE7")
    host = forked(town.host(token=False), forker)
    town.discord.add_webhook(HOOK + 1, "news-secret", NEWS)
    host.environment["NEWS_HOOK"] = town.discord.webhook_url(HOOK + 1)
    ran = host.run("guilds", "add", str(GUILD), "--webhook", "env:NEWS_HOOK", "--publish")
    assert (ran.exit_code, "a webhook alone cannot publish" in ran.errors) == (0, True)
    check(host)
    town.list_codes("NEWCODE8")
    ran = host.run("codes", "check")
    assert (ran.exit_code, "no bot token" in ran.errors) == (69, True), ran
    assert host.run("guilds", "add", str(GUILD), "--no-publish").exit_code == 0
    town.list_codes("NEWCODE9")
    check(host)
