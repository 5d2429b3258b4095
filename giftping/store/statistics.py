"""The numbers of a ledger. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from giftping.store.base import NOT_RECORDED, EntryState, LedgerEntry

PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
"""What codes are counted by, and how a period is called: a day, an ISO 8601 week, a month."""

STATES = (*(state.value for state in EntryState), "uncertain", "given_up")
"""The states that are counted."""


@dataclass(frozen=True, slots=True)
class LedgerStatistics:
    """What the ledger holds, of one guild or of all. The same fields whether there is anything or not."""

    total: int
    """How many codes were sent."""
    last: LedgerEntry | None
    """The one that was sent last."""
    undated: int
    """How many of them were sent nobody knows when: they are in no period."""
    states: dict[str, int]
    """How many entries are in each state; all states are there. `uncertain` are those that are open, and of which
    nobody can tell whether they arrived; `given_up` those of which nobody is asked any more."""
    sources: dict[str, int]
    """How many codes were sent from each kind of place, the most frequent first."""
    games: dict[str, int]
    """How many codes were sent of each game, the most frequent first."""
    periods: dict[str, dict[str, int]]
    """For day, week and month the number of codes sent in each one that has any, in order of time."""


def statistics(
    entries: Sequence[LedgerEntry],
    zone: tzinfo | None,
    unclear: Collection[str] = (),
    given_up: Collection[str] = (),
) -> LedgerStatistics:
    """The numbers of some ledger entries; days begin at midnight in the zone, None being the machine's.

    `unclear` are the ids of the entries that unclear deliveries carry, `given_up` of those whose delivery was.
    """

    def counted_as(entry: LedgerEntry) -> str:
        if entry.state is not EntryState.OPEN:
            return entry.state.value
        if entry.id in given_up:
            return "given_up"
        return "uncertain" if entry.id in unclear else entry.state.value

    states = Counter(map(counted_as, entries))
    sent = [entry for entry in entries if entry.state is EntryState.SENT]
    moments = [entry.happened_at.astimezone(zone) for entry in sent if entry.happened_at is not None]
    return LedgerStatistics(
        total=len(sent),
        last=max(sent, key=lambda entry: (entry.happened_at or NOT_RECORDED, entry.id), default=None),
        undated=len(sent) - len(moments),
        states={state: states[state] for state in STATES},
        sources=dict(Counter(entry.source for entry in sent).most_common()),
        games=dict(Counter(entry.game for entry in sent).most_common()),
        periods={
            period: dict(sorted(Counter(moment.strftime(name) for moment in moments).items()))
            for period, name in PERIODS.items()
        },
    )
