"""Commands that lines tell to type: each changes the games that it is about, and none of the others of the guild."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest
from ran import Ran

from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.world import ChannelType, Permission, Tag
from giftping.discord import meanings
from giftping.discord.meanings import CHANGE
from giftping.store.records import Store

Run = Callable[..., Ran]

HERE, HOOK = 7001, 8001
TOGETHER, ELSEWHERE, FORUM, NEWS = 7010, 7011, 7012, 7013
BOTH, OTHER = ["kingshot", "whiteout-survival"], "genshin"
CODES = {"GIFT2026": "kingshot", "GIFT2027": OTHER}

PRINTED = re.compile(r"giftping guilds add (?:(?! or |`)[^;,()\n\"])+")
TYPED = {"URL": "env:NEW_HOOK", "ID": str(FORUM), "ROLE": "everyone", "NAME": "Codes"}
"""What a person types for what a printed command leaves open."""


@pytest.fixture
def town(discord: StandInDiscord, home: Path, giftping: Run, monkeypatch: pytest.MonkeyPatch) -> StandInDiscord:
    """A guild of which two games go to one channel, and a third to another."""
    (home / "giftping.toml").write_text("[codes]\nbuilt_in_sources = false\n", "utf-8")
    monkeypatch.setenv("COLUMNS", "1000")
    discord.add_guild(HERE)
    discord.set_bot(HERE, permissions=0)
    for channel in (TOGETHER, ELSEWHERE):
        discord.add_channel(channel, HERE)
    discord.add_channel(FORUM, HERE, type=ChannelType.FORUM, tags=[Tag(71, "Codes")])
    discord.add_channel(NEWS, HERE, type=ChannelType.ANNOUNCEMENT)
    for hook in (HOOK, HOOK + 1):
        discord.add_webhook(hook, f"token-of-{hook}", TOGETHER)
    monkeypatch.setenv("OLD_HOOK", discord.webhook_url(HOOK))
    monkeypatch.setenv("NEW_HOOK", discord.webhook_url(HOOK + 1))
    return discord


def settle_in(giftping: Run, *where: str) -> None:
    """Let the guild follow all games, two of them at the place that is asked for."""
    games = [word for game in BOTH for word in ("--game", game)]
    for words in ((*games, *where), ("--game", OTHER, "--channel", str(ELSEWHERE))):
        ran = giftping("guilds", "add", str(HERE), *words, "--announce-current")
        assert ran.exit_code == 0, ran
    for code, game in CODES.items():
        assert giftping("codes", "add", code, "--game", game).exit_code == 0


def everything_said(giftping: Run) -> str:
    """All that is said of the guild, by whatever says anything of it."""
    lines = (
        ("codes", "check"),
        ("codes", "check", "--json"),
        ("guilds", "list"),
        ("guilds", "list", "--json"),
        ("codes", "explain", "GIFT2026", "--guild", str(HERE)),
        ("doctor",),
        ("guilds", "test", str(HERE)),
    )
    return "\n".join(ran.output + ran.errors for ran in (giftping(*line) for line in lines))


def type_each(giftping: Run, store: Store, said: str) -> set[str]:
    """Type each command that is printed, see that it changes the games of one place at most, and return them."""
    printed = {one.strip() for one in PRINTED.findall(said)}
    for line in printed:
        named = sorted(re.findall(r"--game (\S+)", line))
        assert named in (BOTH, [OTHER]), line
        before = [one for one in store.subscriptions(HERE) if one.game not in named]
        ran = giftping(*(TYPED.get(word, word) for word in line.split()[1:]))
        assert "name the games" not in ran.errors, (line, ran)
        assert [one for one in store.subscriptions(HERE) if one.game not in named] == before, line
    return printed


ANSWERS = {one: code for code, one in meanings._BY_CODE.items() if CHANGE in one.mend}
"""What is said no with where a command mends it, a code for each meaning."""


@pytest.mark.parametrize("code", ANSWERS.values())
def test_whatever_a_place_says_no_with_only_its_games_are_changed_by_what_is_printed(
    giftping: Run, store: Store, town: StandInDiscord, code: int
) -> None:
    by_webhook = "webhook" in meanings.meaning_of(400, code).mend
    settle_in(giftping, *(("--webhook", "env:OLD_HOOK") if by_webhook else ("--channel", str(TOGETHER))))
    place = {"webhook_id": HOOK} if by_webhook else {"channel_id": TOGETHER}
    town.fail(faults.status(400, code), match=Match(method="POST", **place), times=None)
    said = everything_said(giftping)
    # The check, the list, the story of the code, the doctor and the test, each in its own words, name the way out.
    assert said.count(f"giftping guilds add {HERE} --game kingshot --game whiteout-survival") > 5, said
    type_each(giftping, store, said)


WAYS = ("--channel", str(TOGETHER)), ("--webhook", "env:OLD_HOOK")

LOST: dict[str, Callable[[StandInDiscord], object]] = {
    "gone": lambda town: town.remove_channel(TOGETHER),
    "a forum": lambda town: town.add_channel(TOGETHER, HERE, type=ChannelType.FORUM),
    "a forum that wants tags": lambda town: town.add_channel(
        TOGETHER, HERE, type=ChannelType.FORUM, tags=[Tag(71, "Codes")], wants_tag=True
    ),
    "a voice channel": lambda town: town.add_channel(TOGETHER, HERE, type=ChannelType.VOICE),
    "another guild's": lambda town: (town.add_guild(HERE + 1), town.add_channel(TOGETHER, HERE + 1)),
    "hidden": lambda town: town.set_permissions(TOGETHER, Permission.NONE),
}


@pytest.mark.parametrize(("lost", "way"), list(zip(LOST.values(), cycle(WAYS), strict=False)), ids=LOST)
def test_whatever_a_place_has_become_only_its_games_are_changed_by_what_is_printed(
    giftping: Run, store: Store, town: StandInDiscord, lost: Callable[[StandInDiscord], object], way: tuple[str, ...]
) -> None:
    settle_in(giftping, *way, "--mention", "4242", "--no-check")
    lost(town)
    assert type_each(giftping, store, everything_said(giftping))


def test_what_cannot_be_published_without_a_bot_is_let_be_for_its_games_alone(
    giftping: Run, store: Store, town: StandInDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.add_webhook(HOOK, f"token-of-{HOOK}", NEWS)
    settle_in(giftping, "--webhook", "env:OLD_HOOK", "--publish")
    monkeypatch.delenv("DISCORD_TOKEN")
    printed = type_each(giftping, store, everything_said(giftping))
    assert printed == {f"giftping guilds add {HERE} --game kingshot --game whiteout-survival --no-publish"}
    assert not any(one.posting.publishes for one in store.subscriptions(HERE))


def test_where_games_go_to_several_places_those_that_are_meant_have_to_be_named(
    giftping: Run, store: Store, town: StandInDiscord
) -> None:
    assert town
    settle_in(giftping, "--channel", str(TOGETHER))
    before = store.subscriptions(HERE)
    for options in (
        ("--channel", str(NEWS)),
        ("--webhook", "env:OLD_HOOK"),
        ("--mention", "everyone"),
        ("--no-mention",),
        ("--style", "compact"),
        ("--announce-current",),
        ("--posts", "none"),
        ("--no-publish",),
        ("--no-tag",),
        ("--username", "x"),
        ("--avatar", ""),
    ):
        ran = giftping("guilds", "add", str(HERE), *options)
        assert ran.exit_code == 2, (options, ran)
        for named in (f"--game {' --game '.join(BOTH)} (channel {TOGETHER})", f"--game {OTHER} (channel {ELSEWHERE})"):
            assert named in ran.error or "webhooks" in ran.error, (options, ran)
        assert store.subscriptions(HERE) == before
    # What is the guild's is no game's.
    assert giftping("guilds", "add", str(HERE), "--label", "Town", "--language", "DE").exit_code == 0
    assert store.guild(HERE).language == "de"
    # All of them at one place: then all are meant.
    assert giftping("guilds", "add", str(HERE), "--game", OTHER, "--channel", str(TOGETHER)).exit_code == 0
    assert giftping("guilds", "add", str(HERE), "--channel", str(NEWS)).exit_code == 0
    assert {one.destination.channel_id for one in store.subscriptions(HERE)} == {NEWS}
