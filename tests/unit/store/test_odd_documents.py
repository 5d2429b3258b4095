"""A document that cannot be read is named, skipped and left as it is; the others are served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.records import LATER, NOON, code, entry, run, subscription

from giftping.store.base import HOME_GAME, Broken, Destination
from giftping.store.documents import CODES, GUILDS, LEDGER, RUNS, SUBSCRIPTIONS
from giftping.store.engine import Change
from giftping.store.fields import DocumentError
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(TinyEngine(tmp_path))


def spoil(store: Store, collection: str, id_: str, **fields: object) -> dict[str, object]:
    """Write fields over those of a document, and return what it holds then."""
    before = store.engine.get(collection, [id_])[id_]
    assert store.engine.change([Change(collection, before, {**before, **fields})]) == [True]
    return stored(store, collection, id_)


def stored(store: Store, collection: str, id_: str) -> dict[str, object]:
    return dict(store.engine.get(collection, [id_])[id_])


def test_a_guild_that_cannot_be_read_does_not_hide_the_others(store: Store) -> None:
    store.put_subscriptions(subscription(1), subscription(1, "kingshot"))
    store.put_subscriptions(subscription(2))
    odd = spoil(store, SUBSCRIPTIONS, f"2:{HOME_GAME}", created_at="soon")
    half = spoil(store, SUBSCRIPTIONS, "1:kingshot", destination=5)
    assert store.subscriptions() == [subscription(1)], "what can be read of it"
    assert store.subscriptions(2) == []
    store.note_broken(2, Destination(channel_id=500), Broken(NOON, "gone"))
    store.note_seeded(1, "kingshot", ["site"])
    assert stored(store, SUBSCRIPTIONS, f"2:{HOME_GAME}") == odd
    assert stored(store, SUBSCRIPTIONS, "1:kingshot") == half
    assert len(store.odd) == 2, "each is named once, however often it was met"
    assert any("subscriptions: document '2:whiteout-survival': created_at is 'soon'" in one for one in store.odd)


def test_a_guild_whose_name_cannot_be_read_is_still_there(store: Store) -> None:
    store.put_subscriptions(subscription(1))
    store.change_guild(1, lambda guild: replace(guild, label="Frost"), NOON)
    spoil(store, GUILDS, "1", label=5)
    assert (store.subscriptions(), store.guilds()) == ([subscription(1)], {})
    assert "guilds: document '1': label is 5, not a text" in store.odd[0]


def test_an_entry_that_cannot_be_read_still_stands_for_its_code(store: Store) -> None:
    store.insert([entry(1, "A1"), entry(1, "B2"), entry(1, "C3")])
    spoil(store, LEDGER, "1:A1", created_at="soon")
    spoil(store, LEDGER, "1:B2", state="lost")
    assert [one.key for one in store.entries(1)] == ["C3"]
    assert len(store.odd) == 2
    assert store.insert([entry(1, "A1")]) == frozenset(), "nobody announces it again"
    assert store.recorded(HOME_GAME, ["A1", "B2"], [1]) == {1: {"A1", "B2"}}
    with pytest.raises(DocumentError, match="created_at is 'soon'"):
        store.entry(1, HOME_GAME, "A1")


def test_a_code_that_cannot_be_read_is_left_and_the_others_are_remembered(store: Store) -> None:
    store.remember([code("A1"), code("B2")])
    odd = spoil(store, CODES, f"{HOME_GAME}:A1", sources={"site": 5})
    store.remember([code("A1", at=LATER), code("B2", at=LATER), code("C3")])
    assert stored(store, CODES, f"{HOME_GAME}:A1") == odd
    assert {one.key: one.last_seen for one in store.codes()} == {"B2": LATER, "C3": NOON}
    assert "site is 5, not an object" in store.odd[0]


def test_a_run_that_cannot_be_read_is_left_out(store: Store) -> None:
    store.record_run(run())
    store.record_run(run("todo-sweep"))
    spoil(store, RUNS, "codes-check@host-a", exit_code="none")
    assert store.runs() == [run("todo-sweep")]
    assert "exit_code is 'none', not a number" in store.odd[0]


def test_nothing_is_odd_of_what_was_written_by_the_store(store: Store) -> None:
    store.put_subscriptions(subscription())
    store.insert([entry()])
    store.remember([code()])
    store.record_run(run())
    assert len(store.subscriptions()) == len(list(store.entries())) == len(store.codes()) == len(store.runs()) == 1
    assert store.odd == ()


def test_whoever_adds_a_guild_again_mends_its_document(store: Store) -> None:
    store.put_subscriptions(subscription(1))
    spoil(store, SUBSCRIPTIONS, f"1:{HOME_GAME}", destination=5)
    store.put_subscriptions(subscription(1))
    assert store.subscriptions(1) == [subscription(1)]
