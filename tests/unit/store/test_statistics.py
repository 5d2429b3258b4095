from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fakes.records import entry

from giftping.store.base import EntryState, LedgerEntry
from giftping.store.statistics import statistics


def sent(key: str, at: datetime, **changes: object) -> LedgerEntry:
    return entry(key=key, state=EntryState.SENT, sent_at=at, updated_at=at, **changes)


def test_codes_are_counted_by_day_week_and_month_of_the_users_zone() -> None:
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    earlier = datetime(2026, 12, 30, 12, 0, tzinfo=UTC)
    found = statistics([sent("ONE1", late), sent("TWO2", earlier)], ZoneInfo("Asia/Kolkata"))
    assert found.periods == {
        "day": {"2026-12-30": 1, "2027-01-01": 1},
        "week": {"2026-W53": 2},
        "month": {"2026-12": 1, "2027-01": 1},
    }


def test_the_last_code_is_the_one_sent_last() -> None:
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    found = statistics([sent("LAST1", last, source="rss"), sent("FIRST1", first)], UTC)
    assert found.last is not None
    assert found.last.key == "LAST1"
    assert found.sources == {"rss": 1, "api": 1}


def test_an_empty_ledger_has_the_same_fields() -> None:
    """D29: statistics have the same keys for a guild without entries."""
    found = statistics([], None)
    assert (found.total, found.last, found.sources, found.games) == (0, None, {}, {})
    assert found.states == {"open": 0, "sent": 0, "uncertain": 0, "seeded": 0, "given_up": 0}
    assert found.periods == {"day": {}, "week": {}, "month": {}}


def test_only_what_was_sent_counts_as_sent() -> None:
    entries = [
        entry(key="A1"),
        entry(key="B2"),
        entry(key="C3", state=EntryState.SEEDED),
        entry(key="D4"),
    ]
    found = statistics(entries, UTC, unclear={"1:B2", "1:C3", "9:GONE"}, given_up={"1:D4"})
    assert found.total == 0
    assert found.states == {"open": 1, "sent": 0, "uncertain": 1, "seeded": 1, "given_up": 1}
