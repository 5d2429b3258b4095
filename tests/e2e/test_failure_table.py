"""Every way in which Discord can fail, on every route: what arrives, what is recorded and told, and what follows.

Rows are failures, columns are routes, cells are stories. A story says of each run in turn how many posts it makes,
in which state the ledger has the code afterwards, the exit code, and how many lines are on standard error. Each line
has to say why, and what to do or expect; what only a person can end `giftping doctor` has to find.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from forks import ForkedHost, Forker, forked
from scene import GAME, Host, Ran, Scene, findings, sample

from giftping.codes.sample import SAMPLE
from giftping.demo import faults
from giftping.demo.faults import Fault
from giftping.demo.log import Match
from giftping.demo.world import Permission
from giftping.store.base import Destination, Subscription
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

CODE = "GIFT4YOU"
GUILD, CHANNEL, WEBHOOK = 4001, 4002, 4003
HARDLY_A_BUDGET = '[codes]\nbuilt_in_sources = false\nbudget = "1s"\n'
AFTER_THE_LEASE = timedelta(minutes=11)
NOW, AT_ONCE, SOON, NEXT_DAY = timedelta(), timedelta(seconds=30), timedelta(minutes=2), timedelta(days=1)
FINE, TROUBLE = 0, 69


class Run(NamedTuple):
    """One run: when it starts after the first, its posts, the code's state afterwards, exit code, lines of trouble."""

    after: timedelta
    posts: int
    state: str
    exit_code: int
    lines: int


STORIES: dict[str, tuple[Run, ...]] = {
    # A pause that the run can afford.
    "same run": (Run(NOW, 2, "sent", FINE, 0), Run(SOON, 0, "sent", FINE, 0)),
    # A clean no: released, and tried again.
    "next run": (Run(NOW, 1, "absent", TROUBLE, 1), Run(NOW, 1, "sent", FINE, 0)),
    "never left": (Run(NOW, 0, "absent", TROUBLE, 1), Run(NOW, 1, "sent", FINE, 0)),
    # A clean no for good: told once a day, and when it is over, not hammered. Channels and permissions may come back,
    # webhooks not. Only the runs that tell of it count it.
    "broken": (
        Run(NOW, 1, "absent", TROUBLE, 1),
        Run(NOW, 0, "absent", FINE, 0),
        Run(NEXT_DAY, 0, "absent", TROUBLE, 1),
    ),
    "broken for an hour": (
        Run(NOW, 1, "absent", TROUBLE, 1),
        Run(NOW, 0, "absent", FINE, 0),
        Run(NEXT_DAY, 1, "sent", FINE, 1),
    ),
    # So is a message that was refused for its content: the place is not to blame.
    "left for an hour": (
        Run(NOW, 1, "absent", TROUBLE, 1),
        Run(NOW, 0, "absent", FINE, 0),
        Run(NEXT_DAY, 1, "sent", FINE, 1),
    ),
    # A refused token is not shown again by every run; what waits for it counts in each.
    "token": (Run(NOW, 1, "absent", TROUBLE, 1), Run(NOW, 0, "absent", TROUBLE, 0)),
    # Unclear, and settled by looking: it is there.
    "found": (Run(NOW, 1, "open", TROUBLE, 1), Run(NOW, 0, "sent", FINE, 0)),
    # Unclear, and settled by looking: it is not there. A nonce makes the second post safe at once, a wait does later.
    "again": (Run(NOW, 1, "open", TROUBLE, 1), Run(NOW, 1, "sent", FINE, 0)),
    "again soon": (
        Run(NOW, 1, "open", TROUBLE, 1),
        Run(AT_ONCE, 0, "open", TROUBLE, 1),
        Run(SOON, 1, "sent", FINE, 0),
    ),
    # Unclear for good: counted by the runs that tell of it, until somebody settles it.
    "uncertain": (
        Run(NOW, 1, "open", TROUBLE, 1),
        Run(NOW, 0, "uncertain", TROUBLE, 1),
        Run(SOON, 0, "uncertain", FINE, 0),
    ),
}

NOBODY_LISTENS = "nobody listens"
"""The row without a fault: nothing is at Discord's address in the first run."""

FAULTS: dict[str, Callable[[], Fault]] = {
    "400 invalid form": lambda: faults.status(400, 50035),
    "401 invalid token": lambda: faults.status(401, 50027),
    "401 unauthorized": lambda: faults.status(401, 0),
    "403 missing access": lambda: faults.status(403, 50001),
    "403 missing permissions": lambda: faults.status(403, 50013),
    "403 of a proxy": lambda: faults.html(403),
    "404 unknown channel": lambda: faults.status(404, 10003),
    "404 unknown webhook": lambda: faults.status(404, 10015),
    "404 of a proxy": lambda: faults.html(404),
    "429 user": lambda: faults.rate_limited("user", 0.05),
    "429 shared": lambda: faults.rate_limited("shared", 0.05),
    "429 global": lambda: faults.rate_limited("global", 0.05),
    "429 user, long": lambda: faults.rate_limited("user", 600),
    "429 shared, long": lambda: faults.rate_limited("shared", 600),
    "429 global, long": lambda: faults.rate_limited("global", 600),
    "429 of Cloudflare": faults.cloudflare_ban,
    "500": lambda: faults.status(500),
    "502 html": lambda: faults.html(502),
    "503": lambda: faults.status(503),
    "reset": faults.reset,
    "closed, no answer": faults.close,
    "hang": faults.hang,
    "slow body": lambda: faults.drip(5.0),
    "garbage": faults.garbage,
    "truncated body": faults.truncated,
    "204, no message": faults.no_content,
}

TABLE = """
failure                 | stored | webhook            | with a token       | that may read      | bot
400 invalid form        | before | left for an hour   | left for an hour   | left for an hour   | left for an hour
401 invalid token       | before | broken             | broken             | broken             | token
401 unauthorized        | before | broken             | broken             | broken             | token
403 missing access      | before | broken for an hour | broken for an hour | broken for an hour | broken for an hour
403 missing permissions | before | broken for an hour | broken for an hour | broken for an hour | broken for an hour
403 of a proxy          | before | uncertain          | again soon         | again soon         | again
404 unknown channel     | before | broken for an hour | broken for an hour | broken for an hour | broken for an hour
404 unknown webhook     | before | broken             | broken             | broken             | broken
404 of a proxy          | before | uncertain          | again soon         | again soon         | again
429 user                | before | same run           | same run           | same run           | same run
429 shared              | before | same run           | same run           | same run           | same run
429 global              | before | same run           | same run           | same run           | same run
429 user, long          | before | next run           | next run           | next run           | next run
429 shared, long        | before | next run           | next run           | next run           | next run
429 global, long        | before | next run           | next run           | next run           | next run
429 of Cloudflare       | before | next run           | next run           | next run           | next run
nobody listens          | before | never left         | never left         | never left         | never left
500                     | before | uncertain          | again soon         | again soon         | again
500                     | after  | uncertain          | found              | found              | found
502 html                | before | uncertain          | again soon         | again soon         | again
502 html                | after  | uncertain          | found              | found              | found
503                     | before | uncertain          | again soon         | again soon         | again
503                     | after  | uncertain          | found              | found              | found
reset                   | before | uncertain          | again soon         | again soon         | again
reset                   | after  | uncertain          | found              | found              | found
closed, no answer       | before | uncertain          | again soon         | again soon         | again
closed, no answer       | after  | uncertain          | found              | found              | found
hang                    | before | uncertain          | again soon         | again soon         | again
hang                    | after  | uncertain          | found              | found              | found
slow body               | before | uncertain          | again soon         | again soon         | again
slow body               | after  | uncertain          | found              | found              | found
garbage                 | before | uncertain          | again soon         | again soon         | again
garbage                 | after  | uncertain          | found              | found              | found
truncated body          | before | uncertain          | again soon         | again soon         | again
truncated body          | after  | uncertain          | found              | found              | found
204, no message         | before | uncertain          | again soon         | again soon         | again
204, no message         | after  | uncertain          | found              | found              | found
"""
"""The three webhook columns: no token; one that may not see what a webhook wrote, which the webhook shows it; one with
MESSAGE_CONTENT."""

WHAT_FOLLOWS = {
    "refused": re.compile(r"it goes out in a later run|, then: giftping guilds test \d+ \((not )?tried again "),
    "unclear": re.compile("the next run looks for it|giftping codes settle"),
    "uncertain": re.compile("giftping codes settle"),
}
"""How a line of trouble begins to say how a delivery ended, and what it then has to say."""

A_REASON = re.compile(r"\((?=[^()]*[a-zA-Z]{3})")

LEFT = {
    "broken": "destination",
    "broken for an hour": "destination",
    "left for an hour": "refused",
    "uncertain": "uncertain",
}
"""The stories that come to trouble which only a person can end, and what the doctor calls it."""


SLOW = {"hang", "slow body"}
ROUTES = ("webhook", "webhook with token", "webhook with intent", "bot")


class Cell(NamedTuple):
    """One failure on one route, and its story."""

    failure: str
    moment: str
    route: str
    story: str

    @property
    def name(self) -> str:
        return f"{self.failure} {self.moment} storing, {self.route}: {self.story}"


def cells() -> list[Cell]:
    rows = [[part.strip() for part in line.split("|")] for line in TABLE.strip().splitlines()[1:]]
    return [
        Cell(failure, moment, route, story)
        for failure, moment, *stories in rows
        for route, story in zip(ROUTES, stories, strict=True)
    ]


@dataclass
class Play:
    """One row on one route, ready to be played."""

    scene: Scene
    host: ForkedHost
    started: datetime

    @property
    def posts(self) -> int:
        return self.scene.discord.count(Match(method="POST"))

    def check(self, after: timedelta = NOW, **extra: str) -> Ran:
        """Run a check so long after the first one, by this host's clock and by Discord's."""
        self.scene.discord.clock.forward(after - self.host.ahead)
        self.host.ahead = after
        return self.host.run("codes", "check", **extra)

    def state(self) -> str:
        return self.host.states().get(f"{GUILD}:{CODE}", "absent")


def play_of(scene: Scene, forker: Forker, route: str) -> Play:
    """Return a stage with one guild that is owed one code."""
    scene.list_codes(CODE)
    host = scene.host(token=route != "webhook", settings=HARDLY_A_BUDGET)
    scene.discord.add_guild(GUILD)
    scene.discord.add_channel(CHANNEL, GUILD)
    scene.discord.message_content = route == "webhook with intent"
    scene.channels[GUILD] = CHANNEL
    if route == "bot":
        destination = Destination(channel_id=CHANNEL)
    else:
        scene.discord.add_webhook(WEBHOOK, "a-secret-of-the-webhook", CHANNEL)
        host.environment["HOOK"] = scene.discord.webhook_url(WEBHOOK)
        destination = Destination(webhook="env:HOOK")
    now = datetime.now(UTC)
    put_subscription(host, Subscription(GUILD, GAME, destination, now, now, announce_current=True))
    return Play(scene, forked(host, forker), now)


def put_subscription(host: Host, subscription: Subscription) -> None:
    with Store(TinyEngine(host.state)) as store:
        store.put_subscriptions(subscription)


def dead_address() -> str:
    """Return the address of a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def elsewhere(host: Host, address: str) -> dict[str, str]:
    """Return the variables that lead to Discord, leading to another address."""
    api = host.environment["GIFTPING_DISCORD_API"]
    base = api.removesuffix("/api/v10")
    leading = ("GIFTPING_DISCORD_API", "HOOK")
    return {name: host.environment[name].replace(base, address) for name in leading if name in host.environment}


# Of four cells side by side the sample has one or two: each row is there, on one route after the other.
@pytest.mark.parametrize("cell", [pytest.param(cell, id=cell.name) for cell in sample(cells(), 3)])
def test_what_becomes_of_a_code_when_discord_fails_and_what_is_told_of_it(
    scene: Scene, forker: Forker, cell: Cell
) -> None:
    play = play_of(scene, forker, cell.route)
    unplugged = cell.failure == NOBODY_LISTENS
    stored_at_first = cell.moment == "after"
    if not unplugged:
        fault = FAULTS[cell.failure]()
        if cell.failure in SLOW:
            play.host.gives_up_at = scene.folder / "is late"
            fault = faults.call(play.host.gives_up_at.touch, then=fault)
        scene.discord.fail(fault, match=Match(method="POST"), after=stored_at_first)
    story = STORIES[cell.story]
    for number, expected in enumerate(story, 1):
        posts = play.posts
        extra = elsewhere(play.host, dead_address()) if number == 1 and unplugged else {}
        ran = play.check(expected.after, **extra)
        lines = ran.errors.splitlines()
        seen = Run(expected.after, play.posts - posts, play.state(), ran.exit_code, len(lines))
        assert seen == expected, f"run {number}: {ran.output}{ran.errors}"
        assert all(f"guild {GUILD}" in line for line in lines)
        assert all(CODE in line for line in lines) or expected.after == NEXT_DAY
        assert all(is_something_to_act_on(line) for line in lines), lines
        assert not any("the next run looks" in line for line in lines) or cell.route != "webhook", "nobody can"
        is_left = expected.exit_code == TROUBLE and all(later.exit_code == FINE for later in story[number:])
        if is_left and cell.story in LEFT:
            found = {one["name"]: one for one in findings(play.host.run("doctor", "--json"))}[LEFT[cell.story]]
            assert f"guild {GUILD}" in found["what"]
            assert "giftping " in found["next_step"]
    assert scene.discord.unspent_faults() == []
    assert scene.arrived(GUILD)[CODE] == (stored_at_first or story[-1].state == "sent")


def is_something_to_act_on(line: str) -> bool:
    """Whether a line says why and what follows, names a command, or says that trouble is over."""
    if not (line.startswith(f"guild {GUILD}: ") and CODE in line):
        return "giftping " in line or " again" in line
    (ended,) = [how for how in WHAT_FOLLOWS if f": {how}" in line]
    return A_REASON.search(line) is not None and WHAT_FOLLOWS[ended].search(line) is not None


def test_the_table_has_every_failure_that_the_stand_in_knows() -> None:
    known = {failure for failure, *_ in cells()}
    assert known == {*FAULTS, NOBODY_LISTENS}
    assert {story for *_, story in cells()} == set(STORIES)


@pytest.mark.parametrize("stored", [False, True])
def test_a_bot_that_may_not_read_the_channel_repeats_only_while_the_nonce_protects_it(
    scene: Scene, forker: Forker, stored: bool
) -> None:
    play = play_of(scene, forker, "bot")
    scene.discord.set_permissions(CHANNEL, Permission.POSTING & ~Permission.READ_MESSAGE_HISTORY)
    scene.discord.fail(faults.status(500), match=Match(method="POST"), after=stored)
    assert play.check().exit_code == TROUBLE
    assert play.check().exit_code == FINE
    assert (play.posts, scene.arrived(GUILD)) == (2, {CODE: 1})


@pytest.mark.parametrize("route", ["bot", "webhook with token", "webhook with intent"])
def test_a_channel_that_looks_empty_to_a_bot_without_permission_is_not_taken_for_empty(
    scene: Scene, forker: Forker, route: str
) -> None:
    play = play_of(scene, forker, route)
    scene.discord.set_permissions(CHANNEL, Permission.POSTING & ~Permission.READ_MESSAGE_HISTORY)
    scene.discord.fail(faults.status(500), match=Match(method="POST"), after=True)
    play.check()
    late = play.check(SOON)
    assert (late.exit_code, play.posts) == (TROUBLE, 1)
    assert "HTTP 403 Missing Permissions (50013)" in late.errors
    scene.discord.set_permissions(CHANNEL, Permission.POSTING)
    scene.discord.message_content = True
    assert play.host.run("codes", "settle").exit_code == FINE
    assert play.check(SOON).exit_code == FINE
    assert (play.state(), scene.arrived(GUILD)) == ("sent", {CODE: 1})


# Broken destinations


def test_a_broken_destination_is_told_once_and_again_with_v(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "bot")
    scene.discord.remove_channel(CHANNEL)
    first = play.check()
    assert "HTTP 404 Unknown Channel (10003)" in first.errors
    told = play.host.run("codes", "check", "-v")
    assert (first.exit_code, told.exit_code) == (TROUBLE, TROUBLE)
    assert f"guild {GUILD}: 1 code waits for a broken destination" in told.errors
    assert f"giftping guilds test {GUILD}" in told.errors
    assert (play.check().errors, play.check().exit_code) == ("", FINE)
    idle = play.host.run("codes", "check", "-v")
    assert (idle.exit_code, "giftping guilds list" in idle.errors) == (TROUBLE, True)
    assert play.posts == 1


def test_guilds_list_and_explain_show_what_is_broken(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "webhook")
    scene.discord.remove_webhook(WEBHOOK)
    play.check()
    listed = play.host.run("guilds", "list", "--json").json["guilds"]
    assert listed[0]["subscriptions"][0]["broken"]["reason"] == "HTTP 404 Unknown Webhook (10015)"
    assert listed[0]["subscriptions"][0]["broken"]["retry_at"] is None
    assert "broken since" in play.host.run("guilds", "list", COLUMNS="200").output
    explained = play.host.run("codes", "explain", CODE.lower(), "--guild", str(GUILD))
    assert f"{CODE} waits: the guild's destination is broken (HTTP 404 Unknown Webhook (10015))" in explained.output


@pytest.mark.parametrize("route", ["webhook", "bot"])
def test_guilds_test_mends_a_destination_and_its_codes_go_out(scene: Scene, forker: Forker, route: str) -> None:
    play = play_of(scene, forker, route)
    scene.discord.fail(faults.status(403, 50013, "Missing Permissions"), match=Match(method="POST"), times=2)
    play.check()
    still = play.host.run("guilds", "test", str(GUILD))
    assert still.exit_code == TROUBLE
    assert "HTTP 403 Missing Permissions (50013)" in still.errors
    assert (play.check().exit_code, play.posts) == (FINE, 2)
    mended = play.host.run("guilds", "test", str(GUILD))
    assert (mended.exit_code, mended.errors) == (FINE, "")
    ran = play.check()
    assert (ran.exit_code, ran.errors) == (FINE, f"guild {GUILD}: announcements arrive again\n")
    assert scene.arrived(GUILD) == {SAMPLE: 1, CODE: 1}
    assert play.host.run("guilds", "list", "--json").json["guilds"][0]["subscriptions"][0]["broken"] is None


def test_a_permission_that_stays_away_is_asked_for_ever_more_rarely_and_told_once(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "bot")
    scene.discord.set_permissions(CHANNEL, Permission.VIEW_CHANNEL)
    told = [bool(play.check(timedelta(minutes=30 * step)).errors) for step in range(12)]
    assert told == [True, *[False] * 11]
    # At once, after one hour, after two more; the next would be after four more.
    assert play.posts == 3


def test_a_guild_that_moves_to_another_destination_is_no_longer_broken(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "webhook")
    scene.discord.remove_webhook(WEBHOOK)
    play.check()
    scene.discord.add_webhook(WEBHOOK + 1, "another-secret", CHANNEL)
    new = {"HOOK": scene.discord.webhook_url(WEBHOOK + 1)}
    assert play.host.run("guilds", "add", str(GUILD), "--webhook", "env:HOOK", **new).exit_code == FINE
    assert play.host.run("codes", "check", **new).exit_code == FINE
    assert scene.arrived(GUILD) == {CODE: 1}


def test_one_guilds_failure_does_not_stop_the_next_one(scene: Scene, forker: Forker) -> None:
    scene.list_codes(CODE)
    host = forked(scene.host(), forker)
    guilds = [scene.webhook_guild(host, 1), scene.webhook_guild(host, 2), scene.bot_guild(host, 1)]
    guilds.append(scene.bot_guild(host, 2))
    scene.discord.fail(faults.status(500), match=Match(method="POST", channel_id=scene.channels[guilds[0]]))
    scene.discord.fail(faults.status(404, 10003), match=Match(method="POST", channel_id=scene.channels[guilds[2]]))
    assert host.run("codes", "check").exit_code == TROUBLE
    assert [sum(scene.arrived(guild).values()) for guild in guilds] == [0, 1, 0, 1]


# Settling


def left_uncertain(scene: Scene, forker: Forker, *, stored: bool) -> Play:
    """Return a play in which a webhook without a token has left its code uncertain."""
    play = play_of(scene, forker, "webhook")
    scene.discord.fail(faults.status(500), match=Match(method="POST"), after=stored)
    play.check()
    play.check()
    assert play.state() == "uncertain"
    return play


def test_what_is_uncertain_is_settled_as_sent_by_who_has_looked(scene: Scene, forker: Forker) -> None:
    play = left_uncertain(scene, forker, stored=True)
    settled = play.host.run("codes", "settle", "--guild", str(GUILD), "--sent")
    assert (settled.exit_code, play.state()) == (FINE, "sent")
    assert (play.check().exit_code, play.posts) == (FINE, 1)


def test_what_is_uncertain_is_posted_again_when_the_user_says_so(scene: Scene, forker: Forker) -> None:
    play = left_uncertain(scene, forker, stored=False)
    settled = play.host.run("codes", "settle", "--guild", str(GUILD), "--resend")
    assert (settled.exit_code, play.state()) == (FINE, "absent")
    assert play.check().exit_code == FINE
    assert scene.arrived(GUILD) == {CODE: 1}


def test_settle_names_what_it_cannot_settle_and_leaves_it(scene: Scene, forker: Forker) -> None:
    play = left_uncertain(scene, forker, stored=False)
    settled = play.host.run("codes", "settle", "--json")
    assert settled.exit_code == TROUBLE
    assert [entry["spelling"] for entry in settled.json["uncertain"]] == [CODE]
    assert play.state() == "uncertain"
    assert play.host.run("codes", "stats", "--json").json["states"]["uncertain"] == 1


def test_settle_can_be_about_one_code_of_a_delivery(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "webhook")
    scene.list_codes(CODE, "ANOTHER1")
    scene.discord.fail(faults.status(500), match=Match(method="POST"))
    play.check()
    play.check()
    play.host.run("codes", "settle", "--guild", str(GUILD), "--code", "another1", "--sent")
    assert play.host.states() == {f"{GUILD}:{CODE}": "uncertain", f"{GUILD}:ANOTHER1": "sent"}


def test_a_token_that_is_given_later_lets_settle_find_the_message(scene: Scene, forker: Forker) -> None:
    play = left_uncertain(scene, forker, stored=True)
    scene.discord.message_content = True
    settled = play.host.run("codes", "settle", DISCORD_TOKEN=scene.discord.bot_token)
    assert (settled.exit_code, play.state()) == (FINE, "sent")
    assert "found in the channel" in settled.output
    assert (play.check().exit_code, scene.arrived(GUILD)) == (FINE, {CODE: 1})


def test_a_token_that_is_given_later_lets_settle_see_that_nothing_is_there(scene: Scene, forker: Forker) -> None:
    play = left_uncertain(scene, forker, stored=False)
    token = {"DISCORD_TOKEN": scene.discord.bot_token}
    early = play.host.run("codes", "settle", **token)
    assert (early.exit_code, play.state()) == (TROUBLE, "uncertain")
    play.check(SOON)
    late = play.host.run("codes", "settle", **token)
    assert (late.exit_code, play.state()) == (FINE, "absent")
    assert play.check(SOON).exit_code == FINE
    assert scene.arrived(GUILD) == {CODE: 1}


def test_who_prefers_a_repeat_to_a_wait_gets_it(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "webhook")
    toml = play.host.folder / "giftping.toml"
    toml.write_text(toml.read_text("utf-8").replace("[codes]", '[codes]\nunclear = "resend"'), "utf-8")
    scene.discord.fail(faults.status(500), match=Match(method="POST"), after=True)
    assert play.check().exit_code == TROUBLE
    assert (play.check().exit_code, play.posts) == (TROUBLE, 1), "not before its lease is over"
    assert (play.check(AFTER_THE_LEASE).exit_code, play.state()) == (FINE, "sent")
    assert scene.arrived(GUILD) == {CODE: 2}


def test_who_prefers_a_repeat_gets_one_and_is_asked_then(scene: Scene, forker: Forker) -> None:
    play = play_of(scene, forker, "webhook")
    toml = play.host.folder / "giftping.toml"
    toml.write_text(toml.read_text("utf-8").replace("[codes]", '[codes]\nunclear = "resend"'), "utf-8")
    scene.discord.fail(faults.status(500), match=Match(method="POST"), times=2)
    play.check()
    assert (play.check(AFTER_THE_LEASE).exit_code, play.state()) == (TROUBLE, "open")
    assert (play.check(2 * AFTER_THE_LEASE).exit_code, play.state(), play.posts) == (TROUBLE, "uncertain", 2)


def test_a_token_that_discord_refuses_is_told_once_for_all_guilds(scene: Scene, forker: Forker) -> None:
    scene.list_codes(CODE)
    host = forked(scene.host(), forker)
    for number in (1, 2, 3):
        scene.bot_guild(host, number)
    scene.discord.fail(faults.status(401), match=Match(method="POST"), times=None)
    first, second = host.run("codes", "check"), host.run("codes", "check")
    assert first.exit_code == second.exit_code == TROUBLE
    [line] = first.errors.splitlines()
    assert line.startswith("3 guilds: refused (HTTP 401")
    assert second.errors == ""
