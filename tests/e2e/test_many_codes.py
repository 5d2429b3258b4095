"""Many codes at once: every one is shown, once, and a failure in the middle repeats nothing."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from forks import Forker, forked
from scene import Scene

from giftping.demo import faults
from giftping.demo.log import Match

CODES = [f"Gift{number:02}Code" for number in range(23)]
EACH_ONCE = Counter(CODES)
FINE, TROUBLE = 0, 69
SECOND_POST = Match(method="POST", nth=2)
HARDLY_A_BUDGET = '[codes]\nbuilt_in_sources = false\nbudget = "1s"\n'


@pytest.mark.parametrize("route", ["webhook", "bot"])
def test_23_new_codes_arrive_as_23_visible_codes(scene: Scene, forker: Forker, route: str) -> None:
    """D8: codes beyond the tenth are shown too, in further messages."""
    scene.list_codes(*CODES)
    host = forked(scene.host(), forker)
    guild = scene.webhook_guild(host) if route == "webhook" else scene.bot_guild(host)
    ran = host.run("codes", "check")
    assert (ran.exit_code, ran.errors) == (FINE, "")
    assert scene.arrived(guild) == EACH_ONCE
    assert [len(arrival.codes) for arrival in scene.discord.arrived()] == [10, 10, 3]
    assert len(host.states()) == 23


@pytest.mark.parametrize("stored", [False, True])
def test_a_500_in_the_middle_repeats_nothing_on_the_bot_route(scene: Scene, forker: Forker, stored: bool) -> None:
    scene.list_codes(*CODES)
    host = forked(scene.host(), forker)
    guild = scene.bot_guild(host)
    scene.discord.fail(faults.status(500), match=SECOND_POST, after=stored)
    assert host.run("codes", "check").exit_code == TROUBLE
    assert Counter(host.states().values()) == {"sent": 10, "open": 10}
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == EACH_ONCE
    assert scene.discord.count(Match(method="POST")) == (3 if stored else 4)


def test_a_429_past_the_budget_in_the_middle_repeats_nothing_on_the_webhook_route(scene: Scene, forker: Forker) -> None:
    scene.list_codes(*CODES)
    host = forked(scene.host(settings=HARDLY_A_BUDGET), forker)
    guild = scene.webhook_guild(host)
    scene.discord.fail(faults.rate_limited("shared", 600), match=SECOND_POST)
    assert host.run("codes", "check").exit_code == TROUBLE
    assert Counter(host.states().values()) == {"sent": 10}
    assert sum(scene.arrived(guild).values()) == 10
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == EACH_ONCE
    assert scene.discord.count(Match(method="POST")) == 4


def test_a_500_in_the_middle_on_the_webhook_route_holds_back_only_what_is_unclear(scene: Scene, forker: Forker) -> None:
    scene.list_codes(*CODES)
    host = forked(scene.host(token=False), forker)
    guild = scene.webhook_guild(host)
    scene.discord.fail(faults.status(500), match=SECOND_POST)
    assert host.run("codes", "check").exit_code == TROUBLE
    assert host.run("codes", "check").exit_code == TROUBLE
    assert Counter(host.states().values()) == {"sent": 13, "uncertain": 10}
    assert max(scene.arrived(guild).values()) == 1
    assert host.run("codes", "settle", "--guild", str(guild), "--resend").exit_code == FINE
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == EACH_ONCE


def test_many_codes_notify_the_role_once(scene: Scene, forker: Forker) -> None:
    scene.list_codes(*CODES)
    host = forked(scene.host(), forker)
    guild = scene.bot_guild(host, 1, "--mention", "555")
    assert host.run("codes", "check").exit_code == FINE
    messages = scene.discord.messages(scene.channels[guild])
    assert [message.notified.roles for message in messages] == [(555,), (), ()]


def junk(number: int) -> dict[str, str]:
    """Return a row that may not go out: expired, furniture, a placeholder, a mention, markup, a look-alike."""
    kinds = (
        {"code": f"OLD{number}CODE", "expires": "2020-01-01"},
        {"code": "Download"},
        {"code": "COMING SOON"},
        {"code": "@everyone"},
        {"code": f"<@{number}00000>"},
        {"code": f"**{number}**"},
        {"code": f"GІFT{number}"},
        {"code": "x" * 41},
        {"code": ""},
    )
    return kinds[number % len(kinds)]


def test_500_codes_among_2000_rows_arrive_exactly_once_each(scene: Scene, forker: Forker) -> None:
    good = [f"Good{number:03}Gift" for number in range(500)]
    rows = [*({"code": code} for code in good), *(junk(number) for number in range(1_500))]
    random.Random(7).shuffle(rows)
    scene.list_codes(*rows)
    host = forked(scene.host(), forker)
    guild = scene.bot_guild(host)
    ran = host.run("codes", "check")
    assert (ran.exit_code, ran.errors) == (FINE, "")
    assert scene.arrived(guild) == Counter(good)
    posts = scene.discord.count(Match(method="POST"))
    assert (host.run("codes", "check").exit_code, scene.discord.count(Match(method="POST"))) == (FINE, posts)
