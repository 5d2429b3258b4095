from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from fakes.deliveries import delivery, delivery_states, put_delivery, stored
from fakes.discord_route import FORBIDDEN, NO_TOKEN, FakeRoute, Routes
from fakes.records import LATER, NOON, code, entry, subscription
from ran import Ran, printed_commands

from giftping.codes.fetch import Body, Failed, Fetched, FetchRequest
from giftping.codes.holds import JudgingRules, remembered_clearance
from giftping.delivery.deliveries import DeliveryState
from giftping.discord.outcome import Found, Refused
from giftping.discord.snowflake import snowflake_at
from giftping.runs.lock import RunLock
from giftping.runs.state_folder import CHECK_LOCK
from giftping.settings.catalogue import Game
from giftping.store.base import HOME_GAME, CodeRecord, Destination, EntryState, Guild, Hold, Round, Ruling, SourceMemory
from giftping.store.code_documents import code_from_document
from giftping.store.holder import ProcessLock
from giftping.store.records import Store
from giftping.wiring import Wiring

Run = Callable[..., Ran]

CHECK_KEYS = {
    "clock",
    "started_at",
    "finished_at",
    "exit_code",
    "dry_run",
    "idle",
    "guilds",
    "uncertain",
    "broken",
    "sources",
    "deliveries",
    "seeded",
    "resting",
    "refused",
    "held",
    "released",
    "edits",
    "edits_left",
    "missed",
    "disagreements",
    "trouble",
    "notices",
    "published",
    "stopped",
}


EXPLAIN = ("codes", "explain", "GIFT100", "--guild", "1")


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> FakeRoute:
    """Lead channel 500 to a route that answers what a test lays ready."""
    route = FakeRoute()
    routes = Routes([(Destination(channel_id=500), route)])
    monkeypatch.setattr(Wiring, "route_to", lambda _, destination: routes(destination))
    return route


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codes that the source of the settings lists; empty it to make the source fail."""
    listing = ["GIFT2026"]

    def fetch(_: object, request: FetchRequest, now: datetime) -> Fetched:
        body = "\n".join(listing).encode()
        return Body(body, "text/plain", "", "", sha256(body).hexdigest()) if body else Failed("timed out after 15 s")

    monkeypatch.setattr("giftping.codes.fetch.Fetcher.fetch", fetch)
    return listing


@pytest.fixture
def follower(store: Store) -> Store:
    """The store with guild 1, which announces what is listed now."""
    store.put_subscriptions(subscription(1, announce_current=True))
    return store


# check


def test_a_check_tells_what_went_out_and_writes_it_as_json(
    giftping: Run, follower: Store, route: FakeRoute, listing: list[str]
) -> None:
    ran = giftping("codes", "check", "--json")
    assert ran.exit_code == 0
    assert set(ran.json) == CHECK_KEYS
    (delivery,) = ran.json["deliveries"]
    assert (delivery["guild_id"], delivery["codes"], delivery["result"]) == ("1", ["GIFT2026"], "sent")


def test_a_check_names_guilds_and_channels_beside_their_ids(
    giftping: Run, follower: Store, route: FakeRoute, listing: list[str]
) -> None:
    named = Guild(1, "Ours", destinations={"channel 500": "gift-codes"})
    follower.change_guild(1, lambda _: named, NOON)
    sent = giftping("codes", "check").output
    assert "guild 1 (Ours): whiteout-survival: sent to channel 500 (gift-codes): GIFT2026" in sent
    assert "guild 1 (Ours)" in giftping("codes", "explain", "GIFT2026").output


def test_a_check_with_nothing_new_says_nothing_in_a_pipe(
    giftping: Run, follower: Store, route: FakeRoute, listing: list[str]
) -> None:
    assert "guild 1: whiteout-survival: sent to channel 500: GIFT2026" in giftping("codes", "check").output
    again = giftping("codes", "check")
    assert (again.exit_code, again.output, again.errors) == (0, "", "")


def test_a_quiet_check_says_only_what_went_wrong(
    giftping: Run, follower: Store, route: FakeRoute, listing: list[str]
) -> None:
    route.answer(FORBIDDEN)
    ran = giftping("codes", "check", "-q")
    assert (ran.exit_code, ran.output) == (69, "")
    assert ran.error.startswith(
        "guild 1: whiteout-survival: refused by channel 500 (HTTP 403: Missing Permissions (50013)): GIFT2026;"
        " the bot lacks a permission there: allow it View Channel, Send Messages and Embed Links,"
        " then: giftping guilds test 1 (tried again after "
    )


def test_a_broken_destination_is_told_once_and_again_to_those_who_ask(
    giftping: Run, follower: Store, route: FakeRoute, listing: list[str]
) -> None:
    route.answer(FORBIDDEN)
    told = giftping("codes", "check", "--json")
    assert (told.exit_code, told.json["exit_code"], told.json["broken"]) == (69, 69, 1)
    quiet = giftping("codes", "check", "--json")
    assert (quiet.exit_code, quiet.errors) == (0, "")
    # One destination must not deafen whoever watches the exit code; who looks is told all the same.
    assert (quiet.json["exit_code"], quiet.json["broken"]) == (0, 1)
    loud = giftping("codes", "check", "-v", "--guild", "1")
    assert loud.exit_code == 69
    assert "1 code waits for a broken destination" in loud.errors
    assert "IST" in loud.errors


def test_a_failing_source_is_told_once(giftping: Run, follower: Store, route: FakeRoute, listing: list[str]) -> None:
    """D15: every poll of a failing source wrote the same lines again."""
    listing.clear()
    first = giftping("codes", "check")
    assert (first.exit_code, first.error) == (69, "source my-list: timed out after 15 s")
    assert giftping("codes", "check").errors == ""


def test_a_dry_run_shows_the_message_and_changes_nothing(
    giftping: Run, follower: Store, route: FakeRoute, listing: list[str], home: Path
) -> None:
    before = {path: path.read_bytes() for path in (home / "state").rglob("*") if path.is_file()}
    ran = giftping("codes", "check", "--dry-run")
    assert ran.exit_code == 0
    assert "would be sent to channel 500: GIFT2026" in ran.output
    assert "New Whiteout Survival gift code" in ran.output
    assert {path: path.read_bytes() for path in (home / "state").rglob("*") if path.is_file()} == before
    assert route.posted == []


def test_a_dry_run_before_anything_else_makes_no_folder(giftping: Run, listing: list[str], home: Path) -> None:
    assert giftping("codes", "check", "--dry-run").exit_code == 0
    assert not (home / "state").exists()


def test_a_check_about_an_unknown_guild_or_game_is_a_mistake(
    giftping: Run, follower: Store, listing: list[str]
) -> None:
    assert "no guild 99" in giftping("codes", "check", "--guild", "99").error
    ran = giftping("codes", "check", "--game", "kingshott")
    assert (ran.exit_code, "did you mean 'kingshot'?" in ran.error) == (2, True)


def test_at_a_terminal_a_check_says_that_there_is_nothing(
    giftping: Run, listing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = giftping("codes", "check", "-v")
    assert "No guilds yet. Add one: giftping guilds add GUILD_ID --webhook env:NAME" in ran.output


def test_what_cannot_be_kept_for_the_next_run_does_not_hide_what_was_posted(
    giftping: Run, follower: Store, route: FakeRoute, listing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("giftping.runs.check.write_memory", fail)
    monkeypatch.setattr("giftping.runs.check.write_last_check", fail)
    (giftping_state := Path("state") / "host").write_text("host-a", "utf-8")
    ran = giftping("codes", "check")
    assert giftping_state.exists()
    assert ran.exit_code == 69
    assert "sent to channel 500: GIFT2026" in ran.output
    assert ran.errors.count("No space left on device") == 2


# list, add, explain


def test_a_code_is_added_by_hand_in_its_exact_spelling(giftping: Run, follower: Store) -> None:
    ran = giftping("codes", "add", "HandMade1", "--game", HOME_GAME, "--rewards", " 100  gems\u200b ", "--json")
    assert ran.json["guilds"] == 1
    (record,) = follower.codes()
    assert (record.key, record.spelling, record.rewards) == ("HANDMADE1", "HandMade1", "100 gems")


def test_a_guilds_own_code_is_added_for_it_alone_and_once_more_for_all(giftping: Run, follower: Store) -> None:
    ours = giftping("codes", "add", "HandMade1", "--game", HOME_GAME, "--guild", "1", "--rewards", "gems")
    assert "added for whiteout-survival in guild 1 alone: the next check announces it in 1 guild." in ours.output
    theirs = giftping("codes", "add", "HandMade1", "--game", HOME_GAME, "--guild", "2", "--json")
    assert (theirs.json["guilds"], theirs.json["guild_id"], theirs.json["code"]["rewards"]) == (0, "2", "")
    assert giftping("codes", "list").output.count("HandMade1") == 2
    assert "only guild 1" in giftping("codes", "list").output
    shown = giftping("codes", "list", "--json").json["codes"]
    assert [(one["added_by_guilds"], one["for_all"]) for one in shown] == [(["1"], False), (["2"], False)]
    giftping("codes", "add", "HandMade1", "--game", HOME_GAME)
    (record,) = follower.codes()
    assert (set(record.sources), set(record.own)) == ({"manual"}, {1, 2})
    assert giftping("codes", "list").output.count("HandMade1") == 1


def test_what_all_know_of_a_code_no_guild_changes(giftping: Run, follower: Store) -> None:
    known = code("GIFT100", rewards="1 gem", expires_at=NOON.replace(year=2090))
    follower.remember([known])
    said = ("--rewards", "nothing", "--expires", "2099-12-31")
    assert giftping("codes", "add", "gift100", "--game", HOME_GAME, "--guild", "1", *said).exit_code == 0
    (record,) = follower.codes()
    assert replace(record, own={}) == known
    assert record.own.keys() == {1}


def test_a_new_round_is_for_all_guilds(giftping: Run, follower: Store) -> None:
    ran = giftping("codes", "add", "GIFT100", "--game", HOME_GAME, "--guild", "1", "--again")
    assert ran.exit_code == 2
    assert "--again begins a round for all guilds" in " ".join(ran.errors.replace("│", " ").split())
    assert follower.codes() == []


def test_what_guilds_added_for_themselves_is_withdrawn_like_any_code(giftping: Run, follower: Store) -> None:
    giftping("codes", "add", "HandMade1", "--game", HOME_GAME, "--guild", "1")
    assert "goes out with the next check" in giftping("codes", "explain", "HandMade1", "--guild", "1").output
    assert giftping("codes", "withdraw", "HandMade1").exit_code == 0
    assert "a person has withdrawn it" in giftping("codes", "explain", "HandMade1", "--guild", "1").output
    assert giftping("codes", "add", "HandMade1", "--game", HOME_GAME, "--guild", "1").exit_code == 2


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2090-12-31", datetime(2091, 1, 1, tzinfo=UTC)),
        ("2090-12-31T18:00", datetime(2090, 12, 31, 18, tzinfo=UTC)),
        ("2090-12-31T18:00+05:30", datetime(2090, 12, 31, 12, 30, tzinfo=UTC)),
    ],
)
def test_a_day_is_valid_to_its_end_and_a_time_to_the_minute(
    giftping: Run, store: Store, written: str, expected: datetime
) -> None:
    assert giftping("codes", "add", "HandMade1", "--game", HOME_GAME, "--expires", written).exit_code == 0
    assert store.codes()[0].expires_at == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bad code!", "--game", HOME_GAME], "cannot be added"),
        (["@everyone", "--game", HOME_GAME], "looks like a mention"),
        (["EXAMPLE", "--game", HOME_GAME], "placeholder"),
        (["GIFT2026", "--game", "kingshott"], "did you mean 'kingshot'?"),
        (["GIFT2026", "--game", HOME_GAME, "--expires", "2020-01-01"], "expired on 2020-01-01;"),
        (["GIFT2026", "--game", HOME_GAME, "--expires", "tomorrow"], "not a date"),
        (["GIFT2026", "--game", HOME_GAME, "--expires", "9999-12-31"], "too far away"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_a_code_is_not_added(giftping: Run, store: Store, arguments: list[str], said: str) -> None:
    ran = giftping("codes", "add", *arguments)
    assert (ran.exit_code, ran.output) == (2, "")
    assert said in " ".join(ran.errors.replace("│", " ").split())
    assert store.codes() == []


def test_the_list_shows_what_may_go_out_and_with_all_the_rest_and_why(giftping: Run, store: Store) -> None:
    store.remember([code("GIFT100", expires_at=NOON.replace(year=2090)), code("OLD1000", expires_at=NOON)])
    short = giftping("codes", "list")
    assert "Gift100" in short.output
    assert "Old1000" not in short.output
    assert "IST" in short.output
    full = giftping("codes", "list", "--all")
    assert "expired on" in " ".join(full.output.split())
    assert [one["may_go_out"] for one in giftping("codes", "list", "--all", "--json").json["codes"]] == [True, False]


def test_an_empty_list_says_what_to_do(giftping: Run, store: Store) -> None:
    assert giftping("codes", "list").output == "No codes known yet: giftping codes check looks for them.\n"
    store.remember([code("OLD1000", expires_at=NOON)])
    assert "--all shows" in giftping("codes", "list").output


def test_an_explanation_is_a_sentence_and_its_steps_in_the_users_time(giftping: Run, follower: Store) -> None:
    follower.insert([entry(1, "GIFT100", state=EntryState.SENT, sent_at=NOON, message_id=7)])
    ran = giftping("codes", "explain", "gift100", "--guild", "1")
    assert ran.output.startswith("Gift100 was announced.\n  ")
    assert "2026-05-04 17:30 IST" in ran.output


def test_without_a_guild_the_story_is_that_of_all_guilds(giftping: Run, follower: Store) -> None:
    follower.put_subscriptions(
        subscription(2, destination=Destination(channel_id=502), seeded=("my-list",)), subscription(3, "kingshot")
    )
    hold(follower)
    follower.insert([entry(1, "GIFT100", state=EntryState.SENT, sent_at=NOON, message_id=7, channel_id=5, host="pi")])
    told = giftping("codes", "explain", "gift100", "--json").json
    assert told["guild_id"] is None
    assert [one["guild_id"] for one in told["guilds"]] == ["1", "2"]
    first, second = (one["answer"] for one in told["guilds"])
    assert (first, second.startswith("Gift100 is held until a person")) == ("Gift100 was announced.", True)
    assert told["answer"] == f"{first} (1 guild) {second} (1 guild)"
    assert {event["what"] for event in told["events"]} == {"claimed", "sent", "listed", "held"}
    shown = giftping("codes", "explain", "gift100").output
    assert "guild 1: announced as Gift100, source api, by pi: https://discord.com/channels/1/5/7" in shown


@pytest.mark.parametrize(
    "record",
    [
        code(expires_at=NOON),
        code(regions=("CN",)),
        code("EXAMPLE"),
        code(withdrawn=Ruling("ada", NOON)),
        code(expires_at=NOON, approved=Ruling("ada", NOON + timedelta(days=1))),
        code(holds={"site": Hold(NOON, "9 new codes at once", NOON)}),
        code(holds={"site": Hold(NOON, "looks made up", released_at=NOON)}),
        code(holds={"my-list": Hold(NOON, "looks made up")}, sources={"my-list": SourceMemory("Gift100", NOON, NOON)}),
        code(holds={"site": Hold(NOON, "looks made up")}, rounds=(Round(NOON, "anew"),)),
        code(holds={"my-list": Hold(NOON, "looks made up")}),
    ],
    ids=repr,
)
def test_every_verdict_can_be_reproduced_from_what_explain_writes(
    giftping: Run, follower: Store, record: CodeRecord
) -> None:
    follower.remember([record])
    told = giftping("codes", "explain", record.key, "--json").json
    (document,), (shown,), rules = told["memory"], told["codes"], told["rules"]
    games = {
        slug: Game(slug, code_pattern=game["code_pattern"], confirm=game["confirm"])
        for slug, game in rules["games"].items()
    }
    families = {name: source["family"] for name, source in rules["sources"].items()}
    again = JudgingRules(games, {}, frozenset(rules["skipped_regions"]))
    assert families == {"my-list": "my-list"}
    judged = remembered_clearance(code_from_document(document), datetime.fromisoformat(rules["at"]), again)
    assert (judged.may_go_out, judged.reason) == (shown["may_go_out"], shown["reason"])
    assert (judged.held_by != "") == (" is held " in told["answer"])


# stats


def test_statistics_count_by_source_game_and_day_of_the_users_zone(giftping: Run, store: Store) -> None:
    late = NOON.replace(hour=20)
    store.insert(
        [
            entry(1, "GIFT100", state=EntryState.SENT, sent_at=NOON),
            entry(1, "GIFT200", state=EntryState.SENT, sent_at=late, source="rss"),
            entry(2, "GIFT300", state=EntryState.SEEDED, delivery_id=""),
            entry(1, "GIFT500", delivery_id="under-way"),
        ]
    )
    put_delivery(store, delivery("GIFT400", guild_id=2, state=DeliveryState.UNCLEAR))
    told = giftping("codes", "stats", "--json").json
    assert (told["total"], told["last_code"]) == (2, "Gift200")
    assert told["sources"] == {"api": 1, "rss": 1}
    assert told["days"] == {"2026-05-04": 1, "2026-05-05": 1}
    assert told["states"] == {"open": 1, "sent": 2, "uncertain": 1, "seeded": 1, "given_up": 0}
    assert giftping("codes", "stats", "--guild", "2", "--json").json["total"] == 0
    assert "giftping codes settle" in giftping("codes", "stats").output


# clear


def test_clearing_asks_and_refuses_when_nobody_can_answer(giftping: Run, store: Store) -> None:
    store.insert([entry(1, "GIFT100", state=EntryState.SENT)])
    ran = giftping("codes", "clear", "--guild", "1")
    assert ran.exit_code == 2
    assert "--yes" in ran.error
    assert len(list(store.entries(1))) == 1


def test_clearing_takes_only_what_was_named(giftping: Run, store: Store) -> None:
    store.insert([entry(*which, state=EntryState.SENT) for which in ((1, "GIFT100"), (1, "GIFT200"), (2, "GIFT100"))])
    ran = giftping("codes", "clear", "--guild", "1", "--code", "gift100", "--yes", "--json")
    assert ran.json == {"guild_id": "1", "cleared": 1, "left": 0}
    assert [(one.guild_id, one.key) for one in store.entries()] == [(1, "GIFT200"), (2, "GIFT100")]


def test_clearing_leaves_what_is_under_way_or_uncertain_and_says_so(giftping: Run, store: Store) -> None:
    """Cleared, it would go out twice."""
    store.insert([entry(1, "GIFT100", state=EntryState.SENT)])
    put_delivery(store, delivery("GIFT200", state=DeliveryState.UNCLEAR))
    ran = giftping("codes", "clear", "--guild", "1", "--yes")
    assert ran.output == ("1 entry cleared for guild 1. 1 code under way or uncertain stays: giftping codes settle.\n")
    assert states(store) == {"GIFT200": "open"}
    ran = giftping("codes", "clear", "--guild", "1", "--yes")
    assert ran.output.startswith("Nothing was cleared for guild 1. 1 code under way")


def test_a_clearing_is_recorded_and_explained(giftping: Run, store: Store) -> None:
    store.insert([entry(state=EntryState.SENT)])
    giftping("codes", "clear", "--guild", "1", "--code", "gift100", "--yes")
    assert [event["what"] for event in giftping(*EXPLAIN, "--json").json["events"]] == ["cleared"]
    giftping("codes", "clear", "--guild", "1", "--yes")
    assert "guild 1: cleared from the ledger" in giftping(*EXPLAIN).output


def test_the_chart_counts_by_day_week_or_month(giftping: Run, store: Store) -> None:
    store.insert([entry(state=EntryState.SENT, sent_at=NOON)])
    assert "2026-05-04" in giftping("codes", "stats").output
    assert "2026-W19" in giftping("codes", "stats", "--per", "week").output
    assert "2026-05" in giftping("codes", "stats", "--per", "month").output
    ran = giftping("codes", "stats", "--per", "monht")
    assert (ran.exit_code, ran.errors.count("did you mean 'month'?")) == (2, 1)


def test_clearing_nothing_says_so_and_asks_nobody(giftping: Run) -> None:
    ran = giftping("codes", "clear", "--guild", "1")
    assert (ran.exit_code, ran.output) == (0, "The ledger holds nothing of the kind for guild 1.\n")


# settle


@pytest.fixture
def uncertain(follower: Store) -> Store:
    """The store with two codes of one message of guild 1 that nobody can tell of."""
    put_delivery(follower, delivery("GIFT100", "GIFT200", state=DeliveryState.UNCLEAR, reason="hidden"))
    return follower


def states(store: Store) -> dict[str, str]:
    return {one.key: one.state.value for one in store.entries()}


def test_settling_looks_first(giftping: Run, uncertain: Store, route: FakeRoute) -> None:
    route.finding = Found(77, 500)
    ran = giftping("codes", "settle")
    assert ran.exit_code == 0
    assert "already there" in ran.output
    assert states(uncertain) == {"GIFT100": "sent", "GIFT200": "sent"}


def test_what_stays_uncertain_is_69_and_says_what_to_do(
    giftping: Run, uncertain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wiring, "route_to", lambda *_: Refused("no such webhook", lasting=True))
    ran = giftping("codes", "settle")
    assert ran.exit_code == 69
    assert printed_commands(ran.output)[-2:] == [["codes", "settle", "1", how] for how in ("--sent", "--resend")]
    assert set(states(uncertain).values()) == {"open"}
    assert [one.state for one in stored(uncertain).values()] == [DeliveryState.UNCLEAR]


def test_what_can_be_looked_for_later_stays_uncertain_too(
    giftping: Run, uncertain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wiring, "route_to", lambda *_: NO_TOKEN)
    ran = giftping("codes", "settle")
    assert ran.exit_code == 69
    assert "uncertain, nobody can tell whether it arrived (no bot token" in ran.output
    assert set(states(uncertain).values()) == {"open"}
    assert [one.state for one in stored(uncertain).values()] == [DeliveryState.UNCLEAR]


@pytest.mark.parametrize(("word", "left"), [("--sent", {"GIFT100": "sent"}), ("--resend", {})])
def test_the_user_decides(giftping: Run, uncertain: Store, word: str, left: dict[str, str]) -> None:
    ran = giftping("codes", "settle", "--guild", "1", "--code", "gift100", word, "--json")
    assert ran.exit_code == 0
    assert [one["key"] for one in ran.json["decided"]] == ["GIFT100"]
    assert states(uncertain) == {"GIFT200": "open", **left}
    said = delivery_states(uncertain)
    assert ("unclear", ("Gift200",)) in said
    assert (("refused", ("Gift100",)) in said) is (word == "--resend"), "it is owed"


def test_of_what_would_be_sent_again_that_alone_is_said_to_which_has_not_ended(giftping: Run, uncertain: Store) -> None:
    uncertain.remember([code("GIFT200", expires_at=NOON)])
    of_guild = "guild 1: whiteout-survival"
    assert giftping("codes", "settle", "1", "--resend").output.splitlines() == [
        f"{of_guild}: Gift100: goes out again with the next check",
        f"{of_guild}: Gift200: does not go out again: expired on 2026-05-04 12:00 UTC",
    ]


def test_what_is_to_go_out_again_while_nothing_is_sent_waits_and_that_is_said(
    giftping: Run, uncertain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "held_back", "MongoDB is away")
    (line,) = giftping("codes", "settle", "1", "--resend").output.splitlines()
    assert line.endswith(": goes out again with the first check that sends: MongoDB is away")


@pytest.mark.parametrize("words", [["--sent"], ["--sent", "--resend", "1"], ["--since", "2026-05-04", "--sent"]])
def test_a_decision_that_is_none_is_refused(giftping: Run, uncertain: Store, words: list[str]) -> None:
    ran = giftping("codes", "settle", *words)
    assert ran.exit_code == 2
    assert set(states(uncertain).values()) == {"open"}
    assert [one.state for one in stored(uncertain).values()] == [DeliveryState.UNCLEAR]


def test_at_a_terminal_the_user_is_asked_message_by_message_while_checks_may_run(
    giftping: Run, home: Path, uncertain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_delivery(uncertain, delivery("GIFT300", id="delivery-2", state=DeliveryState.UNCLEAR, since=LATER))
    answers = iter([True, False, True])

    def answer(_question: str) -> bool:
        # Nobody knows how long a person thinks about it.
        with RunLock(home / "state" / CHECK_LOCK):
            return next(answers)

    monkeypatch.setattr(Wiring, "route_to", lambda *_: Refused("no such webhook", lasting=True))
    monkeypatch.setattr("giftping.cli._confirm", answer)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    ran = giftping("codes", "settle")
    assert ran.exit_code == 0
    assert states(uncertain) == {"GIFT100": "sent", "GIFT200": "sent"}
    assert delivery_states(uncertain) == [("refused", ("Gift300",))]


def test_everything_that_was_begun_since_a_day_can_be_settled_at_once(giftping: Run, uncertain: Store) -> None:
    since = NOON + timedelta(days=3)
    put_delivery(uncertain, delivery("GIFT300", guild_id=2, id="of-2", state=DeliveryState.UNCLEAR, since=since))
    ran = giftping("codes", "settle", "--all", "--since", "08/05/2026", "--sent", "--json")
    assert (ran.exit_code, ran.json["decided"]) == (0, [])
    ran = giftping("codes", "settle", "--all", "--since", "2026-05-07T12:00+02:00", "--resend")
    assert (
        ran.output == "guild 2: whiteout-survival: Gift300: does not go out again: the guild does not follow the game\n"
    )
    assert states(uncertain) == {"GIFT100": "open", "GIFT200": "open"}
    assert giftping("codes", "settle", "--all", "--since", "soon", "--sent").exit_code == 2
    assert giftping("codes", "settle", "1", "--all", "--sent").exit_code == 2


def test_what_somebody_is_at_is_left_to_him(giftping: Run, follower: Store, home: Path) -> None:
    with ProcessLock(home / "state", "a-host") as brother:
        host = home / "state" / "host"
        host.write_text("a-host")
        put_delivery(follower, delivery("GIFT100", holder=brother.take()))
        ran = giftping("codes", "settle", "1", "--sent")
        assert (ran.exit_code, ran.output) == (69, "guild 1: whiteout-survival: Gift100: somebody is at it\n")
        assert states(follower) == {"GIFT100": "open"}
    assert giftping("codes", "settle", "1", "--sent").exit_code == 0
    assert states(follower) == {"GIFT100": "sent"}


def test_nothing_uncertain_is_said(giftping: Run, store: Store) -> None:
    assert giftping("codes", "settle").output == "Nothing is uncertain.\n"


def test_a_delivery_that_was_settled_in_part_by_hand_is_still_found(
    giftping: Run, uncertain: Store, route: FakeRoute
) -> None:
    giftping("codes", "settle", "--guild", "1", "--code", "gift100", "--sent")
    giftping("codes", "settle")
    (look,) = route.looks
    shown = {"embeds": [{"fields": [{"value": "```\nGift100\n```"}, {"value": "```\nGift200\n```"}]}]}
    assert look.matches(shown) is True
    assert look.since == snowflake_at(NOON)


def hold(store: Store, spelling: str = "Gift100", **changes: object) -> None:
    held = {"my-list": Hold(NOON, "30 new codes at once in a list of 40", **changes)}  # type: ignore[arg-type]
    now = datetime.now(UTC)
    sources = {"my-list": SourceMemory(spelling, now, now)}
    store.remember([code(spelling.upper(), spelling=spelling, at=now, sources=sources, holds=held)])


def test_what_is_held_is_shown_with_reason_end_and_who_waits(giftping: Run, follower: Store) -> None:
    hold(follower)
    hold(follower, "Gift200", until=datetime.now(UTC) + timedelta(minutes=20))
    follower.insert([entry(1, "GIFT200", state=EntryState.SENT)])
    shown = giftping("codes", "held", "--json").json["held"]
    assert [(one["spelling"], one["source"], one["until"] is None, one["guilds"]) for one in shown] == [
        ("Gift100", "my-list", True, ["1"]),
        ("Gift200", "my-list", False, []),
    ]
    first, second, ruling = giftping("codes", "held").output.split("my-list: ")[1:]
    assert printed_commands(ruling) == [["codes", word, "--source", "my-list"] for word in ("approve", "reject")]
    assert "1 code is held for whiteout-survival since 20" in first + second
    assert "until you say so: 30 new codes at once in a list of 40" in first + second
    assert "1 guild waits" in first + second
    # A source that the settings do not name any more is one all the same.
    follower.remember([code("LEFT100", sources={"former": SourceMemory("LEFT100", NOON, NOON)})])
    assert giftping("codes", "held", "--source", "former").output == "Nothing is held.\n"


@pytest.mark.parametrize("command", ["held", "approve", "reject"])
def test_a_source_that_nobody_knows_is_named_with_the_nearest(giftping: Run, follower: Store, command: str) -> None:
    hold(follower)
    ran = giftping("codes", command, "--source", "my-lits")
    assert (ran.exit_code, ran.output) == (2, "")
    assert "there is no source 'my-lits'; did you mean 'my-list'?" in ran.errors


@pytest.mark.parametrize(
    "pasted",
    [
        ["gift100,", "gift200"],
        ["Gift100, Gift200 …"],
        ["`Gift100`,", "`Gift200`", "…"],
        ["**gift100**,gift200,"],
        ["> Gift100\n> Gift200;"],
        [" Gift100 ", "“GIFT200”"],
    ],
)
@pytest.mark.parametrize(("command", "goes_out"), [("approve", True), ("reject", False)])
def test_codes_are_taken_as_they_are_pasted_from_a_message(
    giftping: Run, follower: Store, pasted: list[str], command: str, goes_out: bool
) -> None:
    hold(follower)
    hold(follower, "Gift200")
    hold(follower, "Gift300")
    ran = giftping("codes", command, *pasted, "--json")
    shown = [(one["spelling"], one["may_go_out"]) for one in ran.json["codes"]]
    assert shown == [("Gift100", goes_out), ("Gift200", goes_out)]


@pytest.mark.parametrize("spelling", ["Gift100", "NewCode!?", "UPDATE 1.5", "-777-", "O'Brien & $HOME", "Wood;#1"])
@pytest.mark.parametrize("where", ["held", "explain", "undo"])
@pytest.mark.parametrize(("number", "goes_out"), [(0, True), (1, False)])
def test_each_command_that_is_shown_for_what_is_held_does_as_it_stands_there(
    giftping: Run, follower: Store, home: Path, spelling: str, where: str, number: int, goes_out: bool
) -> None:
    settings = home / "giftping.toml"
    settings.write_text(f"{settings.read_text()}\n[games.{HOME_GAME}]\ncode_pattern = '.{{3,30}}'\n")
    hold(follower, spelling)
    follower.remember([code(spelling.upper(), game="kingshot", spelling=spelling)])
    if where == "undo":
        giftping("codes", "withdraw", "--game", HOME_GAME, "--", spelling)
    shown = {
        "held": ("codes", "held"),
        "explain": ("codes", "explain", "--guild", "1", "--", spelling),
        "undo": ("codes", "withdraw", "--undo", "--game", HOME_GAME, "--", spelling),
    }[where]
    commands = printed_commands(giftping(*shown).output)
    assert len(commands) == 2
    ran = giftping(*commands[number][:2], "--json", *commands[number][2:])
    assert [(one["game"], one["spelling"], one["may_go_out"]) for one in ran.json["codes"]] == [
        (HOME_GAME, spelling, goes_out)
    ]


def test_one_command_approves_or_rejects_all_that_one_source_brought(giftping: Run, follower: Store) -> None:
    hold(follower)
    hold(follower, "Gift200")
    ran = giftping("codes", "reject", "--source", "my-list")
    assert ran.output.splitlines() == [
        "Gift100 withdrawn: it goes out nowhere any more.",
        "Gift200 withdrawn: it goes out nowhere any more.",
    ]
    assert giftping("codes", "held").output == "Nothing is held.\n"
    assert all(one.withdrawn and one.withdrawn.by for one in follower.codes())
    again = giftping("codes", "reject", "--source", "my-list")
    assert (again.exit_code, "nothing is held" in again.errors) == (2, True)


def test_codes_are_approved_by_name_in_any_case_and_what_nobody_lists_any_more_is_said_to_be(
    giftping: Run, follower: Store
) -> None:
    hold(follower)
    ran = giftping("codes", "approve", "gift100", "--json")
    assert [(one["spelling"], one["may_go_out"]) for one in ran.json["codes"]] == [("Gift100", True)]
    follower.remember([code("OLD1000", spelling="Old1000", at=NOON)])
    ran = giftping("codes", "approve", "OLD1000")
    assert "approved, but no source lists it any more; to announce it: " in ran.output
    assert [giftping(*one).exit_code for one in printed_commands(ran.output)] == [0]
    unknown = giftping("codes", "approve", "NOSUCH1")
    assert (unknown.exit_code, "no source has listed 'NOSUCH1'" in unknown.errors) == (2, True)
    assert giftping("codes", "approve").exit_code == 2


@pytest.mark.parametrize(
    "again", [["approve", "Gift100"], ["withdraw", "Gift100"], ["add", "Gift100", "--game", HOME_GAME, "--anyway"]]
)
def test_what_a_person_has_said_before_was_said_then_whoever_says_it_once_more(
    giftping: Run, follower: Store, again: list[str]
) -> None:
    hold(follower)
    said = Ruling("ada", datetime.now(UTC) - timedelta(days=1))
    word = "withdrawn" if again[0] == "withdraw" else "approved"
    follower.amend_code(HOME_GAME, "GIFT100", lambda one: replace(one, **{word: said}))
    assert giftping("codes", *again).exit_code == 0
    assert [getattr(one, word) for one in follower.codes()] == [said]


def test_a_code_that_has_ended_since_it_was_approved_is_approved_anew(giftping: Run, follower: Store) -> None:
    ended_at = datetime.now(UTC) - timedelta(hours=1)
    before = Ruling("ada", ended_at - timedelta(days=1))
    follower.remember([code("GIFT100", spelling="Gift100", at=ended_at, expires_at=ended_at, approved=before)])
    ran = giftping("codes", "approve", "Gift100", "--json")
    assert [one["may_go_out"] for one in ran.json["codes"]] == [True]
    assert [one.approved and one.approved.at > ended_at for one in follower.codes()] == [True]


def test_a_code_that_two_games_have_is_not_guessed(giftping: Run, store: Store) -> None:
    store.remember([code("GIFT100"), code("GIFT100", game="kingshot")])
    ran = giftping("codes", "withdraw", "GIFT100")
    assert (ran.exit_code, "say which with --game" in ran.errors) == (2, True)
    assert giftping("codes", "withdraw", "GIFT100", "--game", "kingshot").exit_code == 0
    assert [one.game for one in store.codes() if one.withdrawn] == ["kingshot"]


def test_a_code_is_taken_back_and_that_is_undone(giftping: Run, store: Store) -> None:
    store.remember([code("GIFT100")])
    assert giftping("codes", "withdraw", "Gift100").output == "Gift100 withdrawn: it goes out nowhere any more.\n"
    listed = giftping("codes", "list", "--all", "--json").json["codes"]
    assert listed[0]["reason"].startswith("a person has withdrawn it")
    refused = giftping("codes", "add", "Gift100", "--game", HOME_GAME)
    assert (refused.exit_code, "--anyway adds it all the same" in refused.errors) == (2, True)
    assert "is a code again" in giftping("codes", "withdraw", "Gift100", "--undo").output
    assert giftping("codes", "list", "--json").json["codes"][0]["may_go_out"]
    events = giftping("codes", "explain", "Gift100", "--json").json["events"]
    assert [one["what"] for one in events if one["what"] in ("withdrawn", "restored")] == ["withdrawn", "restored"]


def test_to_undo_a_withdrawal_brings_back_what_a_person_had_said_before_and_what_comes_of_it_is_told(
    giftping: Run, store: Store
) -> None:
    hold(store, "Gift100")
    hold(store, "Gift200")
    store.remember([code("GIFT300")])
    giftping("codes", "approve", "GIFT100")
    giftping("codes", "withdraw", "GIFT100")
    assert giftping("codes", "explain", "GIFT100", "--json").json["codes"][0]["may_go_out"] is False
    assert "is a code again" in giftping("codes", "withdraw", "GIFT100", "--undo").output
    giftping("codes", "reject", "GIFT200")
    undone = giftping("codes", "withdraw", "GIFT200", "--undo").output
    assert "is held again (30 new codes at once in a list of 40): `giftping codes approve" in undone
    assert [one["key"] for one in giftping("codes", "held", "--json").json["held"]] == ["GIFT200"]
    assert "was not withdrawn" in giftping("codes", "withdraw", "GIFT300", "--undo").output


def test_what_is_not_said_of_an_added_code_stays_as_it_was(giftping: Run, follower: Store) -> None:
    giftping("codes", "add", "Gift100", "--game", HOME_GAME, "--rewards", "100 gems", "--expires", "2090-12-31")
    giftping("codes", "add", "Gift100", "--game", HOME_GAME)
    (record,) = follower.codes()
    assert (record.rewards, record.expires_at) == ("100 gems", datetime(2091, 1, 1, tzinfo=UTC))
    assert record.sources["manual"].by


@pytest.mark.parametrize(("slip", "right"), [("snowday", "SnowDay"), ("SnowDay", "SNOWDAY"), ("SnowDAY", "SnowDay")])
def test_who_adds_a_code_once_more_puts_its_case_right(giftping: Run, follower: Store, slip: str, right: str) -> None:
    giftping("codes", "add", slip, "--game", HOME_GAME)
    giftping("codes", "add", right, "--game", HOME_GAME)
    assert [one.spelling for one in follower.codes()] == [right]
    # Where a list writes it otherwise, the next check would say so again.
    follower.remember([code("SNOWDAY", spelling="sNoWdAy", sources={"wiki": SourceMemory("sNoWdAy", NOON, NOON)})])
    giftping("codes", "add", "SNOWDAY", "--game", HOME_GAME)
    assert [one.spelling for one in follower.codes()] == ["sNoWdAy"]


def test_whoever_adds_a_code_is_told_where_it_goes_and_where_it_has_been(giftping: Run, follower: Store) -> None:
    first = giftping("codes", "add", "Gift100", "--game", HOME_GAME)
    assert first.output == f"Gift100 added for {HOME_GAME}: the next check announces it in 1 guild.\n"
    follower.insert([entry(1, "GIFT100", state=EntryState.SENT, sent_at=NOON)])
    second = giftping("codes", "add", "Gift100", "--game", HOME_GAME)
    assert "already sent to 1 guild, last on 20" in second.output
    assert second.output.endswith("; --again announces it there as a new round.\n")
    again = giftping("codes", "add", "Gift100", "--game", HOME_GAME, "--again", "--json")
    assert (again.json["round"], again.json["goes_to"], again.json["sent"]) == (2, 1, 0)
    assert follower.codes()[0].number == 2
    nobody = giftping("codes", "add", "Gift100", "--game", "kingshot")
    assert nobody.output == "Gift100 added for kingshot: no guild follows the game.\n"


def test_a_person_may_overrule_what_speaks_against_a_code_but_not_what_no_code_can_be(
    giftping: Run, follower: Store
) -> None:
    assert giftping("codes", "add", "Wood", "--game", HOME_GAME).exit_code == 2
    assert giftping("codes", "add", "Wood", "--game", HOME_GAME, "--anyway").exit_code == 0
    assert giftping("codes", "list", "--json").json["codes"][0]["may_go_out"]
    assert giftping("codes", "add", "a~2", "--game", HOME_GAME, "--anyway").exit_code == 2


@pytest.mark.parametrize(
    "link",
    ["https://genshin.hoyoverse.com/en/gift?code=GENSHINGIFT", "https://x.example/r?lang=en&cdkey=GENSHINGIFT#top"],
)
def test_a_redeem_link_is_taken_for_the_code_in_it(giftping: Run, follower: Store, link: str) -> None:
    assert giftping("codes", "add", link, "--game", "genshin").exit_code == 0
    assert [one.spelling for one in follower.codes()] == ["GENSHINGIFT"]


def test_the_last_day_that_a_person_gives_is_shown_as_that_day_and_another_time_as_a_time(giftping: Run) -> None:
    giftping("codes", "add", "Day2099", "--game", "kingshot", "--expires", "2099-01-31")
    assert "until 2099-01-31 " in giftping("codes", "list", "--game", "kingshot").output
    giftping("codes", "add", "Day2099", "--game", "kingshot", "--expires", "2099-03-01T10:00")
    (told,) = giftping("codes", "list", "--game", "kingshot", "--json").json["codes"]
    assert (told["expires_at"], told["expiry_text"]) == ("2099-03-01T10:00:00+00:00", "")
