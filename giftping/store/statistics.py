"""The numbers of a ledger. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from giftping.store.base import EntryState, LedgerEntry

PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
"""What codes are counted by, and how a period is called: a day, an ISO 8601 week, a month."""


@dataclass(frozen=True, slots=True)
class LedgerStatistics:
    """What the ledger holds, of one guild or of all. The same fields whether there is anything or not."""

    total: int
    """How many codes were sent."""
    last: LedgerEntry | None
    """The one that was sent last."""
    states: dict[str, int]
    """How many entries are in each state; all states are there."""
    sources: dict[str, int]
    """How many codes were sent from each kind of place, the most frequent first."""
    games: dict[str, int]
    """How many codes were sent of each game, the most frequent first."""
    periods: dict[str, dict[str, int]]
    """For day, week and month the number of codes sent in each one that has any, in order of time."""


def statistics(entries: Sequence[LedgerEntry], zone: tzinfo | None) -> LedgerStatistics:
    """The numbers of some ledger entries; days begin at midnight in the zone, None being the machine's."""
    sent = [entry for entry in entries if entry.state is EntryState.SENT]
    moments = [(entry.sent_at or entry.updated_at).astimezone(zone) for entry in sent]
    return LedgerStatistics(
        total=len(sent),
        last=max(sent, key=lambda entry: (entry.sent_at or entry.updated_at, entry.id), default=None),
        states={state.value: sum(entry.state is state for entry in entries) for state in EntryState},
        sources=dict(Counter(entry.source for entry in sent).most_common()),
        games=dict(Counter(entry.game for entry in sent).most_common()),
        periods={
            period: dict(sorted(Counter(moment.strftime(name) for moment in moments).items()))
            for period, name in PERIODS.items()
        },
    )
