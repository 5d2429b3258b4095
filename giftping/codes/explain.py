"""Why a code was, or was not, announced in a guild. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from giftping.codes.broken_destination import is_resting, meaning_of_broken
from giftping.codes.guards import clearance
from giftping.codes.model import Code
from giftping.codes.plan import Listed, plan_game
from giftping.delivery.deliveries import Delivery, DeliveryState
from giftping.settings.sources import MANUAL_SOURCE, SightingState
from giftping.store.base import CodeRecord, EntryState, GuildRecord, LedgerEntry


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a code was, or was not, announced."""

    answer: str
    """One sentence."""
    steps: tuple[str, ...]
    """What led to it, in order."""


def code_of(record: CodeRecord) -> Code:
    """The code that a record remembers."""
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
    )


def explain(
    key: str,
    guild: GuildRecord | None,
    records: Sequence[CodeRecord],
    entries: Sequence[LedgerEntry],
    *,
    listed: Collection[tuple[str, str]],
    now: datetime,
    when: Callable[[datetime], str],
    skipped_regions: frozenset[str],
    owed: Mapping[str, tuple[datetime, str]] = MappingProxyType({}),
    deliveries: Mapping[str, Delivery] = MappingProxyType({}),
) -> Explanation:
    """Why the guild did or did not get the code.

    `listed` are the game and key of whatever sources list now; `when` writes an instant for the reader; `owed` says by
    game since when, and after which no, the code waits for the guild; `deliveries` are those that have not come to
    their end, by id.
    """
    steps = [step for record in records for step in _sighting_steps(record, when)]
    steps = steps or ["no source has listed it, and nobody added it"]
    steps += [f"{game}: refused on {when(since)}, owed since ({why})" for game, (since, why) in sorted(owed.items())]
    carried = {entry.id: deliveries.get(entry.delivery_id) for entry in entries}
    steps += [step for entry in entries for step in _entry_steps(entry, carried[entry.id], when)]
    unclear = [one for one in carried.values() if one is not None and one.state is DeliveryState.UNCLEAR]
    if unclear:
        guild_id = unclear[0].guild_id
        steps.append(f"look into the channel, then: giftping codes settle {guild_id} --sent, or --resend")
    if entries:
        said = "; ".join(
            f"{entry.spelling} {_entry_says(entry, carried[entry.id])}{_of_game(entry, entries)}" for entry in entries
        )
        return Explanation(f"{said}.", tuple(steps))
    if guild is None:
        return Explanation(f"{key} was not announced: the guild is not known.", (*steps, "see: giftping guilds list"))
    record = next((record for record in records if record.game in guild.games), None)
    steps.append(f"the guild follows {', '.join(guild.games)}")
    if record is None:
        reason = "the guild does not follow its game" if records else "no source lists it"
        return Explanation(f"{key} was not announced: {reason}.", tuple(steps))
    is_owed = record.game in owed
    return Explanation(_open_answer(record, guild, listed, now, skipped_regions, when, is_owed=is_owed), tuple(steps))


def _open_answer(
    record: CodeRecord,
    guild: GuildRecord,
    listed: Collection[tuple[str, str]],
    now: datetime,
    skipped_regions: frozenset[str],
    when: Callable[[datetime], str],
    *,
    is_owed: bool,
) -> str:
    code = code_of(record)
    judged = clearance(code, now, skipped_regions)
    if not judged.may_go_out:
        return f"{code.spelling} was not announced: {judged.reason}."
    if MANUAL_SOURCE not in record.sources and (record.game, record.key) not in listed and not is_owed:
        return f"{code.spelling} was not announced: no source lists it any more."
    if is_resting(guild, now) and guild.broken is not None:
        meaning, retry_at = meaning_of_broken(guild), guild.broken.retry_at
        retry = f"tried again after {when(retry_at)}" if retry_at else "not tried again by itself"
        mend = f"{meaning.mend or 'mend it'}, then: giftping guilds test {guild.guild_id} ({retry})"
        return f"{code.spelling} waits: the guild's destination is broken ({guild.broken.reason}); {mend}"
    if is_owed:
        return f"{code.spelling} was refused, and goes out with the next check."
    by_hand = record.sources.get(MANUAL_SOURCE)
    sources = frozenset(code.sources) - {MANUAL_SOURCE}
    added = {record.key: by_hand.first_seen} if by_hand else {}
    if plan_game(guild, Listed(record.game, (code,), sources, sources, added), ()).seed:
        return f"{code.spelling} is not posted: it was there before the guild's first look, which is still to come."
    return f"{code.spelling} goes out with the next check."


_ENTRY_SAYS = {
    EntryState.SENT: "was announced",
    EntryState.SEEDED: "was not posted: it was there at the guild's first look",
    EntryState.OPEN: "is on its way, or a run was cut short: the next check looks for it",
}

_DELIVERY_SAYS = {
    DeliveryState.UNCLEAR: "is uncertain: nobody can tell whether it arrived",
    DeliveryState.CLOSED: "was given up: nobody can tell any more whether it arrived",
}


def _entry_says(entry: LedgerEntry, delivery: Delivery | None) -> str:
    said = _DELIVERY_SAYS.get(delivery.state) if delivery and entry.state is EntryState.OPEN else None
    return said or _ENTRY_SAYS[entry.state]


def _of_game(entry: LedgerEntry, entries: Sequence[LedgerEntry]) -> str:
    return f" ({entry.game})" if len(entries) > 1 else ""


def _sighting_steps(record: CodeRecord, when: Callable[[datetime], str]) -> Iterator[str]:
    sources = ", ".join(f"{name} ({memory.spelling})" for name, memory in sorted(record.sources.items()))
    yield f"{record.game}: listed by {sources}"
    expiry = f", valid until {when(record.expires_at)}" if record.expires_at else ""
    yield f"seen from {when(record.first_seen)} to {when(record.last_seen)}{expiry}"


def _entry_steps(entry: LedgerEntry, delivery: Delivery | None, when: Callable[[datetime], str]) -> Iterator[str]:
    yield f"ledger: {entry.state.value} on {when(entry.sent_at or entry.updated_at)}, source {entry.source}"
    message = f"message {entry.message_id}, " if entry.message_id is not None else ""
    if entry.delivery_id:
        by = f" by {delivery.holder.host}" if delivery is not None else ""
        yield f"{message}delivery {entry.delivery_id}{by}"
    if delivery is not None and entry.state is EntryState.OPEN:
        why = f": {delivery.reason}" if delivery.reason else ""
        yield f"claimed on {when(delivery.since)}, {delivery.state.value}{why}"
