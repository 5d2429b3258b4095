"""The records of the store, above a file and a database: a test for each sentence of `giftping.store.records.Store`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from fakes.records import LATER, NOON, code, entry, mark, run, subscription, subscriptions
from fakes.store import MemoryStore
from store_kinds import BELOW_RECORDS, ENGINE_KINDS, EngineKind

from giftping.store.base import (
    HOME_GAME,
    Broken,
    ChannelKind,
    CodeRecord,
    Destination,
    EntryState,
    Guild,
    GuildAddition,
    LedgerEntry,
    Posting,
    PostsIn,
    SourceMemory,
    StoreError,
    Subscription,
)
from giftping.store.documents import ACTIVE_MEMBERS as MEMBERS
from giftping.store.documents import DELIVERIES, GUILDS, LEDGER, SUBSCRIPTIONS, entry_to_document
from giftping.store.engine import Change
from giftping.store.records import Store

OTHER_GAME = "kingshot"
MUCH_LATER = LATER + timedelta(hours=5)

OpenStore = Callable[[], Store]


@pytest.fixture(params=BELOW_RECORDS)
def kind(request: pytest.FixtureRequest) -> EngineKind:
    return ENGINE_KINDS[request.param]


@pytest.fixture
def address(kind: EngineKind, tmp_path: Path) -> str:
    return kind.new_address(tmp_path)


@pytest.fixture
def open_store(kind: EngineKind, address: str) -> Iterator[OpenStore]:
    """Opens the same store again and again, as several processes would."""
    with ExitStack() as handles:
        yield lambda: handles.enter_context(kind.open_store(address))


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()


def ids(*entries: LedgerEntry) -> list[str]:
    return [one.id for one in entries]


def states(store: Store) -> dict[str, EntryState]:
    return {one.id: one.state for one in store.entries()}


# The ledger: claims


def test_an_empty_store_answers_with_nothing(store: Store) -> None:
    assert store.recorded(HOME_GAME, ["GIFT100"], [1, 2]) == {1: frozenset(), 2: frozenset()}
    assert store.entry(1, HOME_GAME, "GIFT100") is None
    assert list(store.entries()) == []
    assert list(store.entries(1)) == []
    assert store.subscriptions() == []
    assert store.subscriptions(1) == []
    assert store.codes() == []
    assert store.runs() == []
    assert store.clear(1) == 0


def test_a_claim_whose_id_is_free_is_added_and_reported(store: Store) -> None:
    first, second = entry(1), entry(2)
    assert store.insert([first, second]) == {first.id, second.id}
    assert store.entry(1, HOME_GAME, "GIFT100") == first
    assert store.entry(2, HOME_GAME, "GIFT100") == second


def test_a_claim_that_is_taken_is_left_as_it_is(store: Store) -> None:
    mine, theirs = entry(delivery_id="mine"), entry(delivery_id="theirs", updated_at=LATER)
    free = entry(key="GIFT200", delivery_id="theirs")
    store.insert([mine])
    assert store.insert([theirs, free]) == {free.id}
    assert store.entry(1, HOME_GAME, "GIFT100") == mine


@pytest.mark.parametrize("state", EntryState)
def test_an_entry_in_any_state_takes_its_id(store: Store, state: EntryState) -> None:
    store.insert([entry(state=state)])
    assert store.insert([entry()]) == frozenset()


def test_of_two_equal_ids_in_one_call_the_first_wins(store: Store) -> None:
    first, second = entry(spelling="Gift100"), entry(spelling="gift100")
    assert store.insert([first, second]) == {first.id}
    assert store.entry(1, HOME_GAME, "GIFT100") == first


def test_inserting_nothing_is_nothing(store: Store) -> None:
    assert store.insert([]) == frozenset()
    assert list(store.entries()) == []


def test_every_field_of_an_entry_comes_back_as_it_was_written(store: Store, open_store: OpenStore) -> None:
    full = entry(
        state=EntryState.SENT,
        game=OTHER_GAME,
        spelling="gIFT100 ü",
        source="manual",
        sent_at=LATER,
        updated_at=LATER,
        message_id=1_300_000_000_000_000_001,
        channel_id=1_300_000_000_000_000_002,
    )
    bare = entry(2, delivery_id="", state=EntryState.SEEDED)
    store.insert([full, bare])
    assert list(store.entries()) == [full, bare]
    assert list(open_store().entries()) == [full, bare]


def test_times_given_in_another_zone_are_the_same_instants(store: Store) -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    store.insert([entry(created_at=NOON.astimezone(kolkata))])
    found = store.entry(1, HOME_GAME, "GIFT100")
    assert found is not None
    assert found.created_at == NOON
    assert found.created_at.utcoffset() == timedelta(0)


def test_the_same_key_in_another_game_or_guild_is_another_entry(store: Store) -> None:
    entries = [entry(1), entry(2), entry(1, game=OTHER_GAME)]
    assert len(store.insert(entries)) == 3
    assert store.entry(1, OTHER_GAME, "GIFT100") == entries[2]


def test_recorded_tells_for_each_guild_which_keys_have_an_entry(store: Store) -> None:
    store.insert([entry(1, "A1"), entry(1, "B2", state=EntryState.SENT), entry(2, "A1"), entry(3, "C3", OTHER_GAME)])
    found = store.recorded(HOME_GAME, {"A1", "B2", "C3"}, [1, 2, 3, 4])
    assert found == {1: {"A1", "B2"}, 2: {"A1"}, 3: frozenset(), 4: frozenset()}
    assert store.recorded(OTHER_GAME, ["C3"], [3]) == {3: {"C3"}}
    assert store.recorded(HOME_GAME, [], [1]) == {1: frozenset()}
    assert store.recorded(HOME_GAME, ["A1"], []) == {}


# The ledger: reading and clearing


def test_entries_come_oldest_first_of_one_guild_or_of_all_in_the_states_asked_for(store: Store) -> None:
    old = entry(2, "Z9", created_at=NOON - timedelta(days=1), state=EntryState.SENT)
    same_time = entry(1, "B2", state=EntryState.SEEDED)
    new = entry(1, "A1", created_at=LATER)
    store.insert([new, same_time, entry(1, "AA"), old])
    assert [one.key for one in store.entries()] == ["Z9", "AA", "B2", "A1"]
    assert [one.key for one in store.entries(1)] == ["AA", "B2", "A1"]
    assert [one.key for one in store.entries(states={EntryState.SENT, EntryState.SEEDED})] == ["Z9", "B2"]
    assert [one.key for one in store.entries(1, [EntryState.SEEDED])] == ["B2"]


def test_entries_may_be_freed_while_they_are_walked(store: Store) -> None:
    store.insert([entry(1, f"CODE{number}") for number in range(20)])
    walked = 0
    for one in store.entries():
        store.remove_documents(LEDGER, [one.id])
        walked += 1
    assert walked == 20
    assert list(store.entries()) == []


def test_clearing_a_guild_removes_its_entries_in_every_game_and_no_other_guilds(store: Store) -> None:
    """D5: a clear takes effect; what was cleared can be claimed again."""
    sent, seeded = {"state": EntryState.SENT}, {"state": EntryState.SEEDED}
    entries = [entry(1, "A1", **sent), entry(1, "B2", OTHER_GAME, **seeded), entry(11, "A1", **sent)]
    store.insert(entries)
    assert store.clear(1) == 2
    assert list(store.entries()) == [entries[2]]
    assert store.clear(1) == 0
    assert len(store.insert(entries)) == 2


def test_clearing_can_be_kept_to_a_game_to_a_code_or_to_both(store: Store) -> None:
    for key in ("A1", "B2"):
        store.insert([entry(1, key, game, state=EntryState.SENT) for game in (HOME_GAME, OTHER_GAME)])
    assert store.clear(1, game=OTHER_GAME, key="A1") == 1
    assert states(store).keys() == {"1:A1", "1:B2", "1:kingshot:B2"}
    assert store.clear(1, key="B2") == 2
    assert states(store).keys() == {"1:A1"}
    assert store.clear(1, game=OTHER_GAME) == 0
    assert store.clear(1, game=HOME_GAME) == 1


def test_what_is_under_way_stays_when_a_guild_is_cleared(store: Store) -> None:
    """Freed, a code would be announced beside the message that is under way."""
    store.insert([entry(1, "A1"), entry(1, "B2", state=EntryState.SENT)])
    assert store.clear(1) == 1
    assert states(store) == {"1:A1": EntryState.OPEN}


def test_what_was_given_up_is_cleared_and_what_goes_out_again_since_stays(store: Store) -> None:
    """Nothing is under way any more of what was given up; its code may go out again by another message."""
    store.insert([entry(1, "A1", delivery_id="over"), entry(1, "B2", delivery_id="new")])
    closed = {"_id": "over", "state": "closed", "guild_id": 1, "entries": ["1:A1", "1:B2"]}
    store.insert_documents(DELIVERIES, [closed])
    assert store.given_up(store.entries()) == {"1:A1"}
    assert store.clear(1) == 1
    assert states(store) == {"1:B2": EntryState.OPEN}


def test_entries_that_unclear_deliveries_carry_are_named(store: Store) -> None:
    carrying = [("d1", "unclear", 1, ["1:A1", "1:B2"]), ("d2", "done", 1, ["1:C3"]), ("d3", "unclear", 2, ["2:A1"])]
    store.insert_documents(
        DELIVERIES,
        [{"_id": id_, "state": state, "guild_id": of, "entries": carried} for id_, state, of, carried in carrying],
    )
    assert store.unclear() == {"1:A1", "1:B2", "2:A1"}
    assert store.unclear(1) == {"1:A1", "1:B2"}


# Guild settings


def test_a_subscription_comes_back_as_it_was_put(store: Store, open_store: OpenStore) -> None:
    full = subscription(
        destination=Destination(webhook="env:HOOK"),
        updated_at=LATER,
        mentions=("1300000000000000003", "here"),
        seeded=("wiki", "api.example.org"),
        announce_current=True,
        broken=Broken(NOON, "404 Unknown Webhook", 3, LATER),
    )
    store.put_subscriptions(full)
    assert store.subscriptions(1) == [full]
    assert open_store().subscriptions() == [full]


def test_subscriptions_come_by_guild_as_a_number_and_in_the_order_in_which_the_guild_has_them(store: Store) -> None:
    for guild_id in (100, 20, 3):
        store.put_subscriptions(*subscriptions(guild_id, OTHER_GAME, HOME_GAME))
    assert [one.key for one in store.subscriptions()] == [
        (guild_id, game) for guild_id in (3, 20, 100) for game in (OTHER_GAME, HOME_GAME)
    ]
    assert [one.key for one in store.subscriptions(20)] == [(20, OTHER_GAME), (20, HOME_GAME)]


def test_putting_a_subscription_replaces_all_of_it_and_leaves_the_guilds_others(store: Store) -> None:
    first, second = subscriptions(1, HOME_GAME, OTHER_GAME, mentions=("5",), seeded=("site",))
    store.put_subscriptions(first, second)
    store.put_subscriptions(subscription(updated_at=LATER))
    assert store.subscriptions() == [subscription(updated_at=LATER), second]


def test_a_change_is_made_of_what_is_there_and_what_it_leaves_out_goes(store: Store) -> None:
    store.put_subscriptions(*subscriptions(1, HOME_GAME, OTHER_GAME), subscription(2))

    def change(known: Sequence[Subscription]) -> list[Subscription]:
        assert [one.game for one in known] == [HOME_GAME, OTHER_GAME]
        return [replace(one, mentions=("5",)) for one in known if one.game == OTHER_GAME]

    assert store.change_subscriptions(1, change) == [subscription(1, OTHER_GAME, place=1, mentions=("5",))]
    assert [one.key for one in store.subscriptions()] == [(1, OTHER_GAME), (2, HOME_GAME)]


def test_what_a_check_notes_while_a_person_changes_something_is_not_undone(store: Store) -> None:
    store.put_subscriptions(subscription())
    looked: list[bool] = []

    def change(known: Sequence[Subscription]) -> list[Subscription]:
        if not looked:
            looked.append(True)
            store.note_seeded(1, HOME_GAME, ["site"])
        return [replace(one, mentions=("5",)) for one in known]

    store.change_subscriptions(1, change)
    assert store.subscriptions() == [subscription(mentions=("5",), seeded=("site",))]


def test_removing_a_guild_keeps_its_ledger(store: Store) -> None:
    both = subscriptions(1, HOME_GAME, OTHER_GAME)
    store.put_subscriptions(*both)
    store.insert([entry()])
    assert store.remove_subscriptions(1) == both
    assert store.remove_subscriptions(1) == []
    assert store.subscriptions() == []
    assert list(store.entries(1)) == [entry()]


def test_one_game_of_a_guild_is_removed_with_its_first_looks(store: Store) -> None:
    first, second = subscriptions(1, HOME_GAME, OTHER_GAME, seeded=("site",))
    store.put_subscriptions(first, second)
    assert store.remove_subscriptions(1, OTHER_GAME) == [second]
    store.note_seeded(1, OTHER_GAME, ["wiki"], announced=True)
    assert store.subscriptions() == [first]


def test_sources_are_added_to_those_it_has_seen(store: Store) -> None:
    store.put_subscriptions(*subscriptions(1, HOME_GAME, OTHER_GAME))
    store.note_seeded(1, HOME_GAME, ["site.example.org", "wiki"])
    store.note_seeded(1, HOME_GAME, ["wiki", "api"])
    store.note_seeded(1, OTHER_GAME, ["api"])
    home, other = store.subscriptions(1)
    assert sorted(home.seeded or ()) == ["api", "site.example.org", "wiki"]
    assert other.seeded == ("api",)


def test_a_first_look_leaves_the_rest_of_a_subscription(store: Store) -> None:
    before = subscription(mentions=("5",), announce_current=True, broken=Broken(NOON, "gone"))
    store.put_subscriptions(before)
    store.note_seeded(1, HOME_GAME, ["site"])
    assert store.subscriptions(1) == [replace(before, seeded=("site",))]
    store.note_seeded(1, HOME_GAME, [], announced=True)
    assert store.subscriptions(1) == [replace(before, seeded=("site",), announce_current=False)]


def test_a_destination_is_noted_as_broken_and_as_working_again_for_all_that_goes_there(store: Store) -> None:
    both = subscriptions(1, HOME_GAME, OTHER_GAME, seeded=("site",))
    elsewhere = subscription(1, "wuwa", place=2, destination=Destination(channel_id=501))
    store.put_subscriptions(*both, elsewhere)
    store.note_broken(1, both[0].destination, broken := Broken(LATER, "403 Missing Access", 2))
    assert store.subscriptions(1) == [*(replace(one, broken=broken) for one in both), elsewhere]
    store.note_broken(1, both[0].destination, None)
    assert store.subscriptions(1) == [*both, elsewhere]


def test_how_messages_are_posted_comes_back_as_it_was_put(store: Store, open_store: OpenStore) -> None:
    posting = Posting(
        ChannelKind.FORUM,
        PostsIn.KEPT,
        ("7", "8"),
        publishes=True,
        username="Codes",
        avatar_url="https://example.org/a.png",
    )
    store.put_subscriptions(one := subscription(posting=posting, kept_post=2**63 - 1))
    assert open_store().subscriptions() == [one]
    store.put_subscriptions(plain := subscription())
    assert open_store().subscriptions() == [plain]


def test_a_post_is_kept_up_only_where_the_game_still_goes_and_one_is_to_be(store: Store) -> None:
    kept = Posting(posts=PostsIn.KEPT)
    store.put_subscriptions(subscription(posting=kept), other := subscription(1, OTHER_GAME))
    store.note_kept_post(1, HOME_GAME, 9, since=NOON)
    store.note_kept_post(1, OTHER_GAME, 9, since=NOON)
    store.note_kept_post(1, "wuwa", 9, since=NOON)
    assert store.subscriptions() == sorted(
        [subscription(posting=kept, kept_post=9), other], key=lambda one: (one.place, one.game)
    )
    store.put_subscriptions(moved := subscription(posting=kept, updated_at=LATER))
    store.note_kept_post(1, HOME_GAME, 8, since=NOON)
    assert moved in store.subscriptions()


def test_what_is_to_be_published_is_what_was_sent_and_says_so(store: Store) -> None:
    fields = {"state": EntryState.SENT, "sent_at": NOON, "message_id": 5}
    owed = entry(1, "GIFT100", publishing="owed", **fields)
    others = (
        entry(1, "GIFT200", publishing="done", **fields),
        entry(1, "GIFT300", publishing="owed"),
        entry(1, "GIFT400", **fields),
    )
    store.insert([owed, *others])
    assert [one for _, one in store.to_publish("owed")] == [owed]


def test_a_guild_keeps_its_name_and_loses_it(store: Store) -> None:
    store.put_subscriptions(subscription())
    store.change_guild(1, lambda guild: replace(guild, label="Frost Giants"), NOON)
    store.change_guild(1, lambda guild: replace(guild, language="de"), NOON)
    assert store.guilds() == {1: store.guild(1)} == {1: Guild(1, "Frost Giants", "de")}
    store.change_guild(1, lambda _: Guild(1), LATER)
    assert (store.guilds(), store.guild(1)) == ({}, Guild(1))
    store.change_guild(1, lambda guild: replace(guild, label="Frost Giants"), LATER)
    store.remove_subscriptions(1)
    assert store.engine.find(GUILDS) == []
    assert store.subscriptions() == []


def test_a_subscription_that_has_moved_is_not_called_broken_for_its_old_destination(store: Store) -> None:
    moved = subscription(destination=Destination(webhook="env:NEW"))
    store.put_subscriptions(moved)
    store.note_broken(1, Destination(channel_id=500), Broken(LATER, "404"))
    store.note_broken(1, Destination(webhook="env:OLD"), Broken(LATER, "404"))
    assert store.subscriptions(1) == [moved]


def test_noting_something_of_an_unknown_guild_makes_none(store: Store) -> None:
    store.note_seeded(1, HOME_GAME, ["site"], announced=True)
    store.note_broken(1, Destination(channel_id=500), Broken(LATER, "404"))
    assert store.subscriptions() == []


# The memory of codes


def test_a_code_comes_back_as_it_was_remembered(store: Store, open_store: OpenStore) -> None:
    full = code(
        sources={
            "api.example.org": SourceMemory("gift100", NOON, LATER),
            "50% $ite": SourceMemory("Gift100", NOON, NOON),
        },
        last_seen=LATER,
        rewards="1 gem",
        expires_at=MUCH_LATER,
        expiry_text="May 5",
        state="active",
        regions=("EU", "NA"),
    )
    store.remember([full])
    assert store.codes() == [full]
    assert open_store().codes() == [full]


def test_what_is_remembered_is_merged_and_the_rest_is_from_the_new_record(store: Store) -> None:
    store.remember(
        [
            code(
                first_seen=NOON,
                last_seen=LATER,
                sources={"site": SourceMemory("OLD", NOON, LATER), "wiki": SourceMemory("wiki", LATER, LATER)},
                rewards="1 gem",
                state="active",
                regions=("EU",),
            )
        ]
    )
    early = NOON - timedelta(days=1)
    store.remember(
        [
            code(
                spelling="GiFt100",
                first_seen=early,
                last_seen=NOON,
                sources={"site": SourceMemory("NEW", LATER, MUCH_LATER), "api": SourceMemory("api", early, NOON)},
                expiry_text="unknown",
            )
        ]
    )
    assert store.codes() == [
        code(
            spelling="GiFt100",
            first_seen=early,
            last_seen=LATER,
            sources={
                "site": SourceMemory("NEW", NOON, MUCH_LATER),
                "wiki": SourceMemory("wiki", LATER, LATER),
                "api": SourceMemory("api", early, NOON),
            },
            expiry_text="unknown",
        )
    ]


def test_the_same_code_twice_in_one_call_is_merged_too(store: Store) -> None:
    store.remember([code(at=LATER), code(at=NOON, rewards="1 gem")])
    assert store.codes() == [
        code(first_seen=NOON, last_seen=LATER, sources={"site": SourceMemory("Gift100", NOON, LATER)}, rewards="1 gem")
    ]


def test_codes_come_newest_first_then_by_id_of_one_game_or_of_all(store: Store) -> None:
    store.remember([code("B2"), code("A1"), code("NEW", at=LATER), code("A1", OTHER_GAME)])
    assert [one.id for one in store.codes()] == [
        f"{HOME_GAME}:NEW",
        f"{OTHER_GAME}:A1",
        f"{HOME_GAME}:A1",
        f"{HOME_GAME}:B2",
    ]
    assert [one.key for one in store.codes(OTHER_GAME)] == ["A1"]
    assert store.codes("no-such-game") == []


def test_two_hosts_that_add_a_code_for_a_guild_each_have_added_it_for_both(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    for store, guild_id in ((first, 1), (second, 2)):
        addition = GuildAddition("Ours100", NOON, "ada", "1 gem", LATER, "May 5")
        store.remember([CodeRecord(HOME_GAME, "OURS100", "Ours100", NOON, NOON, own={guild_id: addition})])
    (known,) = open_store().codes()
    assert known.own.keys() == {1, 2}
    assert not known.is_for_all
    second.remember([code("OURS100", at=LATER)])
    (known,) = open_store().codes()
    assert known == code("OURS100", at=LATER, own=known.own)
    assert known.own.keys() == {1, 2}


def test_remembering_nothing_is_nothing(store: Store) -> None:
    store.remember([])
    assert store.codes() == []


# Run records


def test_the_last_run_of_each_job_on_each_host_is_kept(store: Store, open_store: OpenStore) -> None:
    last = run(
        exit_code=69, finished_at=MUCH_LATER, details={"sources": {"a.b": {"failed": 3}}, "lines": [1, "x", None]}
    )
    for one in (run(), run(host="host-b"), run("todo-sweep"), last):
        store.record_run(one)
    expected = [last, run(host="host-b"), run("todo-sweep")]
    assert store.runs() == expected
    assert open_store().runs() == expected


# Several at once


def test_what_one_handle_writes_another_reads_at_once(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    first.insert([entry()])
    assert second.insert([entry(delivery_id="late")]) == frozenset()
    mark(second, entry().id)
    assert states(first) == {"1:GIFT100": EntryState.SENT}
    second.put_subscriptions(subscription())
    second.remember([code()])
    second.record_run(run())
    assert (first.subscriptions(), first.codes(), first.runs()) == ([subscription()], [code()], [run()])
    second.clear(1)
    assert first.recorded(HOME_GAME, ["GIFT100"], [1]) == {1: frozenset()}


def test_what_was_written_is_there_after_the_store_was_closed(kind: EngineKind, address: str) -> None:
    with kind.open_store(address) as store:
        store.insert([entry(1), entry(2)])
        store.put_subscriptions(subscription())
        store.remove_documents(LEDGER, ["2:GIFT100"])
    with kind.open_store(address) as store:
        assert list(store.entries()) == [entry(1)]
        assert store.subscriptions() == [subscription()]
        assert store.insert([entry(1), entry(2)]) == {"2:GIFT100"}


def test_the_name_of_a_store_says_something(store: Store) -> None:
    assert store.name


def test_threads_that_note_sources_of_one_guild_lose_none(store: Store) -> None:
    """D10: no writer overwrites what another has just written."""
    store.put_subscriptions(subscription())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.note_seeded(1, HOME_GAME, [f"source-{number}"]), range(12)))
    (found,) = store.subscriptions(1)
    assert set(found.seeded or ()) == {f"source-{number}" for number in range(12)}


# Documents that no record stands for


def test_documents_are_added_where_their_ids_are_free_and_the_first_of_two_counts(store: Store) -> None:
    store.insert_documents(MEMBERS, [{"_id": "5", "name": "first"}])
    added = [{"_id": "5", "name": "second"}, {"_id": "6"}, {"_id": "6", "x": 1}]
    assert store.insert_documents(MEMBERS, added) == {"6"}
    assert {id_: one.get("name") for id_, one in store.engine.get(MEMBERS, ["5", "6"]).items()} == {
        "5": "first",
        "6": None,
    }
    assert "x" not in store.engine.get(MEMBERS, ["6"])["6"]
    assert store.insert_documents(MEMBERS, []) == frozenset()


def test_what_is_removed_is_gone_and_told(store: Store) -> None:
    store.insert_documents(MEMBERS, [{"_id": id_} for id_ in "567"])
    assert store.remove_documents(MEMBERS, ["5", "7", "8", "5"]) == {"5", "7"}
    assert store.remove_documents(MEMBERS, ["5", "7"]) == frozenset()
    assert store.remove_documents(MEMBERS, []) == frozenset()
    assert store.engine.present(MEMBERS, ["5", "6", "7"]) == {"6"}


def test_documents_and_records_are_the_same(store: Store) -> None:
    store.insert([entry(1)])
    documents = [entry_to_document(one) for one in (entry(1), entry(2))]
    assert store.insert_documents(LEDGER, documents) == {"2:GIFT100"}
    assert list(store.entries()) == [entry(1), entry(2)]


def test_fields_that_are_not_ours_outlive_a_change(store: Store) -> None:
    store.put_subscriptions(subscription())
    (before,) = store.engine.find(SUBSCRIPTIONS)
    store.engine.change([Change(SUBSCRIPTIONS, before, {**before, "theirs": 1})])
    store.note_broken(1, subscription().destination, Broken(LATER, "404"))
    store.note_seeded(1, HOME_GAME, ["site"])
    store.put_subscriptions(subscription(mentions=("5",)))
    assert store.engine.find(SUBSCRIPTIONS)[0]["theirs"] == 1


def test_a_change_that_somebody_is_always_faster_than_is_given_up_with_an_error() -> None:
    """Else two that undo each other would keep a run for ever."""
    store = MemoryStore([subscription()])
    change = store.engine.change

    def too_late(changes: Sequence[Change], *, rev: str = "") -> list[bool]:
        return [False for _ in changes]

    store.engine.change = too_late  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="keeps changing"):
        store.put_subscriptions(subscription(mentions=("5",)))
    store.engine.change = change  # type: ignore[method-assign]
    assert store.remove_subscriptions(1)
