"""Generated histories of lists, judged run by run: flaps, outages, bursts, re-issues, cut and glued codes, clocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from code_builders import sighting
from hypothesis import given, settings
from hypothesis import strategies as st
from judging_stage import Judging, definition

from giftping.codes.judge import Judged
from giftping.codes.model import Sighting
from giftping.store.base import HOME_GAME, EntryState, LedgerEntry, entry_id

OLD = [f"Spring{number:02}Gift" for number in range(40)]
NEW = [f"Winter{number:02}Gift" for number in range(30)]
DAY = timedelta(days=1)

SOURCES = ("wiki", "api", "copy")
"""The last one copies the first: they are one family."""


@dataclass
class Ledger:
    """What went out to one guild, as the ledger's ids allow it."""

    stage: Judging
    sent: list[str] = field(default_factory=list)

    def note(self, judged: Judged, now: datetime) -> None:
        entries = [
            LedgerEntry(1, code.game, code.key, code.spelling, "api", EntryState.SENT, now, now, number=code.number)
            for code in judged.valid
        ]
        added = self.stage.store.insert(entries)
        self.sent += [entry.id for entry in entries if entry.id in added]


def new_stage() -> Judging:
    sources = {name: definition(name, family="one" if name != "api" else "other") for name in SOURCES}
    stage = Judging(sources=sources, new_to=set(SOURCES))
    ledger = Ledger(stage)
    ledger.note(stage.run(wiki=OLD, api=OLD, copy=OLD), stage.now)
    stage.new_to.clear()
    return stage


def dated(code: str, days: int | None, start: datetime) -> Sighting:
    return sighting(code, expires_at=None if days is None else start + days * DAY)


CODES = st.tuples(
    st.sampled_from([*NEW[:6], *(one.upper() for one in NEW[:3]), "WINTER00GIF", "WINTER00GIFTWINTER01GIFT", "TEST01"]),
    st.none() | st.integers(-3, 60),
)
LISTS = st.lists(CODES, max_size=7) | st.just([(one, None) for one in NEW])
STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(SOURCES), LISTS, min_size=1),
        st.sets(st.sampled_from(SOURCES)),
        st.sampled_from([timedelta(minutes=5), timedelta(hours=1), 10 * DAY]),
    ),
    max_size=8,
)


@given(STEPS)
@settings(max_examples=25, deadline=None)
def test_a_round_begins_only_where_one_had_ended_and_what_is_held_is_in_no_ledger(steps: Sequence) -> None:
    stage = new_stage()
    ledger, start = Ledger(stage), stage.now
    ends: dict[str, datetime] = {}
    for lists, failing, after in steps:
        stage.failing = failing
        rows = {name: [*OLD, *(dated(code, days, start) for code, days in listed)] for name, listed in lists.items()}
        numbers = {record.key: record.number for record in stage.store.codes()}
        judged = stage.run(after=after, **rows)
        going, held = {code.key for code in judged.valid}, {one.spelling.upper() for one in judged.held}
        refused = {one.spelling.upper() for one in judged.refused}
        assert len(going | held | refused) == len(going) + len(held) + len(refused) == len(judged.codes)
        listed_until = {code.key: code.expires_at for code in judged.codes if code.expires_at}
        for record in stage.store.codes():
            if record.number > numbers.get(record.key, 1):
                assert record.number == numbers[record.key] + 1
                assert ends[record.key] <= stage.now < listed_until[record.key]
        for key, end in listed_until.items():
            ends[key] = max(ends.get(key, end), end)
        ledger.note(judged, stage.now)
        # Of an earlier round it may be.
        of_rounds = {record.key: record.number for record in stage.store.codes()}
        assert not {entry_id(1, HOME_GAME, key, of_rounds[key]) for key in held} & set(ledger.sent)


@given(STEPS, st.permutations(SOURCES))
@settings(max_examples=15, deadline=None)
def test_the_order_of_sources_makes_no_difference(steps: Sequence, order: Sequence[str]) -> None:
    one, other = new_stage(), new_stage()
    start = one.now
    for lists, failing, after in steps:
        one.failing = other.failing = failing
        rows = {name: [*OLD, *(dated(code, days, start) for code, days in listed)] for name, listed in lists.items()}
        turned = {name: list(reversed(rows[name])) for name in order if name in rows}
        first, second = one.run(after=after, **rows), other.run(after=after, **turned)
        assert first == second
    assert one.store.codes() == other.store.codes()


@given(STEPS)
@settings(max_examples=15, deadline=None)
def test_a_hold_that_time_ends_is_over_after_it_and_a_run_on_a_list_that_stays(steps: Sequence) -> None:
    stage = new_stage()
    start = stage.now
    last: dict[str, Sequence] = {}
    for lists, failing, after in steps:
        stage.failing = failing
        last = {name: [*OLD, *(dated(code, days, start) for code, days in listed)] for name, listed in lists.items()}
        stage.run(after=after, **last)
    stage.failing = set()
    if last:
        stage.run(**last)
        judged = stage.run(after=timedelta(minutes=31), **last)
        assert [one for one in judged.held if one.until is not None] == []


@given(
    st.lists(st.tuples(st.integers(1, 8), st.booleans()), min_size=1, max_size=10),
    st.sampled_from([timedelta(minutes=5), timedelta(days=1)]),
)
@settings(max_examples=15, deadline=None)
def test_of_a_healthy_history_every_code_goes_out_at_once_and_once(batches: Sequence, after: timedelta) -> None:
    """Up to eight at a time, as in the largest real batch of a game; some are away for a while in between."""
    stage = Judging(new_to={"wiki"})
    ledger = Ledger(stage)
    known = [f"Summer{number:03}Gift" for number in range(30)]
    stage.run(wiki=known)
    stage.new_to.clear()
    expected: list[str] = []
    for number, (count, flaps) in enumerate(batches):
        new = [f"Batch{number:02}x{each}" for each in range(count)]
        expected += new
        judged = stage.run(wiki=[*known, *new], after=after)
        assert set(new) <= {code.spelling for code in judged.valid}
        ledger.note(judged, stage.now)
        known += new
        if flaps:
            ledger.note(stage.run(wiki=known[: len(known) // 2], after=after), stage.now)
            ledger.note(stage.run(wiki=known, after=after), stage.now)
    assert not judged.held
    sent = [id_ for id_ in ledger.sent if ":BATCH" in id_]
    assert sorted(sent) == sorted(entry_id(1, "whiteout-survival", one.upper()) for one in expected)


@given(st.lists(st.tuples(st.booleans(), LISTS), min_size=1, max_size=6), st.integers(-5, 5))
@settings(max_examples=15, deadline=None)
def test_two_hosts_that_see_different_lists_by_different_clocks_agree(looks: Sequence, minutes: int) -> None:
    """They share a store: whoever looks judges by what the other has remembered, and nothing goes out twice."""
    one = new_stage()
    other = Judging(sources=one.sources, store=one.store, now=one.now + timedelta(minutes=minutes))
    ledger, start = Ledger(one), one.now
    for is_other, listed in looks:
        host = other if is_other else one
        judged = host.run(wiki=[*OLD, *(dated(code, days, start) for code, days in listed)])
        ledger.note(judged, host.now)
        # The other host, with the same list in the same moment, comes to the same.
        twin = Judging(sources=one.sources, store=one.store, now=host.now)
        again = twin.run(after=timedelta(0), wiki=[*OLD, *(dated(code, days, start) for code, days in listed)])
        assert {code.key for code in again.valid} >= {code.key for code in judged.valid}
        ledger.note(again, host.now)
    assert len(ledger.sent) == len(set(ledger.sent))
    assert not [id_ for id_ in ledger.sent if "~3" in id_ and id_.replace("~3", "~2") not in ledger.sent]
