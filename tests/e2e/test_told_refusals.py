"""What a no of Discord's means, from the post to the exit code: who must mend what, and when it is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from forks import ForkedHost, Forker, forked
from scene import Scene
from test_failure_table import CHANNEL, CODE, FINE, GUILD, TROUBLE, WEBHOOK, play_of

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.demo.world import ChannelType

HALF_AN_HOUR, HOURS = timedelta(minutes=31), timedelta(hours=3)
NO_CHANNEL = faults.status(404, 10003, "Unknown Channel")
POSTS = Match(method="POST")


def findings(host: ForkedHost) -> dict[str, dict[str, str]]:
    return {one["name"]: one for one in host.run("doctor", "--json").json["findings"]}


def test_a_channel_that_is_missing_once_is_tried_after_half_an_hour_and_the_code_goes_out(
    scene: Scene, forker: Forker
) -> None:
    play = play_of(scene, forker, "bot")
    scene.discord.fail(NO_CHANNEL, match=POSTS)
    first = play.check()
    assert first.exit_code == TROUBLE
    assert "the channel is not there any more: choose another one, then: giftping guilds test" in first.errors
    assert "tried again after" in first.errors
    # The source forgets the code, and the channel is back.
    scene.list_codes("ANOTHER1")
    early = play.check()
    assert (early.exit_code, early.errors, play.posts) == (FINE, "", 1)
    assert play.check(HALF_AN_HOUR).exit_code == FINE
    assert scene.arrived(GUILD) == {CODE: 1, "ANOTHER1": 1}
    assert play.check(HALF_AN_HOUR).errors == ""


def test_a_code_that_ended_while_its_channel_was_gone_is_told_as_missed(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "bot")
    ends = (play.started + HOURS).isoformat()
    scene.list_codes({"code": CODE, "expires": ends})
    scene.discord.remove_channel(CHANNEL)
    play.check()
    play.check(HALF_AN_HOUR)
    over = play.check(HOURS + HALF_AN_HOUR)
    assert over.exit_code == TROUBLE
    assert f"missed (HTTP 404 Unknown Channel (10003)): {CODE}; it ended before it could go out" in over.errors
    assert play.check(HOURS + HALF_AN_HOUR).exit_code == FINE


@pytest.mark.parametrize(
    ("route", "reason", "mend"),
    [
        ("webhook", "(220001)", "add ?thread_id=ID of a post to its URL"),
        ("webhook with token", "(220001)", "add ?thread_id=ID of a post to its URL"),
        ("bot", "(50008)", "choose a text channel"),
    ],
)
def test_a_forum_says_what_is_missing_everywhere_and_is_not_asked_again_by_every_run(
    scene: Scene, forker: Forker, route: str, reason: str, mend: str
) -> None:
    play = play_of(scene, forker, route)
    scene.discord.add_channel(CHANNEL, GUILD, type=ChannelType.FORUM)
    first = play.check()
    assert first.exit_code == TROUBLE
    assert reason in first.errors
    assert mend in first.errors
    assert "later run" not in first.errors
    again = play.host.run("codes", "check", "--json")
    assert (again.exit_code, play.posts) == (FINE, 1)
    assert again.json["broken"] == 1
    (rest,) = again.json["resting"]
    assert (rest["kind"], rest["who"], mend in rest["mend"]) == ("destination", "operator", True)
    listed = play.host.run("guilds", "list", COLUMNS="300").output
    assert "fine" not in listed
    assert mend in " ".join(listed.split())
    assert "1 code owed" in listed
    found = findings(play.host)["destination"]
    assert found["verdict"] == "fail"
    assert play.host.run("doctor").exit_code == TROUBLE
    explained = play.host.run("codes", "explain", CODE, "--guild", str(GUILD)).output
    assert mend in explained
    # Somebody gives the webhook, or the guild, another channel.
    scene.discord.add_channel(CHANNEL, GUILD)
    assert play.check(HOURS).exit_code == FINE
    assert scene.arrived(GUILD) == {CODE: 1}


def test_doctor_finds_the_forum_of_a_webhook_before_anything_was_posted(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "webhook with token")
    scene.discord.add_channel(CHANNEL, GUILD, type=ChannelType.FORUM)
    found = findings(play.host)["destination"]
    assert (found["verdict"], "is of a forum" in found["what"]) == ("fail", True)
    assert "?thread_id=ID" in found["what"]


def test_a_refused_token_stops_the_bots_posts_and_webhooks_go_on(scene: Scene, forker: Forker) -> None:
    scene.list_codes(CODE)
    plain = scene.host()
    bots = [scene.bot_guild(plain, number, "--announce-current") for number in range(1, 13)]
    hook = scene.webhook_guild(plain, 1, "--announce-current")
    host = forked(plain, forker)
    host.environment["DISCORD_TOKEN"] = "another-token"
    ran = host.run("codes", "check")
    assert ran.exit_code == TROUBLE
    (line,) = ran.errors.splitlines()
    assert "12 guilds: refused (HTTP 401 Unauthorized)" in line
    assert "make a new one in the developer portal" in line
    as_bot = [scene.discord.count(Match(method="POST", channel_id=scene.channels[bot])) for bot in bots]
    assert sum(as_bot) == 1
    assert (sum(scene.arrived(hook).values()), [sum(scene.arrived(bot).values()) for bot in bots]) == (1, [0] * 12)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"id": "none"}', b'{"code": 10003, "message": "x"}'])
def test_a_good_status_without_a_message_is_unclear_and_not_posted_twice(
    scene: Scene, forker: Forker, body: bytes
) -> None:
    play = play_of(scene, forker, "webhook")
    scene.discord.fail(faults.garbage(body), match=POSTS, after=True)
    assert "unclear whether it arrived" in play.check().errors
    assert "uncertain" in play.check().errors
    assert (play.posts, scene.arrived(GUILD)) == (1, {CODE: 1})
    assert "fine" not in play.host.run("guilds", "list", COLUMNS="200").output
    explained = play.host.run("codes", "explain", CODE, "--guild", str(GUILD)).output
    assert f"giftping codes settle {GUILD} --sent" in explained


def test_what_a_person_must_mend_counts_when_it_is_told_once_and_daily(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "webhook")
    scene.discord.remove_webhook(WEBHOOK)
    told = [play.check(timedelta(hours=number)) for number in range(50)]
    assert [number for number, ran in enumerate(told) if ran.exit_code == TROUBLE] == [0, 24, 48]
    assert [number for number, ran in enumerate(told) if ran.errors] == [0, 24, 48]
    # Asked what time it is, Discord says that the webhook is gone: nothing is posted to it.
    assert play.posts == 0
