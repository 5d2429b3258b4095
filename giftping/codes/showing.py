"""What a message shows of a code, and what it should: valid, ended, or withdrawn. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from giftping.codes.guards.refusals import is_past
from giftping.codes.holds import code_of
from giftping.codes.model import Code
from giftping.codes.scope import seen_apart, seen_by
from giftping.settings.sources import SightingState
from giftping.store.base import CodeRecord, LedgerEntry
from giftping.store.fields import time_to_text

GONE = "gone"
"""What an entry says whose message is not there any more, or is out of reach for good."""


class Validity(StrEnum):
    """What has become of a code."""

    VALID = "valid"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    """A person has said that it is none."""


@dataclass(frozen=True, slots=True)
class Showing:
    """A code as a message is to show it."""

    code: Code
    validity: Validity = Validity.VALID

    @property
    def text(self) -> str:
        """What the ledger calls it, beside the spelling."""
        return _in_words(self.validity, self.code.expires_at)


def end_of(record: CodeRecord) -> datetime | None:
    """When the present round of a code ends, by whoever has named an end last; None where nobody has."""
    if record.expires_at is not None or record.latest_end is None:
        return record.expires_at
    # That a list without dates has it still takes nothing back; the end of an earlier round says nothing of this one.
    is_of_round = not record.rounds or record.latest_end > record.rounds[-1].began_at
    return record.latest_end if is_of_round else None


def true_showing(record: CodeRecord, now: datetime) -> Showing:
    """How messages of the present round are to show a code."""
    ends_at = end_of(record)
    return Showing(replace(code_of(record), expires_at=ends_at), _validity_of(record, ends_at, now))


def _validity_of(record: CodeRecord, ends_at: datetime | None, now: datetime) -> Validity:
    if record.withdrawn is not None:
        return Validity.WITHDRAWN
    approved_at = record.approved.at if record.approved else None
    has_ended = record.state == SightingState.EXPIRED or is_past(ends_at, approved_at, now)
    return Validity.ENDED if has_ended else Validity.VALID


def _in_words(validity: Validity, ends_at: datetime | None) -> str:
    if validity is not Validity.VALID or ends_at is None:
        return validity.value
    return f"{validity.value} until {time_to_text(ends_at)}"


def for_reader(shows: str, when: Callable[[datetime], str]) -> str:
    """What a message shows, as the ledger has it, with its instant as `when` writes it."""
    validity, until, ends_at = shows.partition(" until ")
    return f"{validity}{until}{when(datetime.fromisoformat(ends_at))}" if until else shows


def showing_for(entry: LedgerEntry, record: CodeRecord, now: datetime) -> Showing:
    """How the message of an entry is to show its code, by what its guild knows of it.

    One of an earlier round that had ended shows that, whatever became of the code later. Where the next one began
    without that, by a person's word say, its code works as ever.
    """
    now_shown = true_showing(seen_by(record, entry.guild_id) or record, now)
    if not any(later.ended_at for later in record.rounds[entry.number - 1 :]):
        return now_shown
    earlier = replace(now_shown.code, spelling=entry.spelling, expires_at=None, expiry_text="")
    return Showing(earlier, Validity.WITHDRAWN if record.withdrawn else Validity.ENDED)


def is_true(entry: LedgerEntry, showing: Showing) -> bool:
    """Whether the message of an entry shows its code as it is to be shown, or cannot be changed any more."""
    if entry.shown == GONE:
        return True
    # An older release did not note which end its messages show: when that comes, it is seen.
    is_same = entry.shown == showing.text if entry.shown else showing.validity is Validity.VALID
    return is_same and entry.spelling == showing.code.spelling


def all_shown(record: CodeRecord, now: datetime) -> str:
    """What the memory of codes says once all messages of a code show it as it is to be shown."""
    return "; ".join([_shown(one, now) for one in seen_apart(record)])


def _shown(seen: CodeRecord, now: datetime) -> str:
    # Every run asks this of all that was ever listed: so without making a code of each.
    ends_at = end_of(seen)
    text = _in_words(_validity_of(seen, ends_at, now), ends_at)
    return f"{seen.spelling} {text}{f' ~{seen.number}' if seen.number > 1 else ''}"
