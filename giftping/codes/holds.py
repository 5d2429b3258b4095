"""What the memory of codes says of a code's doubts: which of them count, and whether it is held for them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from giftping.codes.guards.doubts import Doubt
from giftping.codes.guards.refusals import clearance
from giftping.codes.model import Clearance, Code
from giftping.settings.sources import MANUAL_SOURCE, SightingState, SourceDefinition
from giftping.store.base import CodeRecord, Hold, PastRuling, Ruling
from giftping.text import to_type, when

if TYPE_CHECKING:
    from giftping.settings.catalogue import Game
    from giftping.settings.keys import Settings

CLEAR = Clearance(may_go_out=True)


def code_of(record: CodeRecord) -> Code:
    """The code that a record remembers."""
    withdrawn = record.withdrawn
    return Code(
        game=record.game,
        key=record.key,
        spelling=record.spelling,
        sources=tuple(sorted(record.sources)),
        spellings={name: memory.spelling for name, memory in record.sources.items()},
        rewards=record.rewards,
        expires_at=record.expires_at,
        expiry_text=record.expiry_text,
        state=SightingState(record.state or SightingState.UNSTATED),
        regions=record.regions,
        number=record.number,
        withdrawn=f"{withdrawn.by}, on {when(withdrawn.at, UTC)}" if withdrawn else "",
        approved_at=record.approved.at if record.approved else None,
    )


@dataclass(frozen=True, slots=True)
class JudgingRules:
    """The settings by which codes are judged."""

    games: Mapping[str, Game]
    sources: Mapping[str, SourceDefinition]
    skipped_regions: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> JudgingRules:
        """Those that the settings hold."""
        return cls(settings.games, settings.sources, frozenset(settings.codes.skipped_regions))

    def family_of(self, source: str) -> str:
        """Which sources are one opinion with this one; one that the settings do not know any more is its own."""
        definition = self.sources.get(source)
        return definition.upstream if definition is not None else source


def open_holds(record: CodeRecord) -> dict[str, Hold]:
    """The doubts that count of the present round of a code, by source."""
    if not record.holds or record.approved is not None or record.withdrawn is not None:
        return {}
    return {
        source: hold
        for source, hold in record.holds.items()
        if hold.released_at is None and hold.number == record.number
    }


def as_holds(doubts: Mapping[str, Doubt], number: int, now: datetime) -> dict[str, Hold]:
    """What is remembered of the doubts of a round that are found now."""
    return {
        source: Hold(now, doubt.reason, None if doubt.lasts is None else now + doubt.lasts, number=number)
        for source, doubt in doubts.items()
    }


def hold_clearance(
    code: Code, record: CodeRecord, now: datetime, rules: JudgingRules, standing: Collection[str]
) -> Clearance:
    """Whether a code goes out in spite of doubts about it, and until when it is held if not.

    `standing` are the sources whose list is one to go by now: known to be as it is, and not doubtful as a whole.
    """
    holds = open_holds(record)
    if not holds or MANUAL_SOURCE in code.sources:
        return CLEAR
    doubtful: dict[str, list[tuple[str, Hold]]] = {}
    for source, hold in sorted(holds.items()):
        doubtful.setdefault(rules.family_of(source), []).append((source, hold))
    if any(rules.family_of(source) not in doubtful for source in code.sources):
        return CLEAR
    listing = {rules.family_of(source) for source in code.sources if source in standing}
    ends = {family: _end(held) for family, held in doubtful.items()}
    if any(end is not None and end <= now for family, end in ends.items() if family in listing):
        return CLEAR
    seen_last = {
        rules.family_of(name)
        for name in code.sources
        if name in record.sources and record.sources[name].last_seen == record.last_seen
    }
    # The one that may be over first is told, of those that list it: what time does at the others releases nothing.
    family = min(listing or seen_last or ends, key=lambda one: (ends[one] is None, ends[one] or now, one))
    source, hold = max(doubtful[family], key=lambda held: (held[1].until is None, held[1].until or now, held[0]))
    return Clearance(
        may_go_out=False,
        reason=hold.reason,
        held_by=source,
        held_since=min(one.since for one in holds.values()),
        held_until=ends[family],
    )


def commands_for(*, source: str = "", code: CodeRecord | Code | None = None) -> str:
    """The commands that say of a code, or of all that a source's list has put in doubt, that it is real, or is not."""
    what = ["--source", source] if code is None else ["--game", code.game, "--", code.spelling]
    if code is not None and not code.spelling.startswith("-"):
        what.remove("--")
    return f"{to_type('codes', 'approve', *what)} or {to_type('codes', 'reject', *what)}"


def _end(held: Collection[tuple[str, Hold]]) -> datetime | None:
    """When all of a family's doubts are over by themselves, None where a person has to say so."""
    ends = [hold.until for _, hold in held]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def remembered_clearance(record: CodeRecord, now: datetime, rules: JudgingRules) -> Clearance:
    """Whether a code may go out by what is remembered of it; what only time releases is held until a check says so."""
    code = code_of(record)
    judged = clearance(code, now, rules.skipped_regions, rules.games)
    return hold_clearance(code, record, now, rules, ()) if judged.may_go_out else judged


def approved_by(record: CodeRecord, ruling: Ruling, rules: JudgingRules) -> CodeRecord:
    """The record once a person has approved its code; where an earlier word lets it go out, that one stays.

    What went out by it would seem to have gone out before anybody approved it, else.
    """
    as_before = restored_by(record, ruling)
    if record.approved is None:
        return replace(as_before, approved=ruling)
    if remembered_clearance(as_before, ruling.at, rules).may_go_out:
        return as_before
    past = PastRuling("approved", record.approved, ruling)
    return replace(as_before, approved=ruling, past_rulings=(*as_before.past_rulings, past))


def withdrawn_by(record: CodeRecord, ruling: Ruling) -> CodeRecord:
    """The record once a person has said that its code is none; who says so once more changes nothing."""
    # What a person had approved is so again once that is undone.
    return record if record.withdrawn is not None else replace(record, withdrawn=ruling)


def restored_by(record: CodeRecord, ruling: Ruling) -> CodeRecord:
    """The record once a person has taken back that its code is none; as it was where nobody had said so."""
    if record.withdrawn is None:
        return record
    past = PastRuling("withdrawn", record.withdrawn, ruling)
    return replace(record, withdrawn=None, past_rulings=(*record.past_rulings, past))


def freed_at(record: CodeRecord) -> datetime | None:
    """When the present round of a code was held no more, by time or a person; None where it was not, or still is."""
    holds = [hold for hold in record.holds.values() if hold.number == record.number]
    if not holds or open_holds(record):
        return None
    released_at = [hold.released_at for hold in holds if hold.released_at is not None]
    return max([*released_at, *([record.approved.at] if record.approved else [])], default=None)


def released(record: CodeRecord, now: datetime) -> CodeRecord:
    """The record once what is held of it counts no more."""
    return replace(
        record,
        holds={
            **record.holds,
            **{source: replace(hold, released_at=now) for source, hold in open_holds(record).items()},
        },
    )
