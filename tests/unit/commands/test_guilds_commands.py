from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.discord_route import FORBIDDEN, FakeRoute, Routes
from fakes.records import NOON, entry, guild
from ran import Ran

from giftping.discord.outcome import Unclear
from giftping.store.base import HOME_GAME, Broken, Destination, EntryState
from giftping.store.records import Store
from giftping.wiring import Wiring

Run = Callable[..., Ran]

TOKEN = "Tok3n-_that-nobody-may-see-0123456789012345678901234567890123456789"
URL = f"https://discord.com/api/webhooks/123456789012345678/{TOKEN}"
CHANNEL = Destination(channel_id=500)


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> FakeRoute:
    """Lead channel 500 to a route that answers what a test lays ready."""
    route = FakeRoute()
    routes = Routes([(CHANNEL, route)])
    monkeypatch.setattr(Wiring, "route_to", lambda _, destination: routes(destination))
    return route


def test_a_guild_is_added_with_the_older_bots_game_unless_another_is_named(giftping: Run, store: Store) -> None:
    ran = giftping("guilds", "add", "123", "--webhook", "env:HOOK", "--mention", "42")
    assert ran.exit_code == 0
    assert "Guild 123 added: whiteout-survival by webhook env:HOOK." in ran.output
    assert "--announce-current" in ran.output
    record = store.guild(123)
    assert record is not None
    assert (record.games, record.destination, record.mention_role_id) == (
        (HOME_GAME,),
        Destination(webhook="env:HOOK"),
        42,
    )


def test_a_reference_that_leads_nowhere_now_is_taken_with_a_warning(giftping: Run) -> None:
    ran = giftping("guilds", "add", "123", "--webhook", "env:HOOK", "--json")
    assert ran.exit_code == 0
    assert ran.json["added"] is True
    assert "HOOK is not set" in ran.json["warning"]
    assert "HOOK is not set" in ran.error


def test_the_url_of_a_webhook_is_kept_and_never_shown(giftping: Run, store: Store) -> None:
    runs = [giftping("guilds", "add", "123", "--webhook", URL)]
    runs += [giftping("guilds", "list"), giftping("guilds", "list", "--json"), giftping("guilds", "remove", "123")]
    for ran in runs:
        assert TOKEN not in ran.output + ran.errors
    assert "webhook 123456789012345678" in runs[1].output
    record = store.guild(123)
    assert record is not None
    assert record.destination.webhook == URL


@pytest.mark.parametrize(
    "url",
    [
        f"http://discord.com/api/webhooks/123456789012345678/{TOKEN}",
        f"https://discord.example/api/webhooks/123456789012345678/{TOKEN}",
        f"https://discord.com/api/webhooks/abc/{TOKEN}",
        f"https://discord.com/api/webhooks/123456789012345678/{TOKEN}/slack",
    ],
)
def test_a_webhook_url_that_is_none_is_refused_without_repeating_its_token(
    giftping: Run, store: Store, url: str
) -> None:
    """D28: webhook URLs and tokens stood in logs and error texts."""
    ran = giftping("guilds", "add", "123", "--webhook", url)
    assert ran.exit_code == 2
    assert "--webhook" in ran.error
    assert TOKEN not in ran.output + ran.errors
    assert store.guilds() == []


@pytest.mark.parametrize("where", [[], ["--webhook", "env:HOOK", "--channel", "500"]], ids=["neither", "both"])
def test_exactly_one_destination_is_needed(giftping: Run, where: list[str]) -> None:
    ran = giftping("guilds", "add", "123", *where)
    assert ran.exit_code == 2
    assert "either --webhook" in ran.error


@pytest.mark.parametrize("guild_id", ["0", "-5", "abc", "12.5", "99999999999999999999", "１２３", ""])
def test_an_id_that_is_none_is_refused(giftping: Run, guild_id: str) -> None:
    ran = giftping("guilds", "add", "--channel", "500", "--", guild_id)
    assert ran.exit_code == 2
    assert "must be a Discord id" in " ".join(ran.errors.replace("│", " ").split())


def test_an_unknown_game_is_answered_with_the_nearest_name(giftping: Run, store: Store) -> None:
    ran = giftping("guilds", "add", "123", "--channel", "500", "--game", "whiteout-survivel")
    assert ran.exit_code == 2
    assert "did you mean 'whiteout-survival'?" in ran.error
    assert store.guilds() == []


def test_a_known_guild_keeps_what_is_not_said(giftping: Run, store: Store, route: FakeRoute) -> None:
    store.put_guild(guild(1, mention_role_id=42, seeded={HOME_GAME: ("api",)}))
    ran = giftping("guilds", "add", "1", "--game", HOME_GAME, "--game", "kingshot")
    assert "changed" in ran.output
    record = store.guild(1)
    assert record is not None
    assert (record.games, record.mention_role_id, record.destination, record.updated_at) == (
        (HOME_GAME, "kingshot"),
        42,
        CHANNEL,
        NOON,
    )


def test_a_destination_that_moves_is_dated(giftping: Run, store: Store) -> None:
    """A webhook's delivery from before is not looked for in the new place."""
    store.put_guild(guild(1))
    giftping("guilds", "add", "1", "--channel", "600")
    record = store.guild(1)
    assert record is not None
    assert record.updated_at > NOON


def test_adding_again_with_announce_current_opens_what_was_only_recorded(giftping: Run, store: Store) -> None:
    store.put_guild(guild(1, seeded={HOME_GAME: ("api",)}))
    store.insert([entry(1, "OLD1000", state=EntryState.SEEDED), entry(1, "GIFT100", state=EntryState.SENT)])
    ran = giftping("guilds", "add", "1", "--announce-current")
    assert "1 of them recorded before without being posted" in ran.output
    assert [one.key for one in store.entries(1)] == ["GIFT100"]


def test_the_list_says_how_each_guild_stands(giftping: Run, store: Store) -> None:
    store.put_guild(guild(1, seeded={HOME_GAME: ("api",)}))
    store.put_guild(guild(2, broken=Broken(NOON, "HTTP 403: Missing Permissions")))
    store.put_guild(guild(3))
    store.put_guild(guild(4, games=("no-such-game",)))
    shown = " ".join(giftping("guilds", "list").output.split())
    for said in ("fine", "broken since 2026-05-04", "first check to come", "no-such-game: unknown game"):
        assert said in shown


def test_without_guilds_the_list_says_how_to_add_one(giftping: Run) -> None:
    assert "giftping guilds add GUILD_ID" in giftping("guilds", "list").output


def test_removing_asks_and_refuses_when_nobody_can_answer(giftping: Run, store: Store) -> None:
    store.put_guild(guild(1))
    ran = giftping("guilds", "remove", "1")
    assert ran.exit_code == 2
    assert "--yes" in ran.error
    assert store.guild(1) is not None


def test_removing_keeps_the_ledger(giftping: Run, store: Store) -> None:
    store.put_guild(guild(1))
    store.insert([entry(1, state=EntryState.SENT)])
    ran = giftping("guilds", "remove", "1", "--yes", "--json")
    assert ran.json == {"guild_id": "1", "removed": True}
    assert store.guild(1) is None
    assert len(list(store.entries(1))) == 1


@pytest.mark.parametrize("command", ["remove", "test"])
def test_a_guild_that_is_not_known_is_named_with_the_nearest_one(giftping: Run, store: Store, command: str) -> None:
    store.put_guild(guild(123456789))
    ran = giftping("guilds", command, "123456780")
    assert ran.exit_code == 2
    assert "did you mean '123456789'?" in ran.error


def test_a_test_posts_one_message_and_mends_a_broken_destination(giftping: Run, store: Store, route: FakeRoute) -> None:
    store.put_guild(guild(1, broken=Broken(NOON, "HTTP 403")))
    ran = giftping("guilds", "test", "1")
    assert (ran.exit_code, ran.output) == (0, "guild 1: channel 500 works.\n")
    assert len(route.posted) == 1
    record = store.guild(1)
    assert record is not None
    assert record.broken is None


def test_a_test_without_a_post_only_looks(giftping: Run, store: Store, route: FakeRoute) -> None:
    store.put_guild(guild(1))
    assert giftping("guilds", "test", "1", "--no-post").exit_code == 0
    assert route.posted == []


@pytest.mark.parametrize(("answer", "mend"), [(FORBIDDEN, "; the bot lacks a permission"), (Unclear("timed out"), "")])
def test_a_test_that_fails_is_69_and_says_why_and_what_to_mend(
    giftping: Run, store: Store, route: FakeRoute, answer: Unclear, mend: str
) -> None:
    store.put_guild(guild(1))
    route.answer(answer)
    ran = giftping("guilds", "test", "1", "--json")
    assert ran.exit_code == 69
    reason = ran.json["reason"]
    assert ran.json == {"guild_id": "1", "destination": "channel 500", "works": False, "reason": reason}
    assert reason.startswith(f"failed: {answer.reason}{mend}")
    assert answer.reason in ran.error


def test_a_file_reference_means_the_same_from_every_folder(giftping: Run, store: Store, home: Path) -> None:
    giftping("guilds", "add", "123", "--webhook", "file:hook")
    record = store.guild(123)
    assert record is not None
    assert record.destination.webhook == f"file:{home / 'hook'}"


def test_a_mention_is_taken_back_and_the_rest_stays(giftping: Run, store: Store) -> None:
    store.put_guild(guild(1, mention_role_id=42, games=("kingshot",)))
    assert giftping("guilds", "add", "1", "--no-mention").exit_code == 0
    record = store.guild(1)
    assert record is not None
    assert (record.mention_role_id, record.games, record.destination) == (None, ("kingshot",), CHANNEL)


def test_mentioning_a_role_and_nobody_contradict_each_other(giftping: Run, store: Store) -> None:
    store.put_guild(guild(1, mention_role_id=42))
    ran = giftping("guilds", "add", "1", "--mention", "43", "--no-mention")
    assert (ran.exit_code, ran.error) == (2, "giftping: --mention and --no-mention contradict each other")
    assert store.guild(1) == guild(1, mention_role_id=42)
