"""What the older bots did wrong, through the whole chain: sources, ledger, Discord. The numbers are ours, D1 to D34."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.patience import PATIENT
from forks import ForkedHost, Forker, forked
from plays import put_clocks
from scene import GAME, Scene, finish

from giftping.demo import faults
from giftping.demo.log import Match, visible_codes
from giftping.store.base import EntryState, LedgerEntry
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

FINE, TROUBLE, LOCKED = 0, 69, 75
POST = Match(method="POST")
SOURCE = f"/{GAME}"
API_SOURCE = f"api-{GAME}"


@pytest.fixture
def host(scene: Scene, forker: Forker) -> ForkedHost:
    """Return a host that reads one JSON source, which lists nothing yet."""
    scene.list_codes()
    return forked(scene.host(), forker)


def posts(scene: Scene) -> int:
    return scene.discord.count(POST)


def snapshot_of(host: ForkedHost) -> Path:
    return host.state / "giftping.json"


# Loss and repeats


def test_codes_of_a_failed_post_are_not_counted_as_posted_and_go_out_next_time(scene: Scene, host: ForkedHost) -> None:
    """D1: a failed post was swallowed and its codes marked as sent."""
    guild = scene.bot_guild(host)
    scene.list_codes("AAAA1111", "BBBB2222")
    scene.discord.fail(faults.status(500), match=POST)
    ran = host.run("codes", "check", "--json")
    assert ran.exit_code == TROUBLE
    assert [delivery["result"] for delivery in ran.json["deliveries"]] == ["unclear"]
    assert host.run("codes", "stats", "--json").json["total"] == 0
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == {"AAAA1111": 1, "BBBB2222": 1}


def test_a_run_that_is_killed_between_post_and_record_repeats_nothing(scene: Scene, host: ForkedHost) -> None:
    """D2: a crash between sending and marking announced the code again."""
    guild = scene.bot_guild(host)
    scene.list_codes("AAAA1111")
    plain = super(ForkedHost, host).start
    started = threading.Event()

    def kill() -> None:
        assert started.wait(PATIENT)
        os.kill(process.pid, signal.SIGKILL)

    scene.discord.call(kill, match=POST, after=True)
    process = plain("codes", "check")
    started.set()
    assert finish(process).exit_code == -signal.SIGKILL
    assert host.states() == {f"{guild}:AAAA1111": "open"}
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == {"AAAA1111": 1}


def test_a_ledger_that_knows_the_older_codes_lets_only_the_new_one_out(scene: Scene, host: ForkedHost) -> None:
    """D3: after an upgrade every older active code was posted again at every check."""
    guild = scene.bot_guild(host)
    now = datetime.now(UTC)
    with Store(TinyEngine(host.state)) as store:
        store.insert(
            [
                LedgerEntry(guild, GAME, key, key, "migration", EntryState.SENT, now, now, sent_at=now)
                for key in ("AAAA1111", "BBBB2222", "CCCC3333")
            ]
        )
    scene.list_codes("AAAA1111", "bbbb2222", "CCCC3333", "XXXX4444")
    for _ in range(3):
        assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == {"XXXX4444": 1}


def test_a_ledger_that_cannot_be_read_is_not_an_empty_one(scene: Scene, host: ForkedHost) -> None:
    """D4: a read error looked like "nothing sent yet", and everything went out again."""
    guild = scene.bot_guild(host)
    scene.list_codes("AAAA1111")
    host.run("codes", "check")
    aside = snapshot_of(host).rename(host.state / "aside")
    snapshot_of(host).mkdir()
    for asked in ((), ("-v",)):
        ran = host.run("codes", "check", *asked)
        assert ran.exit_code == TROUBLE
        assert "giftping.json" in ran.errors
        assert "Traceback" not in ran.errors
    snapshot_of(host).rmdir()
    aside.rename(snapshot_of(host))
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == {"AAAA1111": 1}


def test_a_clear_makes_the_next_check_announce_again(scene: Scene, host: ForkedHost) -> None:
    """D5: clearing a guild did not reset what was kept elsewhere, so that nothing was announced again."""
    guild = scene.bot_guild(host)
    scene.list_codes("AAAA1111", "BBBB2222")
    host.run("codes", "check")
    assert host.run("codes", "check").output == ""
    assert host.run("codes", "clear", "--guild", str(guild), "--code", "aaaa1111", "--yes").exit_code == FINE
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == {"AAAA1111": 2, "BBBB2222": 1}
    assert host.run("codes", "clear", "--guild", str(guild), "--yes").exit_code == FINE
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == {"AAAA1111": 3, "BBBB2222": 2}


def test_an_error_at_the_start_wipes_neither_guilds_nor_history(scene: Scene, host: ForkedHost) -> None:
    """D6: a passing error at the start ended in an empty state being saved over the true one."""
    guild = scene.bot_guild(host)
    scene.list_codes("AAAA1111")
    host.run("codes", "check")
    before = snapshot_of(host).read_bytes()
    aside = host.state.rename(host.folder / "unplugged")
    host.state.write_text("a file where the folder was", "utf-8")
    for arguments in (("codes", "check"), ("guilds", "list"), ("guilds", "add", "5", "--channel", "6", "--no-check")):
        assert host.run(*arguments).exit_code == TROUBLE
    host.state.unlink()
    aside.rename(host.state)
    assert snapshot_of(host).read_bytes() == before
    assert host.run("codes", "check").exit_code == FINE
    assert (scene.arrived(guild), posts(scene)) == ({"AAAA1111": 1}, 1)


@pytest.mark.parametrize("damage", [b"", b"{", b"\x00" * 64, b"[]"])
def test_a_damaged_ledger_is_refused_and_never_overwritten(scene: Scene, host: ForkedHost, damage: bytes) -> None:
    """D7: a damaged file was taken for an empty state, which the next save wrote over it."""
    guild = scene.bot_guild(host)
    scene.list_codes("AAAA1111")
    host.run("codes", "check")
    whole = snapshot_of(host).read_bytes()
    damaged = damage or whole[: len(whole) // 2]
    snapshot_of(host).write_bytes(damaged)
    for arguments in (
        ("codes", "check"),
        ("codes", "add", "BBBB2222", "--game", GAME),
        ("codes", "clear", "--guild", str(guild), "--yes"),
        ("guilds", "add", "5", "--channel", "6", "--no-check"),
    ):
        ran = host.run(*arguments)
        assert (ran.exit_code, len(ran.errors.splitlines())) == (TROUBLE, 1), ran
        assert snapshot_of(host).read_bytes() == damaged
    assert posts(scene) == 1


def test_a_second_check_leaves_the_field_to_the_first(scene: Scene, host: ForkedHost) -> None:
    """D9: two checks at once both announced the same codes."""
    guild = scene.bot_guild(host)
    scene.list_codes("AAAA1111")
    release, posting = threading.Event(), threading.Event()
    scene.discord.fail(faults.call(posting.set, then=faults.hang(release)), match=POST)
    first = super(ForkedHost, host).start("codes", "check")
    assert posting.wait(PATIENT)
    second = host.run("codes", "check")
    assert second.exit_code == LOCKED
    assert "another run" in second.errors
    release.set()
    assert finish(first).exit_code == FINE
    assert scene.arrived(guild) == {"AAAA1111": 1}


# Seeding


def test_a_guild_whose_channel_was_missing_at_its_first_look_gets_no_flood_later(
    scene: Scene, host: ForkedHost
) -> None:
    """D13: one flag for all guilds let a guild without a channel in the first run get every old code later."""
    scene.list_codes("AAAA1111", "BBBB2222")
    scene.bot_guild(host, 1)
    scene.discord.add_guild(77)
    assert host.run("guilds", "add", "77", "--channel", "770", "--no-check").exit_code == FINE
    host.run("codes", "check")
    scene.discord.add_channel(770, 77)
    scene.channels[77] = 770
    scene.list_codes("AAAA1111", "BBBB2222", "CCCC3333")
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(77) == {"CCCC3333": 1}


# Detection


def test_an_honest_empty_list_is_no_trouble(scene: Scene, host: ForkedHost) -> None:
    """D15: "no codes" was an error with three tries and pauses, so that it looked like an outage."""
    scene.bot_guild(host)
    ran = host.run("codes", "check")
    assert (ran.exit_code, ran.output, ran.errors) == (FINE, "", "")
    assert scene.sources.hits(SOURCE) == 1


def test_a_source_that_fails_says_so_and_passes_nothing_old_off_as_fresh(scene: Scene, host: ForkedHost) -> None:
    """D16: after any failure the cache was served as if it were fresh, for ever and without its age."""
    scene.bot_guild(host)
    scene.list_codes("AAAA1111")
    before = host.run("codes", "check", "--json").json["sources"][0]
    scene.sources.fail(SOURCE, faults.status(503))
    failed = host.run("codes", "check", "--json")
    source = failed.json["sources"][0]
    assert (failed.exit_code, source["outcome"]) == (TROUBLE, "failed")
    assert source["listed_at"] == before["listed_at"]
    assert source["failing_since"] > source["listed_at"]
    assert API_SOURCE in failed.errors
    record = host.run("codes", "list", "--json").json["codes"][0]
    assert (record["spelling"], record["may_go_out"]) == ("AAAA1111", True)


@pytest.mark.parametrize("way", ["down", "another shape", "not JSON"])
def test_a_source_that_is_down_brings_no_code_from_anywhere(scene: Scene, host: ForkedHost, way: str) -> None:
    """D17: a hard-coded code went out when the site was down or could not be parsed."""
    guild = scene.bot_guild(host)
    if way == "down":
        scene.sources.fail(SOURCE, faults.html(502))
    else:
        scene.sources.set(SOURCE, '{"items": []}' if way == "another shape" else "<html>", "application/json")
    ran = host.run("codes", "check")
    assert ran.exit_code == TROUBLE
    assert API_SOURCE in ran.errors
    assert (scene.arrived(guild), posts(scene)) == ({}, 0)


PAGE = """\
<html><body><h1>Whiteout Survival gift codes 2026</h1><p>VIP players got 1000 GEMS with FROST2025 last year.</p>
<table><tr><td>OFFICIALSTORE0709</td><td>500 gems</td></tr><tr><td>gogoWOS</td><td>VIP points</td></tr>
<tr><td>wm6B7MM4u</td><td></td></tr></table><footer>COPYRIGHT 2026 WHITEOUT</footer></body></html>"""
PAGE_SOURCE = """
[sources.page]
kind = "html"
game = "whiteout-survival"
url = "{url}"
min_interval = "0s"
rows = {{ at = "table tr", anchor = "table", code = "td:nth-of-type(1)", rewards = "td:nth-of-type(2)" }}
"""


def test_words_of_a_page_are_no_codes_and_codes_are_neither_cut_nor_folded(scene: Scene, forker: Forker) -> None:
    """D20: patterns over free text took years and words for codes, cut long codes and lost the small letters."""
    scene.sources.set("/page", PAGE)
    host = forked(scene.host(settings=PAGE_SOURCE.format(url=scene.sources.url("/page"))), forker)
    guild = scene.bot_guild(host)
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == {"OFFICIALSTORE0709": 1, "gogoWOS": 1, "wm6B7MM4u": 1}


FEED = """\
<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Codes</title><link>https://a.example/</link>
<description>New codes</description><item><title>gogoWOS</title></item><item><title>Gift codes</title></item>
<item><title>We are on holiday</title></item><item><title>Update 1.2 is out</title></item></channel></rss>"""
FEED_SOURCE = """
[sources.feed]
kind = "rss"
game = "whiteout-survival"
url = "{url}"
min_interval = "0s"
rows = {{ code = "title" }}
"""


def test_titles_of_a_feed_are_judged_before_they_are_codes(scene: Scene, forker: Forker) -> None:
    """D21: any title of a feed without an early space was a code."""
    scene.sources.set("/feed", FEED, "application/rss+xml")
    host = forked(scene.host(settings=FEED_SOURCE.format(url=scene.sources.url("/feed"))), forker)
    guild = scene.bot_guild(host)
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == {"gogoWOS": 1}


def test_a_code_is_good_through_its_last_day_and_not_a_day_longer(scene: Scene, host: ForkedHost) -> None:
    """D22: a date without a time ended at 00:00 of that day, and what could not be read was guessed."""
    guild = scene.bot_guild(host)
    now = datetime.now(UTC)
    put_clocks(scene, host, now.replace(hour=23, minute=30, second=0) - now)
    today, yesterday = f"{now:%Y-%m-%d}", f"{now - timedelta(days=1):%Y-%m-%d}"
    scene.list_codes(
        {"code": "TODAY111", "expires": today},
        {"code": "PAST2222", "expires": yesterday},
        {"code": "VAGUE333", "expires": "End of May"},
    )
    assert host.run("codes", "check").exit_code == FINE
    assert scene.arrived(guild) == {"TODAY111": 1, "VAGUE333": 1}
    records = {record["spelling"]: record for record in host.run("codes", "list", "--all", "--json").json["codes"]}
    midnight = datetime.fromisoformat(today).replace(tzinfo=UTC) + timedelta(days=1)
    assert midnight - datetime.fromisoformat(records["TODAY111"]["expires_at"]) <= timedelta(seconds=1)
    assert (records["VAGUE333"]["expires_at"], records["VAGUE333"]["expiry_text"]) == (None, "End of May")


def test_a_code_goes_out_in_its_exact_spelling_and_once_for_all_spellings(scene: Scene, forker: Forker) -> None:
    """D23: codes were kept in upper case only, though redeeming them is case-sensitive."""
    scene.list_codes("VesnaOnPatrol", "gogoWOS")
    scene.sources.set("/feed", FEED.replace("gogoWOS", "VESNAONPATROL"), "application/rss+xml")
    host = forked(scene.host(settings=FEED_SOURCE.format(url=scene.sources.url("/feed"))), forker)
    guild = scene.bot_guild(host)
    host.run("codes", "check")
    scene.list_codes("GOGOWOS", "vesnaonpatrol")
    assert host.run("codes", "check").exit_code == FINE
    arrived = scene.arrived(guild)
    assert Counter(code.upper() for code in arrived.elements())["VESNAONPATROL"] == 1
    assert arrived["gogoWOS"] == 1
    assert "GOGOWOS" not in arrived
    assert host.ledger()[f"{guild}:GOGOWOS"]["spelling"] == "gogoWOS"


# Operating it


@pytest.mark.parametrize("gone", ["channel", "guild"])
def test_a_guild_that_cannot_be_reached_is_told_not_skipped(scene: Scene, host: ForkedHost, gone: str) -> None:
    """D26: a guild or channel that the bot no longer saw was skipped in silence."""
    guild = scene.bot_guild(host)
    scene.list_codes("AAAA1111")
    if gone == "channel":
        scene.discord.remove_channel(scene.channels[guild])
    else:
        scene.discord.remove_guild(guild)
    ran = host.run("codes", "check")
    assert ran.exit_code == TROUBLE
    assert f"guild {guild}" in ran.errors
    assert "Unknown Channel (10003)" in ran.errors
    # Told once, and then once a day; whoever asks is told each time.
    assert host.run("codes", "check", "--json").json["broken"] == 1
    assert host.run("codes", "check", "--guild", str(guild)).exit_code == TROUBLE
    (followed,) = host.run("guilds", "list", "--json").json["guilds"][0]["subscriptions"]
    assert followed["broken"]["reason"].startswith("HTTP 404")
    assert host.run("guilds", "test", str(guild)).exit_code == TROUBLE


def test_the_ledger_says_what_kind_of_place_a_code_came_from(scene: Scene, forker: Forker) -> None:
    """D27: the source of every entry was "auto"."""
    scene.list_codes("FROMAPI1")
    scene.sources.set("/feed", FEED.replace("gogoWOS", "FROMFEED"), "application/rss+xml")
    scene.sources.set("/page", PAGE)
    settings = FEED_SOURCE.format(url=scene.sources.url("/feed")) + PAGE_SOURCE.format(url=scene.sources.url("/page"))
    host = forked(scene.host(settings=settings), forker)
    guild = scene.bot_guild(host)
    assert host.run("codes", "add", "BYHAND11", "--game", GAME).exit_code == FINE
    assert host.run("codes", "check").exit_code == FINE
    ledger = host.ledger()
    wanted = {"FROMAPI1": "api", "FROMFEED": "rss", "GOGOWOS": "website", "BYHAND11": "manual"}
    assert {key: ledger[f"{guild}:{key}"]["source"] for key in wanted} == wanted
    assert host.run("codes", "stats", "--json").json["sources"].keys() == set(wanted.values())


def strings_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from strings_of(below)
    elif isinstance(value, list):
        for below in value:
            yield from strings_of(below)
    elif isinstance(value, str):
        yield value


def test_every_time_that_is_kept_or_told_carries_its_offset(scene: Scene, host: ForkedHost) -> None:
    """D28: times were kept without a zone."""
    guild = scene.bot_guild(host)
    scene.bot_guild(host, 2)
    scene.list_codes({"code": "AAAA1111", "expires": "2099-12-31"})
    scene.discord.remove_channel(scene.channels[guild])
    host.run("codes", "check")
    written = [json.loads(path.read_text("utf-8")) for path in host.state.glob("*.json")]
    for arguments in (("codes", "check"), ("codes", "list"), ("guilds", "list"), ("sources", "list")):
        written.append(host.run(*arguments, "--json").json)
    explain = host.run("codes", "explain", "AAAA1111", "--guild", "2002", "--json")
    written.append({key: explain.json[key] for key in ("codes", "entries")})
    times = [text for text in strings_of(written) if re.match(r"\d{4}-\d\d-\d\dT\d\d:", text)]
    assert len(times) > 20
    assert [text for text in times if datetime.fromisoformat(text).utcoffset() != timedelta(0)] == []


def test_statistics_of_an_empty_guild_have_the_same_keys(scene: Scene, host: ForkedHost) -> None:
    """D29: the numbers of a guild without codes lacked their sources."""
    guild = scene.bot_guild(host)
    empty = host.run("codes", "stats", "--guild", str(guild), "--json").json
    scene.list_codes("AAAA1111")
    host.run("codes", "check")
    full = host.run("codes", "stats", "--guild", str(guild), "--json").json
    assert empty.keys() == full.keys()
    assert empty["states"].keys() == full["states"].keys()
    assert (empty["total"], empty["last_code"], empty["sources"], empty["days"]) == (0, None, {}, {})
    assert (full["total"], full["last_code"], full["sources"]) == (1, "AAAA1111", {"api": 1})


def test_a_known_code_that_is_listed_again_keeps_what_was_known(scene: Scene, host: ForkedHost) -> None:
    """D30: listing a known code again reset its date and status."""
    guild = scene.bot_guild(host)
    scene.list_codes("AAAA1111")
    host.run("codes", "check")
    before = host.run("codes", "list", "--json").json["codes"][0]
    sent = host.ledger()
    scene.list_codes()
    host.run("codes", "check")
    scene.list_codes("AAAA1111", "BBBB2222")
    host.run("codes", "check")
    records = {record["key"]: record for record in host.run("codes", "list", "--json").json["codes"]}
    assert records["AAAA1111"]["first_seen"] == before["first_seen"]
    assert records["AAAA1111"]["last_seen"] > before["last_seen"]
    entry = f"{guild}:AAAA1111"
    assert host.ledger()[entry] == sent[entry]
    assert scene.arrived(guild)["AAAA1111"] == 1


def test_settings_that_could_not_be_saved_are_not_confirmed(scene: Scene, host: ForkedHost) -> None:
    """D31: the answer was "set" even when nothing had been saved."""
    host.state.write_text("a file where the folder should be", "utf-8")
    for arguments in (
        ("guilds", "add", "5", "--channel", "6", "--no-check"),
        ("codes", "add", "AAAA1111", "--game", GAME),
    ):
        for form in ((), ("--json",)):
            ran = host.run(*arguments, *form)
            assert ran.exit_code == TROUBLE
            assert set(ran.json) == {"error", "exit_code"} if form else ran.output == ""
            assert str(host.state) in ran.errors
            assert "Traceback" not in ran.errors


NASTY = {
    "long": "gems " * 5_000,
    "mentions": "@everyone @here <@1> <@!1> <@&555> <#1> <@&666>",
    "markdown": "**bold** __under__ ~~gone~~ ||hidden|| `code` ```block``` # title\n> quote\n- list [a](https://b.example)",
    "only backticks": "`" * 2_000,
    "only stars": "*" * 3_000,
    "invisible": "\u200b\u202egems\u2066\u0000\u0007",
    "emoji": "👨‍👩‍👧‍👦" * 700,
    "timestamps": "<t:0:R> <a:b:1> </slash:1>",
}


@pytest.mark.parametrize("route", ["webhook", "bot"])
def test_whatever_a_source_says_of_a_code_it_arrives_and_pings_nobody(
    scene: Scene, host: ForkedHost, route: str
) -> None:
    """D32: rewards and expiry went in as they were: an oversize one lost the codes, a mention in it pinged."""
    guild = scene.webhook_guild(host) if route == "webhook" else scene.bot_guild(host)
    assert host.run("guilds", "add", str(guild), "--mention", "555", "--announce-current").exit_code == FINE
    rows = [
        {"code": f"Nasty{number:03}", "rewards": text, "expires": text} for number, text in enumerate(NASTY.values())
    ]
    rows += [{"code": f"More{number:04}", "rewards": "*_`~|" * 400, "expires": "x" * 3_000} for number in range(12)]
    scene.list_codes(*rows)
    ran = host.run("codes", "check")
    assert (ran.exit_code, ran.errors) == (FINE, "")
    assert scene.arrived(guild) == Counter(row["code"] for row in rows)
    for message in scene.discord.messages(scene.channels[guild]):
        assert (message.notified.users, message.notified.everyone) == ((), False)
        assert message.content.removeprefix("<@&555>\n") == "\n".join(f"`{code}`" for code in visible_codes(message))
    allowed = [logged.body["allowed_mentions"] for logged in scene.discord.requests if POST.takes(logged)]
    assert {json.dumps(mentions["parse"]) for mentions in allowed} == {"[]"}


# The list

REQUIRED = {*range(1, 10), 13, 15, 16, 17, *range(20, 24), *range(26, 33)}


def defects_with_a_test() -> set[int]:
    """Return the numbers that the docstrings of tests begin with."""
    found: set[int] = set()
    for path in Path(__file__).parents[1].rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                named = re.match(r"D(\d+):", ast.get_docstring(node) or "")
                found |= {int(named[1])} if named else set()
    return found


def test_each_defect_of_the_older_bots_has_a_test() -> None:
    assert REQUIRED - defects_with_a_test() == set()
