"""What a no of Discord's means, from the post to the exit code: who must mend what, and when it is tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from forks import ForkedHost, Forker, forked
from scene import Scene, sample
from test_failure_table import CHANNEL, CODE, FINE, GUILD, TROUBLE, WEBHOOK, Play, play_of

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.demo.world import ChannelType
from giftping.discord import meanings
from giftping.text import escape_markdown

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
        ("webhook", "(220001)", "--posts per-announcement, or --posts kept"),
        ("webhook with token", "(220001)", "--posts per-announcement, or --posts kept"),
        ("bot", "(50008)", f"if it is a forum now, giftping guilds add {GUILD} --posts per-announcement"),
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


def rows() -> list[tuple[int, int]]:
    """Return a code of Discord's for each meaning that the table has, with the status that it comes with."""
    first = {meaning: code for code, meaning in reversed(meanings._BY_CODE.items())}
    statuses = {10: 404, 20: 403, 30: 400, 40: 403, 50: 403}
    special = {40001: 401, 40002: 403, 40067: 400, 50006: 400, 50008: 400, 50024: 400, 50027: 401, 50035: 400}
    return [(special.get(code, statuses.get(code // 1000, 400)), code) for code in sorted(first.values())]


@pytest.mark.parametrize(
    ("status", "code", "route"),
    [(*row, route) for number, row in enumerate(rows()) for route in sample(("webhook", "bot"), 2, number)],
)
def test_whatever_discord_says_no_with_all_who_tell_of_it_say_the_same(
    scene: Scene, forker: Forker, status: int, code: int, route: str
) -> None:
    play = play_of(scene, forker, route)
    operator = operator_of(scene, play)
    place = {"webhook_id": WEBHOOK} if route == "webhook" else {"channel_id": CHANNEL}
    scene.discord.fail(faults.status(status, code), match=Match(method="POST", **place), times=None)
    meaning = meanings.meaning_of(status, code, by_webhook=route == "webhook")
    meaning = meaning.said_of(f"giftping guilds add {GUILD}")
    first = play.host.run("codes", "check", "--json")
    (told,) = first.json["deliveries"]
    assert (first.exit_code, told["result"], told["codes"]) == (TROUBLE, "refused", [CODE])
    who = meaning.who.value if meaning.who else None
    assert (told["kind"], told["who"], told["mend"]) == (meaning.kind.value, who, meaning.mend)
    assert first.json["broken"] == meaning.is_of_destination
    (line,) = first.errors.splitlines()
    assert meaning.mend in line
    assert ("goes out in a later run" in line) is not (meaning.is_of_destination or meaning.is_of_message)
    is_timed = meaning.again in (meanings.Again.SOON, meanings.Again.HOURS) and meaning.kind is not meanings.Kind.TOKEN
    assert (told["retry_at"] is not None) == is_timed
    assert escape_markdown(meaning.mend) in operator()
    listed = " ".join(play.host.run("guilds", "list", COLUMNS="400").output.split())
    explained = play.host.run("codes", "explain", CODE, "--guild", str(GUILD)).output
    assert "1 code owed" in listed
    assert f"({code})" in explained
    for shown in (listed, explained):
        assert meaning.mend in shown
    assert play.state() == "absent"
    if meaning.mend and not meaning.is_of_destination:
        assert findings(play.host)["refused"]["next_step"].startswith(meaning.mend)
    scene.discord.clear_faults()
    if meaning.is_of_destination or meaning.is_of_message:
        quiet = play.host.run("codes", "check", "--json")
        (rest,) = quiet.json["resting"]
        assert (quiet.exit_code, rest["mend"], rest["kind"]) == (FINE, meaning.mend, meaning.kind.value)
        name = "destination" if meaning.is_of_destination else "refused"
        assert findings(play.host)[name]["verdict"] in ("warn", "fail")
    if meaning.is_of_destination or meaning.is_of_message or meaning.kind is meanings.Kind.TOKEN:
        assert play.host.run("guilds", "test", str(GUILD), "--no-post").exit_code == FINE
    assert play.check().exit_code == FINE
    assert scene.arrived(GUILD) == {CODE: 1}


def operator_of(scene: Scene, play: Play) -> Callable[[], str]:
    """Give the play an operator, and return what they have been told so far."""
    scene.discord.add_guild(7000)
    scene.discord.add_channel(7001, 7000)
    scene.discord.add_webhook(7002, "a-secret-of-the-operator", 7001)
    play.host.environment["OPERATOR_WEBHOOK"] = scene.discord.webhook_url(7002)
    toml = play.host.folder / "giftping.toml"
    toml.write_text(toml.read_text("utf-8") + '\n[operator]\nwebhook = "env:OPERATOR_WEBHOOK"\n', "utf-8")
    return lambda: "\n".join(message.content for message in scene.discord.messages(7001))


def test_doctor_finds_the_forum_of_a_webhook_before_anything_was_posted(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "webhook with token")
    scene.discord.add_channel(CHANNEL, GUILD, type=ChannelType.FORUM)
    found = findings(play.host)["destination"]
    assert (found["verdict"], "is of a forum" in found["what"]) == ("fail", True)
    assert "--posts per-announcement, or --posts kept" in found["next_step"]


def test_a_refused_token_stops_the_bots_posts_and_webhooks_go_on(scene: Scene, forker: Forker) -> None:
    scene.list_codes(CODE)
    host = forked(scene.host(), forker)
    bots = [scene.bot_guild(host, number, "--announce-current") for number in range(1, 13)]
    hook = scene.webhook_guild(host, 1, "--announce-current")
    host.environment["DISCORD_TOKEN"] = "another-token"
    ran = host.run("codes", "check")
    assert ran.exit_code == TROUBLE
    (line,) = ran.errors.splitlines()
    assert "12 guilds: refused (HTTP 401 Unauthorized)" in line
    assert "make a new one in the developer portal" in line
    as_bot = [scene.discord.count(Match(method="POST", channel_id=scene.channels[bot])) for bot in bots]
    assert sum(as_bot) <= 1, "whoever comes after the first refusal does not try"
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


def test_what_is_uncertain_counts_when_it_is_told_once_and_daily_and_is_always_shown(
    scene: Scene, forker: Forker
) -> None:
    play = play_of(scene, forker, "webhook")
    scene.discord.fail(faults.reset(), match=POSTS)
    told = [play.check(timedelta(hours=number)) for number in range(52)]
    # Unclear, then uncertain; from then on daily, by whichever run comes then: idle ones have not opened the store.
    assert [number for number, ran in enumerate(told) if ran.exit_code == TROUBLE] == [0, 1, 25, 49]
    assert [number for number, ran in enumerate(told) if ran.errors] == [0, 1, 25, 49]
    for _ in range(2):
        shown = play.host.run("codes", "check", "--json")
        assert (shown.exit_code, shown.json["uncertain"], shown.json["exit_code"]) == (FINE, 1, FINE)
    assert findings(play.host)["uncertain"]["verdict"] == "fail"
    assert play.host.run("codes", "stats", "--json").json["states"]["uncertain"] == 1
    assert f"codes settle {GUILD}" in " ".join(play.host.run("guilds", "list", COLUMNS="300").output.split())
