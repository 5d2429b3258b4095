"""`giftping doctor` on the gift codes: each source, each destination, the checks, and what they left open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.deliveries import delivery, put_delivery
from ran import Ran

from giftping.delivery.deliveries import DeliveryState
from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources
from giftping.demo.world import ChannelType, Permission
from giftping.store.base import Broken, Destination
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

GAME = "whiteout-survival"
HOOK_GUILD, HOOK_CHANNEL, HOOK = 11, 21, 31
BOT_GUILD, BOT_CHANNEL, MENTIONED = 12, 22, 42
SETTINGS = """\
[codes]
built_in_sources = false

[sources.my-list]
kind = "json"
game = "whiteout-survival"
url = "{url}"
min_interval = "0s"
rows = {{ at = "codes[]", code = "code" }}
"""

Run = Callable[..., Ran]


@dataclass
class Post:
    """A machine in perfect health, which has announced a code in two guilds: one by webhook, one by the bot."""

    discord: StandInDiscord
    sources: StandInSources
    home: Path
    run: Run

    def look(self, *words: str) -> dict[str, list[dict[str, str]]]:
        """Return the findings by name."""
        found: dict[str, list[dict[str, str]]] = {}
        for one in self.run("doctor", "--json", *words).json["findings"]:
            found.setdefault(one["name"], []).append(one)
        return found

    def the(self, name: str, *words: str) -> dict[str, str]:
        """Return what a check says first: of what is not well, if there is any."""
        return self.look(*words)[name][0]

    @property
    def state(self) -> Path:
        return self.home / "state"

    def last_check(self, **changes: object) -> None:
        """Change what the last check left for the next one."""
        path = self.state / "last-check.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")

    def files(self) -> Mapping[Path, tuple[int, int, bytes]]:
        paths = [self.state, *sorted(self.state.rglob("*"))]
        return {
            path: (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in paths
        }


@pytest.fixture
def post(giftping: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    with StandInDiscord(limits=None) as discord, StandInSources() as sources:
        for guild, channel in ((HOOK_GUILD, HOOK_CHANNEL), (BOT_GUILD, BOT_CHANNEL)):
            discord.add_guild(guild)
            discord.add_channel(channel, guild)
        discord.set_bot(BOT_GUILD)
        discord.add_role(BOT_GUILD, MENTIONED, name="Codes")
        discord.add_webhook(HOOK, "a-secret-of-the-webhook", HOOK_CHANNEL)
        list_codes(sources, "GIFT4YOU")
        (home / "giftping.toml").write_text(SETTINGS.format(url=sources.url("/codes")), "utf-8")
        for name, value in (
            ("GIFTPING_DISCORD_API", discord.api),
            ("DISCORD_TOKEN", discord.bot_token),
            ("HOOK", discord.webhook_url(HOOK)),
        ):
            monkeypatch.setenv(name, value)
        giftping("guilds", "add", str(HOOK_GUILD), "--webhook", "env:HOOK", "--announce-current")
        by_bot = ("--channel", str(BOT_CHANNEL), "--mention", str(MENTIONED), "--announce-current")
        giftping("guilds", "add", str(BOT_GUILD), *by_bot)
        assert giftping("codes", "check").exit_code == 0
        yield Post(discord, sources, home, giftping)
        assert discord.unexpected == []


def list_codes(sources: StandInSources, *codes: str) -> None:
    body = json.dumps({"codes": [{"code": code} for code in codes]})
    sources.set("/codes", body, "application/json", etag="auto")


# All is well


def test_a_healthy_machine_passes_every_check(post: Post) -> None:
    ran = post.run("doctor", "--json")
    assert (ran.exit_code, ran.errors) == (0, "")
    assert [one for one in ran.json["findings"] if one["verdict"] != "ok"] == []
    assert (ran.json["codes"], ran.json["todo"]) == (True, False)
    assert {one["name"]: one["what"] for one in ran.json["findings"]}[
        "destination"
    ] == "2 of 2 destinations can be posted to"


@pytest.mark.parametrize("words", [(), ("--live",)])
def test_nothing_is_posted_and_nothing_is_written(post: Post, words: tuple[str, ...]) -> None:
    before, posted, asked = post.files(), post.discord.count(Match(method="POST")), len(post.sources.requests("/codes"))
    assert post.run("doctor", *words).exit_code == 0
    assert post.files() == before
    assert post.discord.count(Match(method="POST")) == posted
    assert len(post.sources.requests("/codes")) - asked == len(words)


def test_the_table_fits_eighty_columns_and_names_the_part_that_is_not_set_up(post: Post) -> None:
    output = post.run("doctor").output
    assert max(map(len, output.splitlines())) <= 80
    assert "The TODO part is not set up" in output
    assert "Gift codes are not set up" not in output


# Each check fails by its name


SPOILS: dict[str, tuple[Callable[[Post], object], str, str, str, str]] = {
    "the webhook is gone": (
        lambda p: p.discord.remove_webhook(HOOK),
        "destination",
        "fail",
        "guild 11: webhook 31 is gone (HTTP 404 Unknown Webhook (10015))",
        "giftping guilds add 11 --webhook URL",
    ),
    "a bot may have deleted the webhook": (
        lambda p: p.discord.remove_webhook(HOOK),
        "webhook purge",
        "warn",
        "1 webhook is gone (guild 11): an older TODO bot deletes",
        "stop it before you make a new webhook",
    ),
    "the channel is gone": (
        lambda p: p.discord.remove_channel(BOT_CHANNEL),
        "destination",
        "fail",
        "guild 12: channel 22 is not there",
        "giftping guilds add 12 --channel ID",
    ),
    "the channel is hidden": (
        lambda p: p.discord.set_permissions(BOT_CHANNEL, Permission.NONE),
        "destination",
        "fail",
        "the bot cannot see it",
        "View Channel",
    ),
    "the channel is a forum": (
        lambda p: p.discord.add_channel(BOT_CHANNEL, BOT_GUILD, type=ChannelType.FORUM),
        "destination",
        "fail",
        "a forum",
        "giftping guilds add 12 --posts per-announcement",
    ),
    "the bot may not post there": (
        lambda p: p.discord.set_permissions(BOT_CHANNEL, Permission.VIEW_CHANNEL),
        "destination",
        "fail",
        "the bot lacks Send Messages, Embed Links, Read Message History",
        "allow it there",
    ),
    "the role that is mentioned is gone": (
        lambda p: p.discord.remove_role(BOT_GUILD, MENTIONED),
        "destination",
        "warn",
        "the guild has no role 42, which is to be mentioned",
        "--mention ROLE",
    ),
    "Discord is down": (
        lambda p: p.discord.fail(faults.status(500), times=None),
        "destination",
        "fail",
        "guild 11: webhook 31 was not shown: HTTP 500",
        "https://discordstatus.com",
    ),
    "no check for a day": (
        lambda p: p.last_check(finished_at=(datetime.now(UTC) - timedelta(days=1)).isoformat()),
        "last check",
        "fail",
        "1 d ago",
        "giftping codes check",
    ),
    "the last check had trouble": (
        lambda p: p.last_check(exit_code=69),
        "last check",
        "warn",
        "exit code 69",
        "giftping codes check -v",
    ),
    "the last check is not to be read": (
        lambda p: p.last_check(finished_at="yesterday", starts=["long ago"]),
        "last check",
        "warn",
        "none on this host yet",
        "giftping init",
    ),
    "what the sources said is not to be read": (
        lambda p: (p.state / "sources.json").write_text("{", "utf-8"),
        "source",
        "warn",
        "my-list was never asked",
        "giftping codes check",
    ),
}


@pytest.mark.parametrize("what", SPOILS)
def test_what_is_wrong_is_found_by_name_with_the_next_step(post: Post, what: str) -> None:
    spoil, name, verdict, said, step = SPOILS[what]
    spoil(post)
    found = post.the(name)
    assert found["verdict"] == verdict
    assert said in found["what"]
    assert step in found["next_step"]
    ran = post.run("doctor", "--json")
    assert ran.exit_code == ran.json["exit_code"] == (69 if ran.json["fail"] else 0)


def test_attach_files_is_not_needed_for_codes(post: Post) -> None:
    post.discord.set_permissions(BOT_CHANNEL, Permission.POSTING & ~Permission.ATTACH_FILES)
    assert post.the("destination")["verdict"] == "ok"


def test_a_webhook_whose_secret_is_gone_is_told_with_its_name(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK")
    found = post.the("destination")
    assert (found["verdict"], found["subject"]) == ("fail", "11")
    assert "HOOK is not set" in found["what"]
    assert post.look()["webhook purge"][0]["verdict"] == "ok"


@pytest.mark.parametrize("token", ["", "two words", "another-token"])
def test_without_a_token_that_discord_takes_the_webhooks_are_looked_at_all_the_same(
    post: Post, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    found = post.look()
    assert found["bot token"][0]["verdict"] == "fail"
    about = [one["what"] for one in found.get("destination", [])]
    # A token that cannot be one stops every request.
    assert about == ([] if token == "two words" else ["1 of 1 destination can be posted to"])


def test_a_machine_with_webhooks_alone_needs_no_token(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.run("guilds", "remove", str(BOT_GUILD), "--yes")
    monkeypatch.delenv("DISCORD_TOKEN")
    ran = post.run("doctor", "--json")
    assert [one for one in ran.json["findings"] if one["verdict"] != "ok"] == []
    assert "clock" in {one["name"] for one in ran.json["findings"]}


def test_a_destination_that_the_checks_leave_alone_is_told_though_it_could_be_seen(post: Post) -> None:
    now = datetime.now(UTC)
    with Store(TinyEngine(post.state)) as store:
        broken = Broken(now - timedelta(hours=3), "HTTP 403 Missing Access (50001)", retry_at=now + timedelta(hours=1))
        store.note_broken(BOT_GUILD, Destination(channel_id=BOT_CHANNEL), broken)
    found = post.the("destination")
    assert found["verdict"] == "warn"
    assert "left alone for 3 h: HTTP 403 Missing Access (50001)" in found["what"]


def test_of_many_guilds_those_that_are_broken_are_asked_about(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("giftping.doctor.destinations.MOST_ASKED", 1)
    with Store(TinyEngine(post.state)) as store:
        broken = Broken(datetime.now(UTC), "HTTP 404 Unknown Channel (10003)")
        store.note_broken(BOT_GUILD, Destination(channel_id=BOT_CHANNEL), broken)
    first, others = post.look()["destination"]
    assert first["subject"] == str(BOT_GUILD)
    assert others["what"].startswith("0 of 2 destinations can be posted to; 1 was not asked about")
    assert post.look("--live")["destination"][1]["what"] == "1 of 2 destinations can be posted to"


# Sources


def test_a_source_that_fails_is_known_from_the_last_check_without_asking(post: Post) -> None:
    post.sources.fail("/codes", faults.status(503))
    post.run("codes", "check")
    asked = len(post.sources.requests("/codes"))
    found = post.the("source")
    assert (found["verdict"], found["subject"]) == ("warn", "my-list")
    assert "503 Service Unavailable" in found["what"]
    assert len(post.sources.requests("/codes")) == asked


@pytest.mark.parametrize(
    ("body", "said"),
    [('{"gifts": []}', "my-list has had another shape"), ('{"codes": []}', "1 source answers")],
)
def test_with_live_the_sources_are_asked_now(post: Post, body: str, said: str) -> None:
    post.sources.set("/codes", body, "application/json")
    assert post.the("source")["verdict"] == "ok"
    found = post.the("source", "--live")
    assert said in found["what"]
    assert found["verdict"] == ("ok" if "answers" in said else "fail")


def test_a_game_that_no_settings_name_and_one_without_a_source_are_told(post: Post) -> None:
    post.run("guilds", "add", str(BOT_GUILD), "--game", "kingshot")
    found = post.the("game")
    assert (found["verdict"], found["subject"]) == ("fail", "kingshot")
    toml = post.home / "giftping.toml"
    toml.write_text(toml.read_text("utf-8") + '[games.other]\ntitle = "Other"\n', "utf-8")
    post.run("guilds", "add", str(BOT_GUILD), "--game", "other")
    toml.write_text(toml.read_text("utf-8").replace("[games.other]", "[games.another]"), "utf-8")
    assert "other is followed, and no settings name it" in post.the("game")["what"]


# What is left open


@pytest.mark.parametrize(
    ("state", "minutes", "name", "verdict"),
    [
        (DeliveryState.CLAIMED, 9, "claims", "ok"),
        (DeliveryState.WRITTEN, 11, "claims", "warn"),
        (DeliveryState.UNCLEAR, 1, "uncertain", "fail"),
        (DeliveryState.REFUSED, 99, "uncertain", "ok"),
    ],
)
def test_what_a_run_left_open_is_named(
    post: Post, state: DeliveryState, minutes: float, name: str, verdict: str
) -> None:
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    with Store(TinyEngine(post.state)) as store:
        put_delivery(store, delivery("LATE1234", guild_id=BOT_GUILD, state=state, since=since))
    found: dict[str, Any] = post.the(name)
    assert found["verdict"] == verdict
    assert ("Late1234 (guild 12)" in found["what"]) is (verdict != "ok")


# Files


def test_files_that_others_can_change_or_read_are_told(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = post.home / "hook"
    hook.write_text(post.discord.webhook_url(HOOK), "utf-8")
    hook.chmod(0o600)
    post.run("guilds", "add", str(HOOK_GUILD), "--webhook", "file:hook")
    assert post.the("files")["what"].startswith("2 files with settings or secrets")
    monkeypatch.setattr("giftping.settings.secrets._is_open_to_all", lambda path, bit: bool(path.stat().st_mode & bit))
    hook.chmod(0o604)
    assert post.the("files")["next_step"] == f"run: chmod 600 {hook}"
    (post.home / "giftping.toml").chmod(0o646)
    found = post.the("files")
    assert (found["verdict"], found["next_step"]) == ("fail", f"run: chmod o-w {post.home / 'giftping.toml'}")


def test_a_dotenv_that_others_can_read_is_told_once(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("giftping.settings.secrets._is_open_to_all", lambda path, bit: bool(path.stat().st_mode & bit))
    (post.home / ".env").write_text("OTHER=1\n", "utf-8")
    (post.home / ".env").chmod(0o604)
    found = post.look()
    assert (found["settings"][0]["verdict"], found["files"][0]["verdict"]) == ("warn", "ok")
