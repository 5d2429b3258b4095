"""Whose a code is: what a guild's own people add goes to that guild alone, what the operator adds to all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from code_builders import GAMES, gathered, sighting, source
from fakes.records import LATER, NOON
from fakes.records import code as code_record
from fakes.records import entry as ledger_entry
from test_check import Stage, results, seen, stage

from giftping.codes.explain import explain
from giftping.codes.holds import JudgingRules
from giftping.codes.report import DeliveryResult
from giftping.codes.scope import own_code, seen_apart, seen_by
from giftping.codes.showing import all_shown, showing_for
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import HOME_GAME, CodeRecord, GuildAddition, Ruling, SourceMemory
from giftping.store.code_documents import merge_code_records
from giftping.text import when

SENT = DeliveryResult.SENT


def addition(spelling: str = "Ours100", **changes: object) -> GuildAddition:
    return GuildAddition(spelling, NOON, "ada", **changes)  # type: ignore[arg-type]  # fields by name


def ours(*guild_ids: int, key: str = "OURS100", game: str = HOME_GAME, **changes: object) -> CodeRecord:
    own = {guild_id: addition(key.title(), **changes) for guild_id in guild_ids}
    return CodeRecord(game, key, key.title(), NOON, NOON, own=own)


def for_all(key: str = "OURS100") -> CodeRecord:
    return code_record(key, sources={MANUAL_SOURCE: SourceMemory(key.title(), NOON, NOON, "the operator")})


@pytest.fixture
def three() -> Stage:
    """Three guilds that follow the game."""
    return stage(subscriptions=[seen(1), seen(2), seen(3)])


def test_a_guilds_own_code_goes_to_that_guild_alone(three: Stage) -> None:
    three.store.remember([ours(2)])
    assert results(three.run()) == [(2, SENT)]
    assert three.route(2).codes() == [{"Ours100"}]
    assert results(three.run()) == []


def test_two_guilds_own_code_goes_to_the_rest_once_when_the_operator_adds_it(three: Stage) -> None:
    three.store.remember([ours(1)])
    assert results(three.run()) == [(1, SENT)]
    three.store.remember([ours(2)])
    assert results(three.run()) == [(2, SENT)]
    three.store.remember([for_all()])
    assert results(three.run()) == [(3, SENT)]
    assert results(three.run()) == []


def test_a_guilds_own_code_goes_to_the_rest_once_when_a_source_lists_it(three: Stage) -> None:
    three.store.remember([ours(1)])
    three.run()
    three.listed = gathered([sighting("Ours100", rewards="100 gems")])
    assert results(three.run()) == [(2, SENT), (3, SENT)]
    assert results(three.run()) == []
    (record,) = three.store.codes()
    assert (set(record.sources), set(record.own), record.rewards) == ({"api"}, {1}, "100 gems")


def test_each_guild_is_told_what_its_own_people_said(three: Stage) -> None:
    three.store.remember([ours(1, rewards="Gems for us")])
    three.store.remember([ours(2, rewards="Gold for them")])
    three.run()
    texts = [str(three.route(number).posted[0].message.payload()) for number in (1, 2)]
    assert ["Gems for us" in text for text in texts] == [True, False]
    assert ["Gold for them" in text for text in texts] == [False, True]


def test_what_ended_for_one_guild_has_not_for_another(three: Stage) -> None:
    three.store.remember([ours(1, expires_at=NOON)])
    three.store.remember([ours(2, expires_at=NOON + timedelta(days=9))])
    assert results(three.run()) == [(2, SENT)]


def test_a_new_guild_gets_what_its_own_people_add_before_its_first_look() -> None:
    play = stage("Ours100", "Old1000", subscriptions=[replace(seen(1), seeded=None)])
    play.store.remember([ours(1)])
    assert results(play.run()) == [(1, SENT)]
    assert play.store.states() == {"1:OLD1000": "seeded", "1:OURS100": "sent"}


def test_a_doubtful_listing_is_held_for_all_but_the_guild_whose_people_have_added_the_code(three: Stage) -> None:
    burst = [f"Burst{number}00" for number in range(30)]
    three.store.remember([ours(1, key="BURST100")])
    three.listed = gathered(map(sighting, burst), [source()])
    report = three.run()
    assert results(report) == [(1, SENT)]
    assert three.route(1).codes() == [{"Burst100"}]
    assert len(report.held) == len(burst)


@pytest.mark.parametrize(
    "record",
    [ours(1, key="REALCODE100X"), ours(1, key="REALCODE100", game="kingshot")],
    ids=["longer by a letter", "of another game"],
)
def test_what_a_guild_adds_for_itself_makes_no_others_code_doubtful(three: Stage, record: CodeRecord) -> None:
    three.store.remember([record])
    three.listed = gathered([sighting("RealCode100")], [source()])
    report = three.run()
    assert ([guild_id for guild_id, _ in results(report)][-2:], report.held) == ([2, 3], ())


def test_no_new_round_begins_because_a_guilds_own_code_is_listed_at_last() -> None:
    play = stage(subscriptions=[seen(1)])
    play.store.remember([ours(1, expires_at=NOON + timedelta(hours=1))])
    play.run()
    play.clock.pass_time(timedelta(days=300))
    play.listed = gathered([sighting("Ours100", expires_at=play.clock() + timedelta(days=9))])
    assert results(play.run()) == []


def test_what_is_withdrawn_goes_to_no_guild(three: Stage) -> None:
    three.store.remember([replace(ours(1, 2), withdrawn=Ruling("the operator", NOON))])
    assert results(three.run()) == []


# What is remembered


def test_what_guilds_said_for_themselves_is_joined_and_says_nothing_to_others() -> None:
    first, second = ours(1, expires_at=LATER, rewards="x"), ours(2)
    both = merge_code_records(first, second)
    assert both.own == first.own | second.own
    listed = code_record("OURS100", at=LATER)
    after = merge_code_records(both, listed)
    assert after == replace(listed, own=both.own)
    assert merge_code_records(after, ours(3)) == replace(after, own={**both.own, 3: addition()})


def test_the_later_word_of_a_guild_counts_in_whatever_order_it_comes() -> None:
    early, late = ours(1), ours(1)
    late = replace(late, own={1: replace(addition(rewards="late"), at=LATER)})
    assert merge_code_records(early, late).own == merge_code_records(late, early).own == late.own


def test_it_is_seen_by_whom_it_is_for() -> None:
    record = ours(1, expires_at=LATER)
    mine = seen_by(record, 1)
    assert mine is not None
    assert mine.expires_at == LATER
    assert seen_by(record, 2) is own_code(record, 2) is None
    assert [one.own.keys() for one in seen_apart(ours(1, 2))] == [{1}, {2}]
    listed = code_record("OURS100", own=record.own)
    assert list(seen_apart(listed)) == [listed]
    assert seen_by(listed, 2) == listed


def test_messages_show_what_the_guild_knows_and_their_text_tells_all_ends() -> None:
    record = merge_code_records(ours(1, expires_at=NOON), ours(2, expires_at=LATER))
    entry = ledger_entry(1, "OURS100")
    shown = [showing_for(replace(entry, guild_id=guild_id), record, NOON).text for guild_id in (1, 2)]
    assert shown[0] == "ended"
    assert shown[1].startswith("valid until")
    assert all_shown(record, NOON) == f"Ours100 {shown[0]}; Ours100 {shown[1]}"


# Why


def why(record: CodeRecord, guild_id: int, *, listed: bool = False) -> str:
    rules = JudgingRules(GAMES, {}, frozenset())
    there = {(record.game, record.key)} if listed else set()
    found = explain(
        record.key,
        [seen(guild_id)],
        [record],
        (),
        listed=there,
        now=NOON,
        when=lambda at: when(at, UTC),
        rules=rules,
    )
    return found.answer


LISTED_AND_OURS = code_record("OURS100", own=ours(1).own, sources={"api": SourceMemory("Ours100", NOON, NOON)})

ANSWERS = [
    (ours(1), 1, "", "Ours100 goes out with the next check."),
    (ours(1, expires_at=NOON), 1, "", "Ours100 was not announced: expired"),
    (ours(1), 2, "", "OURS100 was not announced: the people of another guild have added it for themselves"),
    (LISTED_AND_OURS, 1, "", "Ours100 goes out with the next check."),
    (LISTED_AND_OURS, 2, "", "Ours100 was not announced: no source lists it any more."),
    (LISTED_AND_OURS, 2, "listed", "Ours100 goes out with the next check."),
]


@pytest.mark.parametrize(("record", "guild_id", "where", "said"), ANSWERS)
def test_why_it_goes_to_a_guild_or_not(record: CodeRecord, guild_id: int, where: str, said: str) -> None:
    assert why(record, guild_id, listed=bool(where)).startswith(said)
