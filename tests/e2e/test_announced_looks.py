"""What members see, by both ways and in both styles: every code once, also where buttons are refused or a run dies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from forks import ForkedHost, Forker, Forkers, Victim, forked
from plays import FATES, Play, hold_promises, kill_at_request, opened, run_killed
from scene import GAME, Scene

from giftping.demo.log import Match

CODES = [f"Gift{number:02}Code" for number in range(30)]
PICTURE = "https://pictures.example/icon.png"
LOOK = (
    f'[games.{GAME}]\nredeem_url = "https://redeem.example/?c={{code}}"\nthumbnail = "{PICTURE}"\ncolor = "#123456"\n'
)
PLAYS = (Play("bot", bots=1), Play("webhook, readable, 20 min later", webhooks=1, later=True))
ROUTES = pytest.mark.parametrize("route", ["webhook", "bot"])


def guild_of(scene: Scene, host: ForkedHost, route: str, *options: str) -> int:
    return (scene.webhook_guild if route == "webhook" else scene.bot_guild)(host, 1, *options)


@ROUTES
def test_many_codes_in_the_compact_style_are_seen_in_the_content_and_on_buttons(
    scene: Scene, forker: Forker, route: str
) -> None:
    scene.list_codes(*CODES)
    host = forked(scene.host(settings=LOOK), forker)
    guild = guild_of(scene, host, route, "--style", "compact", "--mention", "555")
    ran = host.run("codes", "check")
    assert (ran.exit_code, ran.errors) == (0, "")
    first, second = scene.discord.messages(scene.channels[guild])
    assert first.content.splitlines()[0] == "<@&555>"
    assert [*first.content.splitlines()[1:], *second.content.splitlines()] == [f"`{code}`" for code in CODES]
    labels = [one["label"] for each in (first, second) for row in each.components for one in row["components"]]
    assert labels == [f"Redeem {code}" for code in CODES]
    assert (first.embeds[0]["color"], first.embeds[0]["thumbnail"]["url"]) == (0x123456, PICTURE)
    assert scene.arrived(guild) == Counter(CODES)


@ROUTES
def test_where_buttons_are_refused_each_code_arrives_once_with_its_link(
    scene: Scene, forker: Forker, route: str
) -> None:
    scene.list_codes(*CODES)
    host = forked(scene.host(settings=LOOK), forker)
    guild = guild_of(scene, host, route)
    scene.discord.refuse_buttons(scene.channels[guild])
    ran = host.run("codes", "check")
    assert (ran.exit_code, ran.errors) == (0, "")
    assert scene.arrived(guild) == Counter(CODES)
    messages = scene.discord.messages(scene.channels[guild])
    assert all("[Redeem](https://redeem.example/?c=" in str(message.embeds) for message in messages)
    assert [message.components for message in messages] == [()] * len(messages)
    # Asked for once, and not for each of the messages.
    assert scene.discord.count(Match(method="POST")) == len(messages) + 1
    assert "owed" not in host.run("guilds", "list").output


@pytest.mark.parametrize("style", ["full", "compact"])
@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_run_killed_while_discord_has_a_message_that_it_may_refuse_for_its_buttons_posts_nothing_twice(
    play: Play, style: str, forkers: Forkers, tmp_path: Path
) -> None:
    def kill(post: tuple[int, str]) -> None:
        nth, fate = post
        with opened(play, tmp_path / f"{nth} {fate}", forkers) as (scene, host):
            for guild, channel in scene.channels.items():
                assert host.run("guilds", "add", str(guild), "--style", style).exit_code == 0
                # The first post of each message is refused.
                scene.discord.refuse_buttons(channel)
            victim = Victim()
            kill_at_request(scene, victim, nth, fate)
            assert run_killed(play, scene, host, "codes", "check", on_start=victim.started).exit_code == -9
            hold_promises(play, scene, host)

    forkers.each(kill, [(nth, fate) for nth in (1, 2) for fate in FATES])


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_compact_message_whose_run_died_is_found_in_the_channel(play: Play, forkers: Forkers, tmp_path: Path) -> None:
    with opened(play, tmp_path / "scene", forkers) as (scene, host):
        (guild,) = scene.channels
        assert host.run("guilds", "add", str(guild), "--style", "compact").exit_code == 0
        victim = Victim()
        kill_at_request(scene, victim, 1, "stored before the run dies")
        assert run_killed(play, scene, host, "codes", "check", on_start=victim.started).exit_code == -9
        # What the guild wants by now is for the next message.
        assert host.run("guilds", "add", str(guild), "--style", "full").exit_code == 0
        hold_promises(play, scene, host)
