"""How much faster the ledger's batches are than one request a code in a loop, on a mongod started here.

Each row is measured in turns with its loop, in one run, so that the ratios can be compared between machines.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.mongod import new_database, shared_mongod
from fakes.records import entry
from fakes.records import mark as mark_entries

from giftping.store.base import HOME_GAME, LedgerEntry
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store

CODES = 100
ROUNDS = 7


@dataclass(frozen=True)
class Row:
    """What was measured, in seconds (medians)."""

    what: str
    batch: float
    loop: float

    @property
    def ratio(self) -> float:
        """How many times faster the batch is than the loop."""
        return self.loop / self.batch


def measure(store: Store) -> list[Row]:
    """Return the rows, over guilds that nothing else uses; the older bot marked and checked one code a request."""
    history = [entry(1, f"OLD{number}") for number in range(CODES)]
    store.insert(history)
    keys = [one.key for one in history]

    def loop_of_reads() -> None:
        for key in keys:
            store.recorded(HOME_GAME, [key], [1])

    return [
        compare("claim 100 codes", *claiming(store)),
        compare("mark 100 codes sent", *marking(store)),
        compare("read a guild's set of 100", lambda _: list(store.entries(1)), lambda _: loop_of_reads()),
        compare("check 100 codes", lambda _: store.recorded(HOME_GAME, keys, [1]), lambda _: loop_of_reads()),
        compare(
            "check one code (against reading the set)",
            lambda _: store.recorded(HOME_GAME, keys[:1], [1]),
            lambda _: list(store.entries(1)),
        ),
    ]


def claiming(store: Store) -> tuple[Callable[[int], object], Callable[[int], object]]:
    """Return one claim of many codes, and many claims of one."""

    def in_loop(number: int) -> None:
        for one in claims(2000 + number):
            store.insert([one])

    return lambda number: store.insert(claims(1000 + number)), in_loop


def marking(store: Store) -> tuple[Callable[[int], object], Callable[[int], object]]:
    """Return one marking of many entries, and many markings of one; the entries are there already."""
    for number in range(ROUNDS):
        store.insert(claims(3000 + number) + claims(4000 + number))

    def mark(found: list[LedgerEntry]) -> None:
        assert mark_entries(store, *(one.id for one in found)) == len(found)

    def in_loop(number: int) -> None:
        for one in claims(4000 + number):
            mark([one])

    return lambda number: mark(claims(3000 + number)), in_loop


def claims(guild_id: int) -> list[LedgerEntry]:
    """Return claims of the codes for a guild."""
    return [entry(guild_id, f"CODE{number}") for number in range(CODES)]


def compare(what: str, batch: Callable[[int], object], loop: Callable[[int], object]) -> Row:
    """Return how long both take, measured in turns."""
    batches, loops = [], []
    for number in range(ROUNDS):
        batches.append(seconds(batch, number))
        loops.append(seconds(loop, number))
    return Row(what, statistics.median(batches), statistics.median(loops))


def seconds(work: Callable[[int], object], number: int) -> float:
    """Return how long the work takes."""
    begun = time.perf_counter()
    work(number)
    return time.perf_counter() - begun


def main() -> None:
    """Print the table."""
    with Store(MongoEngine(new_database(shared_mongod()))) as store:
        rows = measure(store)
    sys.stdout.write(f"{'ledger on a local mongod':<42}{'batch':>10}{'loop':>10}{'faster':>9}\n")
    for row in rows:
        sys.stdout.write(f"{row.what:<42}{row.batch * 1000:>7.2f} ms{row.loop * 1000:>7.1f} ms{row.ratio:>8.1f}×\n")


if __name__ == "__main__":
    main()
