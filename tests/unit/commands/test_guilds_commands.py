from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.deliveries import delivery, put_delivery, stored
from fakes.records import LATER, NOON, entry, subscription, subscriptions
from past import CHANNEL as PLACE
from past import GUILD as TODO_GUILD
from ran import Ran

from giftping.delivery.deliveries import DeliveryState
from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.store.base import HOME_GAME, Broken, Destination, EntryState, Style
from giftping.store.records import Store
from giftping.todo.repository import MemberRepository
from giftping.todo.sweep_notes import BrokenChannel

Run = Callable[..., Ran]

TOKEN = "Tok3n-_that-nobody-may-see-0123456789012345678901234567890123456789"
URL = f"https://discord.com/api/webhooks/123456789012345678/{TOKEN}"
CHANNEL = Destination(channel_id=500)


def test_a_guild_is_added_with_the_older_bots_game_unless_another_is_named(giftping: Run, store: Store) -> None:
    ran = giftping("guilds", "add", "123", "--webhook", "env:HOOK", "--mention", "42")
    assert ran.exit_code == 0
    assert "Guild 123 added: whiteout-survival by webhook env:HOOK." in ran.output
    assert "--announce-current" in ran.output
    (one,) = store.subscriptions(123)
    assert (one.game, one.destination, one.mentions) == (HOME_GAME, Destination(webhook="env:HOOK"), ("42",))


def test_a_reference_that_leads_nowhere_now_is_taken_with_a_warning(giftping: Run) -> None:
    ran = giftping("guilds", "add", "123", "--webhook", "env:HOOK", "--json")
    assert ran.exit_code == 0
    assert ran.json["added"] is True
    assert "HOOK is not set" in ran.json["warning"]
    assert "HOOK is not set" in ran.error


def test_the_url_of_a_webhook_is_kept_and_never_shown(giftping: Run, store: Store) -> None:
    runs = [giftping("guilds", "add", "123", "--webhook", URL, "--no-check")]
    runs += [giftping("guilds", "list"), giftping("guilds", "list", "--json"), giftping("guilds", "remove", "123")]
    for ran in runs:
        assert TOKEN not in ran.output + ran.errors
    assert "webhook 123456789012345678" in runs[1].output
    (one,) = store.subscriptions(123)
    assert one.destination.webhook == URL


@pytest.mark.parametrize(
    "other",
    [
        f"https://discordapp.com/api/webhooks/123456789012345678/{TOKEN}",
        f"https://ptb.discord.com/api/v10/webhooks/123456789012345678/{TOKEN}/",
        f"https://canary.discord.com/api/v9/webhooks/123456789012345678/{TOKEN}?wait=true",
        "env:HOOK",
    ],
)
def test_one_webhook_is_one_destination_of_a_guild_however_it_is_written(
    giftping: Run, store: Store, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.setenv("HOOK", URL)
    giftping("guilds", "add", "123", "--webhook", URL, "--game", "kingshot", "--no-check")
    giftping("guilds", "add", "123", "--webhook", f"{URL}?thread_id=77", "--game", "genshin", "--no-check")
    giftping("guilds", "add", "123", "--webhook", other, "--game", "whiteout-survival", "--no-check")
    where = {one.game: one.destination.webhook for one in store.subscriptions(123)}
    assert where == {"kingshot": other, "genshin": f"{URL}?thread_id=77", "whiteout-survival": other}


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
    assert store.subscriptions() == []


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
    assert store.subscriptions() == []


def test_a_game_that_is_added_goes_where_the_others_go_and_leaves_them_as_they_are(giftping: Run, store: Store) -> None:
    store.put_subscriptions(subscription(1, mentions=("42",), seeded=("api",)))
    ran = giftping("guilds", "add", "1", "--game", HOME_GAME, "--game", "kingshot")
    assert "changed" in ran.output
    home, kingshot = store.subscriptions(1)
    assert home == subscription(1, mentions=("42",), seeded=("api",))
    assert (kingshot.game, kingshot.destination, kingshot.mentions) == ("kingshot", CHANNEL, ("42",))
    assert kingshot.seeded is None


def test_a_destination_that_moves_is_dated(giftping: Run, store: Store) -> None:
    """A webhook's delivery from before is not looked for in the new place."""
    store.put_subscriptions(subscription(1))
    giftping("guilds", "add", "1", "--channel", "600")
    (one,) = store.subscriptions(1)
    assert one.updated_at > NOON


def test_adding_again_with_announce_current_opens_what_was_only_recorded(giftping: Run, store: Store) -> None:
    store.put_subscriptions(subscription(1, seeded=("api",)))
    store.insert([entry(1, "OLD1000", state=EntryState.SEEDED), entry(1, "GIFT100", state=EntryState.SENT)])
    ran = giftping("guilds", "add", "1", "--announce-current")
    assert "1 of them recorded before without being posted" in ran.output
    assert [one.key for one in store.entries(1)] == ["GIFT100"]


def test_the_list_says_how_each_guild_stands(giftping: Run, store: Store) -> None:
    store.put_subscriptions(subscription(1, seeded=("api",)))
    store.put_subscriptions(subscription(2, broken=Broken(NOON, "HTTP 403: Missing Permissions")))
    store.put_subscriptions(subscription(3))
    store.put_subscriptions(subscription(4, "no-such-game"))
    shown = " ".join(giftping("guilds", "list").output.split())
    for said in ("fine", "broken since 2026-05-04", "first check to come", "no-such-game: unknown game"):
        assert said in shown


def test_without_guilds_the_list_says_how_to_add_one(giftping: Run) -> None:
    assert "giftping guilds add GUILD_ID" in giftping("guilds", "list").output


def test_removing_asks_and_refuses_when_nobody_can_answer(giftping: Run, store: Store) -> None:
    store.put_subscriptions(subscription(1))
    ran = giftping("guilds", "remove", "1")
    assert ran.exit_code == 2
    assert "--yes" in ran.error
    assert store.subscriptions(1) != []


def test_removing_keeps_the_ledger(giftping: Run, store: Store) -> None:
    store.put_subscriptions(subscription(1))
    store.insert([entry(1, state=EntryState.SENT)])
    ran = giftping("guilds", "remove", "1", "--yes", "--json")
    assert ran.json == {"guild_id": "1", "removed": [HOME_GAME]}
    assert store.subscriptions(1) == []
    assert len(list(store.entries(1))) == 1


@pytest.mark.parametrize("command", ["remove", "test"])
def test_a_guild_that_is_not_known_is_named_with_the_nearest_one(giftping: Run, store: Store, command: str) -> None:
    store.put_subscriptions(subscription(123456789))
    ran = giftping("guilds", command, "123456780")
    assert ran.exit_code == 2
    assert "did you mean '123456789'?" in ran.error


@pytest.fixture
def in_channel(store: Store, discord: StandInDiscord) -> StandInDiscord:
    """A Discord to which the bot may post for a guild whose destination is broken."""
    destination = Destination(channel_id=PLACE)
    store.put_subscriptions(subscription(TODO_GUILD, destination=destination, broken=Broken(NOON, "HTTP 403")))
    return discord


def test_a_test_posts_one_message_and_mends_a_broken_destination(
    giftping: Run, store: Store, in_channel: StandInDiscord
) -> None:
    ran = giftping("guilds", "test", str(TODO_GUILD))
    told = f"guild {TODO_GUILD}: channel {PLACE} works. {HOME_GAME} pings nobody.\n"
    assert (ran.exit_code, ran.output) == (0, told)
    assert len(in_channel.messages(PLACE)) == 1
    (one,) = store.subscriptions(TODO_GUILD)
    assert one.broken is None


def test_a_test_has_what_was_refused_for_its_content_tried_by_the_next_check(
    giftping: Run, store: Store, in_channel: StandInDiscord
) -> None:
    waits = {"state": DeliveryState.REFUSED, "noes": 3, "retry_at": LATER}
    for guild_id in (TODO_GUILD, 2):
        put_delivery(store, delivery("GIFT100", id=f"of-{guild_id}", guild_id=guild_id, **waits), entries=False)
    ours = f"of-{TODO_GUILD}"
    in_channel.fail(FORBIDDEN, match=Match(method="POST", channel_id=PLACE))
    assert giftping("guilds", "test", str(TODO_GUILD)).exit_code == 69
    assert {one.id: one.retry_at for one in stored(store).values()} == {ours: LATER, "of-2": LATER}
    assert giftping("guilds", "test", str(TODO_GUILD)).exit_code == 0
    assert {one.id: one.retry_at for one in stored(store).values()} == {ours: None, "of-2": LATER}


def test_a_test_without_a_post_only_looks(giftping: Run, in_channel: StandInDiscord) -> None:
    assert giftping("guilds", "test", str(TODO_GUILD), "--no-post").exit_code == 0
    assert in_channel.messages(PLACE) == []


FORBIDDEN = faults.status(403, 50013, "Missing Permissions")


@pytest.mark.parametrize("post", ["--post", "--no-post"])
@pytest.mark.parametrize("follows_codes_there", [True, False])
def test_a_test_has_the_todo_channel_tried_by_the_next_sweep(
    giftping: Run, store: Store, discord: StandInDiscord, post: str, follows_codes_there: bool
) -> None:
    if follows_codes_there:
        store.put_subscriptions(subscription(TODO_GUILD, destination=Destination(channel_id=PLACE)))
    repository = MemberRepository(store, lambda: NOON)
    resting = BrokenChannel(PLACE, Broken(NOON, "HTTP 403", 5, LATER, 403, 50013))
    repository.change_notes(lambda notes: replace(notes, channel=resting))
    discord.remove_channel(PLACE)
    ran = giftping("guilds", "test", str(TODO_GUILD), post, "--json")
    assert (ran.exit_code, repository.notes().channel) == (69, resting)
    (tested,) = ran.json["destinations"]
    assert f"channel {PLACE}" in tested["destination"]
    assert "HTTP 404 Unknown Channel (10003)" in tested["reason"]
    discord.add_channel(PLACE, TODO_GUILD)
    ran = giftping("guilds", "test", str(TODO_GUILD), post)
    assert (ran.exit_code, repository.notes().channel) == (0, None)
    assert f"channel {PLACE} works" in ran.output
    # A test message is no news to members: only where codes go one is posted.
    assert len(discord.messages(PLACE)) == (follows_codes_there and post == "--post")


@pytest.mark.parametrize(
    ("method", "fault", "why"),
    [
        ("POST", FORBIDDEN, "failed: HTTP 403 Missing Permissions (50013); the bot lacks a permission"),
        ("POST", faults.html(502), "failed: HTTP 502"),
        ("GET", faults.html(502), "failed: HTTP 502"),
        ("GET", faults.status(404, 10003, "Unknown Channel"), "is not there (HTTP 404 Unknown Channel (10003)); give"),
    ],
)
def test_a_test_that_fails_is_69_and_says_why_and_what_to_mend(
    giftping: Run, store: Store, in_channel: StandInDiscord, method: str, fault: faults.Fault, why: str
) -> None:
    in_channel.fail(fault, match=Match(method=method, channel_id=PLACE))
    ran = giftping("guilds", "test", str(TODO_GUILD), "--json")
    assert ran.exit_code == 69
    (tested,) = ran.json["destinations"]
    reason = tested["reason"]
    assert ran.json["works"] is False
    assert tested == {
        "destination": f"channel {PLACE}",
        "games": [HOME_GAME],
        "works": False,
        "reason": reason,
        "mentions": [],
    }
    assert reason.startswith(why)
    assert ran.error == f"guild {TODO_GUILD}: channel {PLACE} {reason}"
    (one,) = store.subscriptions(TODO_GUILD)
    assert one.broken is not None


def test_a_file_reference_means_the_same_from_every_folder(giftping: Run, store: Store, home: Path) -> None:
    giftping("guilds", "add", "123", "--webhook", "file:hook")
    (one,) = store.subscriptions(123)
    assert one.destination.webhook == f"file:{home / 'hook'}"


def test_a_mention_is_taken_back_and_the_rest_stays(giftping: Run, store: Store) -> None:
    store.put_subscriptions(subscription(1, "kingshot", mentions=("42",)))
    assert giftping("guilds", "add", "1", "--no-mention").exit_code == 0
    (one,) = store.subscriptions(1)
    assert (one.mentions, one.game, one.destination) == ((), "kingshot", CHANNEL)


def test_mentioning_a_role_and_nobody_contradict_each_other(giftping: Run, store: Store) -> None:
    store.put_subscriptions(subscription(1, mentions=("42",)))
    ran = giftping("guilds", "add", "1", "--mention", "43", "--no-mention")
    assert (ran.exit_code, ran.error) == (2, "giftping: --mention and --no-mention contradict each other")
    assert store.subscriptions(1) == [subscription(1, mentions=("42",))]


@pytest.mark.parametrize("kind", ["file", "env"])
@pytest.mark.parametrize("address", ["mongodb://user:s3cret@host/db", "https://discord.com/api/webhooks/1/s3cret"])
def test_an_address_in_the_place_of_a_reference_is_refused_and_not_stored(
    giftping: Run, home: Path, kind: str, address: str
) -> None:
    ran = giftping("guilds", "add", "1", "--webhook", f"{kind}:{address}")
    assert (ran.exit_code, "s3cret" in ran.errors) == (2, False)
    assert f"--webhook {kind}: must be followed by" in ran.errors
    assert not any("s3cret" in path.read_text("utf-8") for path in home.rglob("*.json"))


def test_two_games_of_a_guild_have_each_its_own_channel_and_mentions(giftping: Run, store: Store) -> None:
    """2.1: the second one took the channel, the games and the role of the first one away."""
    giftping("guilds", "add", "1", "--channel", "500", "--game", HOME_GAME, "--mention", "41", "--mention", "<@&42>")
    ran = giftping("guilds", "add", "1", "--webhook", "env:HOOK", "--game", "kingshot", "--mention", "everyone")
    assert ran.output.splitlines()[0] == "Guild 1 changed: kingshot by webhook env:HOOK."
    home, kingshot = store.subscriptions(1)
    assert (home.destination, home.mentions) == (CHANNEL, ("41", "42"))
    assert (kingshot.destination, kingshot.mentions) == (Destination(webhook="env:HOOK"), ("everyone",))
    giftping("guilds", "add", "1", "--game", "kingshot", "--mention", "@here")
    after = store.subscriptions(1)
    assert after[0] == home
    assert (after[1].destination, after[1].mentions) == (kingshot.destination, ("here",))


def test_a_third_game_of_a_guild_with_two_places_has_to_say_where_it_goes(giftping: Run, store: Store) -> None:
    store.put_subscriptions(subscription(1), subscription(1, "kingshot", destination=Destination(channel_id=600)))
    ran = giftping("guilds", "add", "1", "--game", "wuwa")
    assert (ran.exit_code, "--channel ID" in ran.error) == (2, True)
    assert len(store.subscriptions(1)) == 2


def test_what_is_no_mention_is_refused(giftping: Run, store: Store) -> None:
    ran = giftping("guilds", "add", "1", "--channel", "500", "--mention", "<@77>")
    assert (ran.exit_code, ran.error) == (2, "giftping: --mention '<@77>': give a role's id, everyone or here")
    assert store.subscriptions() == []


def test_a_guild_has_a_name_that_people_give_it(giftping: Run) -> None:
    ran = giftping("guilds", "add", "1", "--channel", "500", "--label", "Frost Giants", "--json")
    assert ran.json["guild"]["label"] == "Frost Giants"
    assert "Frost Giants" in giftping("guilds", "list").output
    giftping("guilds", "add", "1", "--label", "")
    assert giftping("guilds", "list", "--json").json["guilds"][0]["label"] is None


def test_one_game_is_removed_and_the_others_stay(giftping: Run, store: Store) -> None:
    store.put_subscriptions(*subscriptions(1, HOME_GAME, "kingshot"))
    ran = giftping("guilds", "remove", "1", "--game", "kingshot", "--yes")
    assert ran.output.startswith("Guild 1 follows kingshot no more.")
    assert [one.game for one in store.subscriptions(1)] == [HOME_GAME]
    again = giftping("guilds", "remove", "1", "--game", "kingshot", "--yes")
    assert (again.exit_code, "does not follow kingshot" in again.error) == (2, True)


def test_each_game_is_shown_once_as_it_will_look_there(giftping: Run, store: Store, discord: StandInDiscord) -> None:
    here = Destination(channel_id=PLACE)
    store.put_subscriptions(
        *subscriptions(TODO_GUILD, HOME_GAME, "kingshot", destination=here),
        subscription(TODO_GUILD, "wuwa", destination=Destination(channel_id=600)),
    )
    ran = giftping("guilds", "test", str(TODO_GUILD))
    assert ran.exit_code == 69
    told = f"guild {TODO_GUILD}: channel {PLACE} works. {HOME_GAME} pings nobody. kingshot pings nobody.\n"
    assert ran.output == told
    assert "channel 600 is not there" in ran.error
    posted = discord.messages(PLACE)
    assert [one.content for one in posted] == ["`SAMPLECODE`", "`SAMPLECODE`"]
    assert ["Kingshot" in one.embeds[0]["title"] for one in posted] == [False, True]


def test_a_guild_has_a_language_of_its_own_and_is_tested_in_it(
    giftping: Run, store: Store, discord: StandInDiscord
) -> None:
    ran = giftping("guilds", "add", str(TODO_GUILD), "--channel", str(PLACE), "--language", "de", "--json")
    assert ran.json["guild"]["language"] == "de"
    giftping("guilds", "test", str(TODO_GUILD))
    (posted,) = discord.messages(PLACE)
    assert posted.embeds[0]["title"] == "🎁 Neuer Geschenkcode für Whiteout Survival"
    assert posted.embeds[-1]["title"] == "giftping kann hier schreiben"
    giftping("guilds", "add", str(TODO_GUILD), "--language", "")
    assert store.guild(TODO_GUILD).language == ""


def test_a_language_that_there_is_not_is_answered_with_those_there_are(giftping: Run, store: Store) -> None:
    ran = giftping("guilds", "add", "1", "--channel", "500", "--language", "klingon")
    assert (ran.exit_code, ran.error) == (2, "giftping: unknown language 'klingon'; one of: de, en, es")
    assert store.subscriptions() == []


def test_the_only_guild_need_not_be_named_to_be_tested(giftping: Run, store: Store, in_channel: StandInDiscord) -> None:
    assert giftping("guilds", "test").exit_code == 0
    assert len(in_channel.messages(PLACE)) == 1
    store.put_subscriptions(subscription(2, destination=Destination(channel_id=600)))
    ran = giftping("guilds", "test")
    assert (ran.exit_code, f"say which guild: {TODO_GUILD}, 2" in ran.error) == (2, True)
    assert len(in_channel.messages(PLACE)) == 1


def test_without_a_guild_there_is_nothing_to_test(giftping: Run) -> None:
    assert giftping("guilds", "test").exit_code == 2


def test_a_guild_has_a_style_and_a_new_game_of_it_has_the_same(giftping: Run, store: Store) -> None:
    ran = giftping("guilds", "add", "1", "--webhook", "env:HOOK", "--style", "compact", "--json")
    assert [one["style"] for one in ran.json["guild"]["subscriptions"]] == ["compact"]
    giftping("guilds", "add", "1", "--game", "kingshot")
    assert [one.style for one in store.subscriptions(1)] == [Style.COMPACT, Style.COMPACT]
    assert "in the compact style" in giftping("guilds", "list").output
    giftping("guilds", "add", "1", "--game", "kingshot", "--style", "full", "--language", "de")
    assert "language de" in giftping("guilds", "list").output
    assert [one.style for one in store.subscriptions(1)] == [Style.COMPACT, Style.FULL]


def test_a_style_that_there_is_not_is_answered_with_those_there_are(giftping: Run, store: Store) -> None:
    ran = giftping("guilds", "add", "1", "--webhook", "env:HOOK", "--style", "huge")
    assert (ran.exit_code, ran.error) == (2, "giftping: unknown style 'huge'; one of: compact, full")
    assert store.subscriptions() == []


def test_no_more_are_mentioned_than_a_message_has_room_for(giftping: Run, store: Store) -> None:
    many = [word for role in range(10, 51) for word in ("--mention", str(role))]
    ran = giftping("guilds", "add", "1", "--webhook", "env:HOOK", *many)
    assert (ran.exit_code, "room for 40, and these are 41" in ran.error) == (2, True)
    assert store.subscriptions() == []
