"""A small story of writes that passes through every way the embedded store touches its files, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fakes.records import code, entry, mark, subscription

from giftping.store.base import HOME_GAME, EntryState
from giftping.store.documents import LEDGER
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

FOLDS_OFTEN = 900

Step = Callable[[Store], object]

FIRST_SITTING: tuple[Step, ...] = (
    lambda store: store.insert([entry(1), entry(2)]),
    lambda store: mark(store, "1:GIFT100"),
    lambda store: store.put_subscriptions(subscription(mentions=("5",))),
    lambda store: store.insert([entry(3, f"CODE{number}") for number in range(4)]),
    lambda store: store.remove_documents(LEDGER, ["3:CODE0", "3:CODE1"]),
)
SECOND_SITTING: tuple[Step, ...] = (
    lambda store: store.remember([code()]),
    lambda store: mark(store, "3:CODE2", state=EntryState.SEEDED),
    lambda store: store.clear(1),
    lambda store: store.note_seeded(1, HOME_GAME, ["site", "wiki"]),
)
SITTINGS = (FIRST_SITTING, SECOND_SITTING)


def contents(store: Store) -> list[object]:
    return [list(store.entries()), store.subscriptions(), store.codes()]


def open_store(folder: Path) -> Store:
    return Store(TinyEngine(folder, fold_at=FOLDS_OFTEN))


def tell(folder: Path, acknowledge: Callable[[], None]) -> None:
    """Live through the story; `acknowledge` is called whenever a step has returned."""
    for sitting in SITTINGS:
        with open_store(folder) as store:
            for step in sitting:
                step(store)
                acknowledge()


def contents_after_each_step(folder: Path) -> list[list[object]]:
    """Return what the store holds at first and after each step."""
    chapters: list[list[object]] = [[[], [], []]]
    with open_store(folder) as store:
        for step in (*FIRST_SITTING, *SECOND_SITTING):
            step(store)
            chapters.append(contents(store))
    return chapters
